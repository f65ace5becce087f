/** Where people come from, and which ways they go. */

import { useState } from "react";
import type { Asked, SourceRow, Ways } from "../api";
import { colour, Drawing } from "../chart";
import { exact, money, percent } from "../format";
import { t } from "../language";
import { Empty } from "../parts";
import { columnLabel } from "../state";
import { Table } from "../table";
import type { Body } from "./build";

export function PathsShown({ asked }: { asked: Asked<Ways> }) {
  const { ways, nodes, links } = asked.data;
  if (ways === 0) return <Empty title={t("Nobody went this way in this period")} />;
  const option = () => ({
    animation: false,
    textStyle: { fontFamily: "inherit" },
    tooltip: { confine: true },
    series: [
      {
        type: "sankey",
        left: 8,
        right: 120,
        nodeGap: 10,
        nodeAlign: "left",
        draggable: false,
        emphasis: { focus: "adjacency" },
        itemStyle: { color: colour("accent"), borderWidth: 0 },
        lineStyle: { color: colour("earlier"), opacity: 0.25, curveness: 0.5 },
        label: {
          color: colour("ink"),
          fontSize: 11,
          width: 110,
          overflow: "truncate",
          formatter: (one: { name: string }) => one.name.replace(/^\d+ /, ""),
        },
        data: [
          ...nodes.map((node) => ({ name: `${node.step} ${node.name}` })),
          ...[...new Set(links.filter((one) => one.to === "(end)").map((one) => one.step))].map((step) => ({
            name: t("{step} (end)", { step: step + 1 }),
            itemStyle: { color: colour("earlier") },
          })),
        ],
        links: links.map((one) => ({
          source: `${one.step} ${one.from}`,
          target: `${one.step + 1} ${one.to}`,
          value: one.ways,
        })),
      },
    ],
  });
  const sorted = [...links].sort((a, b) => b.ways - a.ways || a.step - b.step);
  return (
    <>
      <section
        className="overflow-x-auto"
        aria-label={t("Ways as a diagram")}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
        tabIndex={0}
      >
        <div className="min-w-[40rem]">
          <Drawing
            option={option}
            again={asked}
            height={420}
            label={t("Ways of {ways} sessions, step by step", { ways: exact(ways) })}
          />
        </div>
      </section>
      <Table
        caption={t("From where to where, the most frequent")}
        rows={sorted.slice(0, 30)}
        id={(row) => `${row.step} ${row.from} ${row.to}`}
        columns={[
          { name: t("Step"), number: true, show: (row) => row.step },
          { name: t("From"), show: (row) => row.from || t("(none)") },
          { name: t("To"), show: (row) => row.to || t("(none)") },
          { name: t("Sessions"), number: true, show: (row) => exact(row.ways) },
        ]}
      />
    </>
  );
}

export function SourcesShown({ asked, body }: { asked: Asked<SourceRow[]>; body: Body }) {
  const [sort, setSort] = useState<"sessions" | "visitors" | "conversions" | "bounce_rate">("sessions");
  const columns = (body.by as (keyof SourceRow)[] | undefined) ?? ["channel"];
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
  if (rows.length === 0) return <Empty title={t("Nobody came in this period")} />;
  return (
    <Table
      caption={t("Sources")}
      rows={rows}
      id={(row) => columns.map((column) => row[column]).join("\n")}
      columns={[
        ...columns.map((column) => ({
          name: columnLabel(column),
          show: (row: SourceRow) => String(row[column]) || t("none"),
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
