/** Exchange rates and advertising costs, uploaded as tables. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, type CostShown, type RatesShown } from "../client/api";
import { useProject, useRefresh } from "../client/hooks";
import { field, quiet } from "../kit/dialog";
import { exact } from "../kit/format";
import { Card, Empty } from "../kit/parts";
import { Table } from "../kit/table";
import { useToast } from "../kit/toast";
import { t } from "../language";

export function Rates() {
  const project = useProject();
  const path = `/projects/${project.id}/rates`;
  const answer = useQuery({ queryKey: [path], queryFn: () => api.get<RatesShown>(path) });
  const rates = answer.data?.rates;
  return (
    <Card title={t("Exchange rates to {currency}", { currency: project.currency })}>
      {rates?.length === 0 && (
        <Empty title={t("No rates yet")}>
          {t(
            "Amounts keep the currency in which they were paid; with exchange rates they are also summed. A table has the columns day, currency and rate, or is the file that the European Central Bank publishes.",
          )}
        </Empty>
      )}
      {rates && rates.length > 0 && (
        <Table
          caption={t("Rates")}
          rows={rates}
          id={(row) => row.currency}
          low
          columns={[
            { name: t("Currency"), show: (row) => row.currency },
            { name: t("Newest rate"), number: true, show: (row) => Number(row.newest).toPrecision(6) },
            { name: t("Since"), show: (row) => row.since },
            { name: t("Days"), number: true, show: (row) => exact(row.days) },
          ]}
        />
      )}
      <Upload path={`${path}/csv`} label={t("A table of rates (CSV)")} />
    </Card>
  );
}

export function Costs() {
  const project = useProject();
  const path = `/projects/${project.id}/costs`;
  const answer = useQuery({ queryKey: [path], queryFn: () => api.get<{ rows: CostShown[] }>(path) });
  const rows = answer.data?.rows;
  return (
    <Card title={t("Costs of the last 90 days")}>
      {rows?.length === 0 && (
        <Empty title={t("No costs yet")}>
          {t(
            "A table has the columns day, source, medium, campaign and cost, and optionally currency, clicks and impressions. Attribution compares the costs with the revenue.",
          )}
        </Empty>
      )}
      {rows && rows.length > 0 && (
        <Table
          caption={t("Costs")}
          rows={rows}
          id={(row) => [row.source, row.medium, row.campaign, row.currency].join("\n")}
          low
          columns={[
            {
              name: t("Campaign"),
              show: (row) => [row.source, row.medium, row.campaign].filter(Boolean).join(" / "),
            },
            { name: t("Cost"), number: true, show: (row) => `${row.currency} ${exact(Number(row.cost))}` },
            { name: t("Clicks"), number: true, show: (row) => exact(row.clicks) },
            { name: t("Last day"), wide: true, show: (row) => row.last },
          ]}
        />
      )}
      <Upload path={`${path}/csv`} label={t("A table of costs (CSV)")} />
    </Card>
  );
}

function Upload({ path, label }: { path: string; label: string }) {
  const [sent, setSent] = useState<number>();
  const say = useToast();
  const refresh = useRefresh();
  async function send(form: HTMLFormElement) {
    setSent(0);
    try {
      await api.upload(path, new FormData(form).get("file") as File, setSent);
      form.reset();
      refresh();
      say(t("The table is saved."));
    } catch (error) {
      say((error as Error).message);
    }
    setSent(undefined);
  }
  return (
    <form
      className="no-print flex flex-wrap items-end gap-2 border-t border-line p-4"
      onSubmit={(event) => {
        event.preventDefault();
        void send(event.currentTarget);
      }}
    >
      <label className="grow">
        {label}
        <input type="file" name="file" accept=".csv,text/csv" required className={`${field} py-1.5`} />
      </label>
      <button type="submit" disabled={sent !== undefined} className={quiet}>
        {t("Send")}
      </button>
    </form>
  );
}
