/** What people see and do things with: the most viewed, where views come from, and the register. */
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import type { EntityRow, ViewsRow } from "../api";
import { Chart } from "../chart";
import { Controls } from "../controls";
import { count, country, day, exact, percent } from "../format";
import { useAsk, useProject, useTitle } from "../hooks";
import { t } from "../language";
import { Card, Empty, Failure, Skeleton, Tabs } from "../parts";
import { Table } from "../table";
import { Opened } from "../why";
import { When } from "./Lists";

/** An entity's name, or its id, as a way to its page. */
export function EntityLink({ row }: { row: { entity_type: string; entity_id: string; name: string } }) {
  const project = useProject();
  return (
    <Link
      to={`/p/${project.id}/entity` as "/"}
      search={{ type: row.entity_type, id: row.entity_id } as never}
      className="font-medium hover:underline"
    >
      {row.name || row.entity_id}
    </Link>
  );
}

/** Views by something, of all entities or of one. */
export function ViewsBy(props: {
  title: string;
  by: string;
  of?: { entity_type: string; entity_id: string };
  show?: (value: string) => string;
}) {
  const show = props.show ?? ((value) => value);
  const asked = useAsk<ViewsRow[]>({
    question: "views",
    by: props.by,
    limit: 8,
    filter: undefined,
    ...props.of,
  });
  const rows = asked.data?.data;
  const all = rows?.reduce((sum, row) => sum + row.views, 0) ?? 0;
  return (
    <Card
      title={props.title}
      aside={<Opened query={asked.data?.queries[0]} name={props.title} rule="views" />}
    >
      {asked.error && <Failure error={asked.error} again={asked.refetch} />}
      {rows === undefined && !asked.error && <Skeleton rows={4} />}
      {rows?.length === 0 && <Empty title={t("Nothing in this period")} />}
      {rows !== undefined && rows.length > 0 && (
        <Table
          caption={props.title}
          rows={rows}
          id={(row) => row.value}
          columns={[
            { name: props.title, show: (row) => show(row.value) || t("unknown") },
            { name: t("Views"), number: true, show: (row) => exact(row.views) },
            { name: t("Share"), number: true, show: (row) => percent(row.views / all) },
          ]}
        />
      )}
    </Card>
  );
}

/** Views over time, by the day, or by the hour of the last 24. */
export function ViewsOverTime({ of }: { of?: { entity_type: string; entity_id: string } }) {
  const [by, setBy] = useState("day");
  const project = useProject();
  const asked = useAsk<ViewsRow[]>({
    question: "views",
    by,
    limit: 400,
    filter: undefined,
    ...(by === "hour" ? { period: "yesterday", from: undefined, to: undefined } : {}),
    ...of,
  });
  const today = useAsk<ViewsRow[]>(
    by === "hour"
      ? { question: "views", by, limit: 400, filter: undefined, period: "today", ...of }
      : undefined,
  );
  const rows = [...(asked.data?.data ?? []), ...(today.data?.data ?? [])].slice(by === "hour" ? -24 : 0);
  const shown = (value: string) =>
    by === "hour" ? value.slice(11, 16) : day(`${value}T12:00:00Z`, project.timezone, by);
  return (
    <Card
      title={t("Views over time")}
      aside={<Opened query={asked.data?.queries[0]} name={t("Views over time")} rule="views" />}
    >
      <div className="px-4">
        <Tabs
          label={t("Views over time")}
          tabs={[
            ["day", t("by day")],
            ["week", t("by week")],
            ["hour", t("the last 24 hours")],
          ]}
          chosen={by}
          choose={setBy}
        />
      </div>
      {asked.error && <Failure error={asked.error} again={asked.refetch} />}
      {asked.data === undefined && !asked.error && <Skeleton rows={5} />}
      {asked.data && rows.length === 0 && (
        <Empty title={t("No views yet")}>
          {t(
            "Count one with POST /v1/entities/TYPE/ID/view and a session_id: it is here within two seconds.",
          )}
        </Empty>
      )}
      {rows.length > 0 && (
        <div className="px-2 pb-2">
          <Chart
            label={t("Views: {join}", { join: rows.map((row) => row.views).join(", ") })}
            labels={rows.map((row) => shown(row.value))}
            show={count}
            height={220}
            series={[{ name: t("Views"), kind: "bar", values: rows.map((row) => row.views) }]}
          />
        </div>
      )}
    </Card>
  );
}

