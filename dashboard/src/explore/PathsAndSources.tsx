/** Sources of sessions, and paths within sessions. */

import { useContext, useState } from "react";
import type { Asked, PathsAnswer, Source } from "../client/api";
import { ReadOnly, useAsk, useView } from "../client/hooks";
import { columnLabel } from "../client/view_state";
import { exact, money, percent } from "../kit/format";
import { Empty } from "../kit/parts";
import { Sankey } from "../kit/sankey";
import { Table } from "../kit/table";
import { t, term } from "../language";
import { useBodyChange } from "./body";
import type { Body } from "./kinds";
import { plain } from "./trend";

const MOST_STEPS = 10;
/** The label of a node: without its step; start and end are translated. */
const named = (node: string) => term(node.replace(/^\d+ /, "")) || t("(none)");

/** Paths as a Sankey diagram. Its depth follows the slider at once; deeper steps are loaded when needed. */
export function PathsShown({ asked, body }: { asked: Asked<PathsAnswer>; body: Body }) {
  const change = useBodyChange();
  const known = Number(body.steps ?? 4);
  const [wanted, setWanted] = useState(known);
  const depth = Math.min(wanted, known);
  const { ways } = asked.data;
  const nodes = asked.data.nodes.filter((node) => node.step <= depth);
  const links = asked.data.links.filter((link) => link.step < depth);
  if (ways === 0) return <Empty title={t("No session took this path in this period")} />;
  const sorted = [...links].sort((a, b) => b.ways - a.ways || a.step - b.step);
  return (
    <>
      {change && <Depth steps={wanted} drag={setWanted} release={() => change({ steps: wanted })} />}
      <Sankey
        label={t("Paths of {ways} sessions, step by step", { ways: exact(ways) })}
        region={t("Paths as a diagram")}
        nodes={nodesOf(nodes, links)}
        links={links.map((link) => ({
          source: `${link.step} ${link.from}`,
          target: `${link.step + 1} ${link.to}`,
          value: link.ways,
        }))}
        named={named}
        columns={depth}
      />
      <Table
        caption={t("Most frequent transitions")}
        rows={sorted.slice(0, 30)}
        id={(row) => `${row.step} ${row.from} ${row.to}`}
        columns={[
          { name: t("Step"), number: true, show: (row) => row.step },
          { name: t("From"), show: (row) => named(row.from) },
          { name: t("To"), show: (row) => named(row.to) },
          { name: t("Sessions"), number: true, show: (row) => exact(row.ways) },
        ]}
      />
    </>
  );
}

/** The slider of the number of steps: it draws while it is dragged, and asks when it is released. */
function Depth(props: { steps: number; drag: (steps: number) => void; release: () => void }) {
  const text = t("{steps} steps", { steps: props.steps });
  return (
    <label className="no-print flex items-center gap-3 px-4 py-2">
      <span className="text-soft">{t("Depth")}</span>
      <input
        type="range"
        min={2}
        max={MOST_STEPS}
        value={props.steps}
        aria-valuetext={text}
        onChange={(event) => props.drag(Number(event.target.value))}
        onPointerUp={props.release}
        onKeyUp={props.release}
        className="min-h-9 max-w-md flex-1 accent-(--accent)"
      />
      <output className="w-16">{text}</output>
    </label>
  );
}

/** The nodes of the diagram; the ends of paths are nodes of the step after. */
function nodesOf(nodes: PathsAnswer["nodes"], links: PathsAnswer["links"]) {
  const ends = new Set(links.filter((link) => link.to === "(end)").map((link) => link.step));
  return [
    ...nodes.map((node) => ({ name: `${node.step} ${node.name}` })),
    ...[...ends].map((step) => ({ name: `${step + 1} (end)`, soft: true })),
  ];
}

export function SourcesShown({ asked, body }: { asked: Asked<Source[]>; body: Body }) {
  const [sort, setSort] = useState<"sessions" | "visitors" | "conversions" | "bounce_rate">("sessions");
  const columns = (body.by as (keyof Source)[] | undefined) ?? ["channel"];
  const rows = [...asked.data].sort((a, b) => b[sort] - a[sort]);
  const head = (name: typeof sort, label: string) => (
    <button
      type="button"
      className="hover:text-ink"
      aria-pressed={sort === name}
      onClick={() => setSort(name)}
    >
      {label} {sort === name && "↓"}
    </button>
  );
  const most = Math.max(1, ...rows.map((row) => row.sessions));
  const lines = useLines(columns);
  if (rows.length === 0) return <Empty title={t("Nobody came in this period")} />;
  return (
    <Table
      caption={t("Sources")}
      rows={rows}
      id={(row) => columns.map((column) => row[column]).join("\n")}
      columns={[
        ...columns.map((column) => ({
          name: columnLabel(column),
          show: (row: Source) =>
            (column === "channel" ? term(row.channel) : String(row[column])) || t("none"),
        })),
        {
          name: t("Sessions"),
          head: head("sessions", t("Sessions")),
          number: true,
          show: (row) => (
            <span className="inline-flex items-center justify-end gap-2">
              <span
                aria-hidden="true"
                className="h-2 rounded bg-accent"
                style={{ width: `${Math.round((80 * row.sessions) / most)}px` }}
              />
              {exact(row.sessions)}
            </span>
          ),
        },
        {
          name: t("Over time"),
          wide: true,
          show: (row) => <Sparkline points={lines.get(columns.map((column) => row[column]).join("\n"))} />,
        },
        {
          name: t("Visitors"),
          head: head("visitors", t("Visitors")),
          number: true,
          show: (row) => exact(row.visitors),
        },
        {
          name: t("Bounce rate"),
          head: head("bounce_rate", t("Bounce rate")),
          number: true,
          wide: true,
          show: (row) => percent(row.bounce_rate),
        },
        {
          name: t("Conversions"),
          head: head("conversions", t("Conversions")),
          number: true,
          show: (row) => exact(row.conversions),
        },
        { name: t("Revenue"), number: true, wide: true, show: (row) => money(row.revenue) },
      ]}
    />
  );
}

/** Sessions over time by source, of the largest sources. */
function useLines(columns: string[]): Map<string, (number | null)[]> {
  const readOnly = useContext(ReadOnly);
  const [view] = useView();
  const interval = ["12mo", "year", "all"].includes(view.period) ? "week" : "day";
  const asked = useAsk(
    readOnly
      ? undefined
      : { question: "trend", series: [{ metric: "sessions" }], by: columns, top: 50, interval },
  );
  const parts = columns.length <= 3 ? (asked.data?.data.series[0]?.parts ?? []) : [];
  return new Map(parts.map((part) => [(part.values ?? []).join("\n"), part.points.map(plain)]));
}

/** A line without axes, beside its numbers. */
function Sparkline({ points }: { points: (number | null)[] | undefined }) {
  if (points === undefined || points.length < 2) return null;
  const most = Math.max(1, ...points.map((value) => value ?? 0));
  const path = points.map(
    (value, at) =>
      `${((96 * at) / (points.length - 1) + 2).toFixed(1)},${(21 - (18 * (value ?? 0)) / most).toFixed(1)}`,
  );
  return (
    <svg viewBox="0 0 100 24" className="h-6 w-25" aria-hidden="true">
      <polyline points={path.join(" ")} fill="none" stroke="var(--accent)" strokeWidth="1.5" />
    </svg>
  );
}
