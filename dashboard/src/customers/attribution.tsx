/** Attribution of orders to visits, by model, beside the costs. */

import { useState } from "react";
import type { AttributionQuestion, AttributionRow } from "../client/api";
import { useAsk, useProject } from "../client/hooks";
import { Controls } from "../kit/controls";
import { exact, money } from "../kit/format";
import { Card, Empty, Failure, Skeleton } from "../kit/parts";
import { type Column, Table } from "../kit/table";
import { Opened } from "../kit/why";
import { t, term } from "../language";
import { Choice, Unconverted } from "./list";

type Model = NonNullable<AttributionQuestion["models"]>[number];
type By = NonNullable<AttributionQuestion["by"]>[number];

const MODELS: [Model, string][] = [
  ["last_non_direct", t("Last non-direct visit")],
  ["first", t("First visit")],
  ["last", t("Last visit")],
  ["linear", t("Linear: all visits equally")],
  ["position", t("Position-based (40/20/40)")],
  ["time_decay", t("Time decay (half-life of 7 days)")],
];
const BY_CHANNEL: [string, string, By[]] = ["channel", t("Channel"), ["channel"]];
const BY: [string, string, By[]][] = [
  BY_CHANNEL,
  ["source", t("Source and medium"), ["source", "medium"]],
  ["campaign", t("Campaign"), ["source", "medium", "campaign"]],
];
const WINDOWS: [string, string][] = [
  ["7", t("7 days")],
  ["30", t("30 days")],
  ["90", t("90 days")],
];
const part = (text: string | undefined) => text && term(text);

export function Attribution() {
  const [model, setModel] = useState<Model>("last_non_direct");
  const [beside, setBeside] = useState<Model>("first");
  const [by, setBy] = useState("channel");
  const [window_, setWindow] = useState("30");
  const [, label, dimensions] = BY.find(([name]) => name === by) ?? BY_CHANNEL;
  const models = model === beside ? [model] : [model, beside];
  const answer = useAsk({
    question: "attribution",
    by: dimensions,
    models,
    window_days: Number(window_),
  });
  const columns = useColumns(label, dimensions, models);
  const rows = answer.data?.data.rows;
  const any = rows?.some((row) => row.visits > 0 || (row.models[model]?.orders ?? 0) > 0);
  return (
    <>
      <Controls title={t("Attribution")} />
      <div className="no-print mb-3 flex flex-wrap gap-3">
        <Choice
          label={t("Attribution model")}
          value={model}
          change={(name) => setModel(name as Model)}
          options={MODELS}
        />
        <Choice
          label={t("Compare with")}
          value={beside}
          change={(name) => setBeside(name as Model)}
          options={MODELS}
        />
        <Choice label={t("By")} value={by} change={setBy} options={BY.map(([a, b]) => [a, b])} />
        <Choice label={t("Visits of")} value={window_} change={setWindow} options={WINDOWS} />
      </div>
      <Card
        title={t("Attribution of orders")}
        aside={<Opened query={answer.data?.queries[0]} name={t("Attribution")} rule="attribution" />}
      >
        {answer.error && <Failure error={answer.error} again={answer.refetch} />}
        {rows === undefined && !answer.error && <Skeleton rows={6} />}
        {rows && !any && (
          <Empty title={t("No visits and no orders here")}>{t("Choose a longer period.")}</Empty>
        )}
        {rows && any && (answer.data?.data.unconverted ?? 0) > 0 && (
          <Unconverted count={answer.data?.data.unconverted ?? 0} />
        )}
        {rows && any && (
          <Table
            caption={t("Attribution")}
            columns={columns}
            rows={rows}
            id={(row) => dimensions.map((name) => row[name as "channel"]).join("\n")}
          />
        )}
      </Card>
    </>
  );
}

/** The columns of the answer by dimensions; the first of the models is compared with the second. */
function useColumns(label: string, dimensions: By[], models: Model[]): Column<AttributionRow>[] {
  const project = useProject();
  const amount = (value: string | null | undefined) =>
    value ? money([{ currency: project.currency, amount: value }]) : "–";
  const chosen = (row: AttributionRow) => row.models[models[0] ?? ""];
  const ofModel = (name: Model, at: number): Column<AttributionRow>[] => [
    {
      name: at === 0 ? t("Orders") : t("Orders, beside"),
      number: true,
      wide: at > 0,
      show: (row) => exact(Math.round((row.models[name]?.orders ?? 0) * 100) / 100),
    },
    {
      name: at === 0 ? t("Value") : t("Value, beside"),
      number: true,
      wide: at > 0,
      show: (row) => amount(Number(row.models[name]?.value ?? 0) ? row.models[name]?.value : undefined),
    },
  ];
  return [
    {
      name: label,
      fixed: true,
      show: (row) => (
        <span className="font-medium">
          {dimensions
            .map((name) => part(row[name as "channel"]))
            .filter(Boolean)
            .join(" / ") || t("Unattributed")}
        </span>
      ),
    },
    { name: t("Visits"), number: true, wide: true, show: (row) => exact(row.visits) },
    ...models.flatMap(ofModel),
    { name: t("Cost"), number: true, wide: true, show: (row) => amount(row.cost) },
    { name: t("Cost by visit"), number: true, wide: true, show: (row) => amount(row.cost_per_visit) },
    {
      name: t("Cost by order"),
      number: true,
      wide: true,
      show: (row) => amount(chosen(row)?.cost_per_order),
    },
    {
      name: t("Return on cost"),
      number: true,
      wide: true,
      show: (row) => {
        const value = chosen(row)?.return;
        return value === null || value === undefined ? "–" : `${value.toFixed(2)} ×`;
      },
    },
  ];
}