function Top() {
  const asked = useAsk<(EntityRow & { anonymous: number })[]>({
    question: "top_entities",
    limit: 10,
    filter: undefined,
  });
  const rows = asked.data?.data;
  return (
    <Card
      title={t("Most viewed")}
      aside={<Opened query={asked.data?.queries[0]} name={t("Most viewed")} rule="views" />}
    >
      {asked.error && <Failure error={asked.error} again={asked.refetch} />}
      {rows === undefined && !asked.error && <Skeleton rows={6} />}
      {rows?.length === 0 && <Empty title={t("Nothing in this period")} />}
      {rows !== undefined && rows.length > 0 && (
        <Table
          caption={t("Most viewed")}
          rows={rows}
          id={(row) => `${row.entity_type}\n${row.entity_id}`}
          columns={[
            { name: t("Entity"), show: (row) => <EntityLink row={row} /> },
            { name: t("Type"), show: (row) => row.entity_type },
            { name: t("Views"), number: true, show: (row) => exact(row.views) },
            {
              name: t("Anonymous"),
              number: true,
              wide: true,
              show: (row) => percent(row.anonymous / row.views),
            },
          ]}
        />
      )}
    </Card>
  );
}

function RegisterCard() {
  const { search = "" } = useSearch({ strict: false }) as { search?: string };
  const navigate = useNavigate();
  const asked = useAsk<EntityRow[]>({
    question: "entities",
    search: String(search),
    limit: 200,
    period: "all",
    filter: undefined,
  });
  const rows = asked.data?.data;
  return (
    <Card
      title={t("Register")}
      className="md:col-span-2"
      aside={<Opened query={asked.data?.queries[0]} name={t("Register")} />}
    >
      <label className="block px-4 pb-2">
        <span className="sr-only">{t("Find an entity by name or id")}</span>
        <input
          type="search"
          placeholder={t("Find by name or id")}
          defaultValue={String(search)}
          onChange={(event) =>
            void navigate({
              to: ".",
              replace: true,
              search: (old: Record<string, unknown>) => ({ ...old, search: event.target.value || undefined }),
            } as never)
          }
          className="min-h-9 w-full max-w-xs rounded-lg border border-line bg-card px-3"
        />
      </label>
      {asked.error && <Failure error={asked.error} again={asked.refetch} />}
      {rows === undefined && !asked.error && <Skeleton rows={6} />}
      {rows?.length === 0 && (
        <Empty title={t("No entities here")}>
          {t(
            "What events speak of (entity_type, entity_id) appears by itself; names come by PUT …/entities or a CSV.",
          )}
        </Empty>
      )}
      {rows !== undefined && rows.length > 0 && (
        <Table
          caption={t("Register")}
          rows={rows}
          id={(row) => `${row.entity_type}\n${row.entity_id}`}
          columns={[
            { name: t("Entity"), show: (row) => <EntityLink row={row} /> },
            { name: t("Type"), show: (row) => row.entity_type },
            { name: t("Belongs to"), wide: true, show: (row) => row.parents.join(", ") || "–" },
            { name: t("Views, ever"), number: true, show: (row) => exact(row.views) },
            {
              name: t("Last seen"),
              wide: true,
              show: (row) => (row.last_seen ? <When at={row.last_seen} /> : "–"),
            },
          ]}
        />
      )}
    </Card>
  );
}

export function Entities() {
  useTitle(t("Entities"));
  return (
    <>
      <Controls title={t("Entities")} />
      <div className="grid gap-4 md:grid-cols-2">
        <ViewsOverTime />
        <Top />
        <ViewsBy title={t("Sent from")} by="referrer_source" />
        <ViewsBy
          title={t("Signed in or not")}
          by="signed_in"
          show={(value) => (value === "anonymous" ? t("anonymous") : t("signed in"))}
        />
        <ViewsBy title={t("Countries")} by="country" show={country} />
        <ViewsBy title={t("Types")} by="entity_type" />
        <RegisterCard />
      </div>
    </>
  );
}
