/** The audit log. */
import { useState } from "react";
import type { EntryShown } from "../client/api";
import { useProject } from "../client/hooks";
import { moment } from "../kit/format";
import { Card, Empty } from "../kit/parts";
import { Table } from "../kit/table";
import { t, term } from "../language";
import { Shown, useOf } from "./asked";

export function Log() {
  const project = useProject();
  const [search, setSearch] = useState("");
  const entries = useOf<EntryShown[]>(`audit?limit=200&search=${encodeURIComponent(search)}`);
  return (
    <Card>
      <div className="flex flex-wrap items-center gap-3 p-4">
        <input
          type="search"
          aria-label={t("Find in the audit log")}
          placeholder={t("Search by user, action or subject")}
          onChange={(event) => setSearch(event.target.value)}
          className="min-h-9 w-full max-w-xs rounded-lg border border-line bg-card px-3"
        />
        <p className="text-soft">{t("It is only added to; nobody can change or remove an entry.")}</p>
      </div>
      <Shown of={entries}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title={t("No entries")} />
          ) : (
            <Table
              caption={t("Audit log")}
              rows={rows}
              id={(row) => row.id}
              columns={[
                { name: t("When"), show: (row) => moment(row.at, project.timezone) },
                { name: t("Who"), show: (row) => row.actor },
                { name: t("What"), show: (row) => term(row.action) },
                { name: t("Subject"), show: (row) => row.subject || "–" },
                {
                  name: t("Details"),
                  wide: true,
                  show: (row) =>
                    Object.entries(row.detail)
                      .map(
                        ([name, value]) =>
                          `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`,
                      )
                      .join(", ") || "–",
                },
                { name: t("IP address"), wide: true, show: (row) => row.address || "–" },
              ]}
            />
          )
        }
      </Shown>
    </Card>
  );
}
