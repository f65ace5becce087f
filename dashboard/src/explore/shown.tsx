/** How answers are drawn, each with the numbers as a table beneath. */
import { useContext, useState } from "react";
import type {
  Asked,
  Drawn,
  FunnelSteps,
  Lifecycles,
  Line,
  PersonRow,
  SourceRow,
  Sticky,
  Triangle,
  Ways,
} from "../api";
import { Chart, colour, Drawing, PALETTE } from "../chart";
import { Framed } from "../dialog";
import { day, duration, exact, money, percent } from "../format";
import { ReadOnly, useAsk, useProject } from "../hooks";
import { Visitor, When } from "../pages/Lists";
import { Empty, Failure, Skeleton } from "../parts";
import { Table } from "../table";
import type { Body } from "./build";

const plain = (value: number | string | null) => (value === null ? null : Number(value));
const number = (given: number | string | null) => {
  const value = plain(given);
  if (value === null) return "–";
  return Number.isInteger(value)
    ? exact(value)
    : value.toLocaleString(undefined, { maximumFractionDigits: 2 });
};

export function TrendShown({ asked, body }: { asked: Asked<Drawn>; body: Body }) {
  const project = useProject();
  const { moments, series, formulas } = asked.data;
  const lines: Line[] = [
    ...series.flatMap(
      (line) => line.parts?.map((part) => ({ ...part, name: part.name || "(none)" })) ?? [line],
    ),
    ...formulas,
  ];
  const labels = moments.map((at) => day(at, project.timezone, String(body.interval ?? "day")));
  return (
    <>
      <Chart
        label={`Trend: ${lines.map((line) => `${line.name} ${number(line.total)}`).join(", ")}`}
        labels={labels}
        show={number}
        height={300}
        series={lines.slice(0, 12).map((line, at) => ({
          name: line.name,
          values: line.points.map(plain),
          kind: "line",
          colour: lines.length > 1 ? at : undefined,
        }))}
      />
      <Table
        caption="Totals of the period"
        id={(row) => row.name + row.at}
        rows={lines.map((line, at) => ({ ...line, at }))}
        columns={[
          {
            name: "Series",
            show: (row) => (
              <span className="inline-flex items-center gap-2">
                <span
                  aria-hidden="true"
                  className="size-2.5 shrink-0 rounded-full"
                  style={{ background: `var(--${PALETTE[row.at % PALETTE.length]})` }}
                />
                {row.name}
              </span>
            ),
          },
          { name: "Whole period", number: true, show: (row) => number(row.total) },
        ]}
      />
      {body.interval === "hour" && series[0] && <Week moments={moments} values={series[0].points} />}
      {asked.annotations?.map((one) => (
        <p key={one.id} className="px-4 py-1 text-soft">
          {day(one.at, project.timezone, "day")}: {one.text}
        </p>
      ))}
    </>
  );
}

export function FunnelShown({ asked, body }: { asked: Asked<FunnelSteps>; body: Body }) {
  const { steps, times, parts } = asked.data;
  const [first] = steps;
  if (first === undefined || first.units === 0)
    return <Empty title="Nobody did the first step">Choose another event, or a longer period.</Empty>;
  return (
    <div className="space-y-4 p-4">
      <ol className="space-y-3">
        {steps.map((step, at) => {
          const wait = times?.find((one) => one.from === at && one.to === at + 1);
          const lost = at > 0 ? (steps[at - 1]?.units ?? 0) - step.units : 0;
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: a step is what stands at its place
            <li key={at}>
              <div className="mb-1 flex flex-wrap items-baseline justify-between gap-x-4">
                <span>
                  <span className="text-soft">{at + 1}.</span>{" "}
                  <span className="font-medium">{step.name}</span>
                  {wait && (
                    <span className="ml-2 text-soft">
                      half of them within {duration(wait.median)} of the step before
                    </span>
                  )}
                </span>
                <span>
                  <People
                    body={{ ...body, question: "funnel_units", step: at + 1, limit: 100, by: undefined }}
                    label={`${exact(step.units)} people`}
                    title={`Who reached step ${at + 1}`}
                  />{" "}
                  <span className="text-soft">{percent(step.of_first ?? 0)}</span>
                </span>
              </div>
              <div className="h-6 overflow-hidden rounded bg-line/50" aria-hidden="true">
                <div
                  className="h-full rounded bg-accent"
                  style={{ width: `${100 * (step.of_first ?? 0)}%` }}
                />
              </div>
              {lost > 0 && (
                <p className="mt-1 text-right text-xs">
                  <People
                    body={{
                      ...body,
                      question: "funnel_units",
                      step: at,
                      dropped: true,
                      limit: 100,
                      by: undefined,
                    }}
                    label={`${exact(lost)} went no further than step ${at}`}
                    title={`Who stopped at step ${at}`}
                  />
                </p>
              )}
            </li>
          );
        })}
      </ol>
      {parts && (
        <Table
          caption="By the value at step 1"
          rows={parts}
          id={(row) => (row.other ? "other" : `=${row.value}`)}
          columns={[
            { name: "Value", show: (row) => (row.other ? "other" : row.value || "(none)") },
            ...steps.map((step, at) => ({
              name: `${at + 1}. ${step.name}`,
              number: true,
              show: (row: (typeof parts)[number]) => exact(row.steps[at]?.units ?? 0),
            })),
            { name: "Converted", number: true, show: (row) => percent(row.steps.at(-1)?.of_first ?? 0) },
          ]}
        />
      )}
    </div>
  );
}

/** A number of people that opens into who they are. */
function People(props: { body: Body; label: string; title: string }) {
  if (useContext(ReadOnly)) return <span className="font-medium">{props.label}</span>;
  return (
    <Framed
      title={props.title}
      trigger={
        <button
          type="button"
          className="font-medium underline decoration-line underline-offset-4 hover:decoration-accent"
        >
          {props.label}
        </button>
      }
    >
      <PeopleList body={props.body} />
    </Framed>
  );
}

function PeopleList({ body }: { body: Body }) {
  const units = useAsk<{ unit?: string; person?: string }[]>(body);
  const ids = units.data?.data.map((one) => one.unit ?? one.person ?? "");
  const people = useAsk<PersonRow[]>(
    ids && ids.length > 0 ? { question: "persons", persons: ids, limit: 100 } : undefined,
  );
  if (units.error) return <Failure error={units.error} again={units.refetch} />;
  if (ids?.length === 0) return <Empty title="Nobody" />;
  if (people.error) return <Failure error={people.error} again={people.refetch} />;
  if (people.data === undefined) return <Skeleton rows={5} />;
  return (
    <Table
      caption="People, at most 100"
      rows={people.data.data}
      id={(row) => row.person}
      columns={[
        { name: "Person", show: (row) => <Visitor id={row.visitor_id} name={row.user_id || row.name} /> },
        { name: "Sessions", number: true, show: (row) => exact(row.sessions) },
        { name: "Events", number: true, show: (row) => exact(row.events) },
        { name: "Last seen", show: (row) => <When at={row.last_seen} /> },
      ]}
    />
  );
}

export function RetentionShown({ asked, body }: { asked: Asked<Triangle>; body: Body }) {
  const project = useProject();
  const { cohorts, average, spans, interval } = asked.data;
  const known = cohorts.filter((row) => row.persons > 0);
  if (known.length === 0) return <Empty title="Nobody started in this period" />;
  const heat = (rate: number | null) => ({
    background: `color-mix(in srgb, var(--accent) ${Math.round(45 * (rate ?? 0))}%, transparent)`,
  });
  return (
    <>
      <Chart
        label={`Share of people who came back, on average: ${average.map((rate) => percent(rate ?? 0)).join(", ")}`}
        labels={spans.map(([from, to]) => (from === to ? `${interval} ${from}` : `${from}–${to}`))}
        show={(value) => percent(value)}
        height={220}
        series={[
          { name: "On average", kind: "line", values: average },
          ...known.slice(-6).map((row, at) => ({
            name: day(`${row.cohort}T12:00:00Z`, project.timezone, interval),
            kind: "line" as const,
            colour: at + 1,
            values: row.cells.map((cell) => (cell.complete ? cell.rate : null)),
          })),
        ]}
      />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard */}
      <section className="overflow-x-auto p-4" aria-label="Retention" tabIndex={0}>
        <table className="border-separate border-spacing-0.5">
          <caption className="sr-only">
            Share of people who came back, by {interval} after they started
          </caption>
          <thead>
            <tr className="text-xs text-soft">
              <th scope="col" className="px-2 text-left font-medium">
                Started
              </th>
              <th scope="col" className="px-2 text-right font-medium">
                People
              </th>
              {spans.map(([from, to]) => (
                <th key={from} scope="col" className="min-w-14 px-2 text-center font-medium">
                  {from === to ? `${interval} ${from}` : `${from}–${to}`}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row" className="px-2 text-left font-medium">
                On average
              </th>
              <td />
              {average.map((rate, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a cell is what stands at its place
                <td key={at} className="px-2 py-1 text-center">
                  {rate === null ? "–" : percent(rate)}
                </td>
              ))}
            </tr>
            {known.map((row) => (
              <tr key={row.cohort}>
                <th scope="row" className="px-2 text-left font-normal whitespace-nowrap">
                  {day(`${row.cohort}T12:00:00Z`, project.timezone, interval)}
                </th>
                <td className="px-2 text-right">
                  <People
                    body={{ ...body, question: "retention_people", cohort: row.cohort, later: -1 }}
                    label={exact(row.persons)}
                    title={`Who started in the ${interval} of ${row.cohort}`}
                  />
                </td>
                {row.cells.map((cell, at) => (
                  <td
                    // biome-ignore lint/suspicious/noArrayIndexKey: a cell is what stands at its place
                    key={at}
                    style={heat(cell.rate)}
                    title={`${exact(cell.persons)} of ${exact(row.persons)}${cell.complete ? "" : ", so far"}`}
                    className={`rounded px-2 py-1 text-center ${cell.complete ? "" : "italic"}`}
                  >
                    {cell.rate === null ? "–" : percent(cell.rate)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        <p className="mt-2 text-xs text-soft">Slanted: that time is not over yet.</p>
      </section>
    </>
  );
}

const STATUSES = [
  ["new", "New", 0],
  ["returning", "Returning", 2],
  ["resurrecting", "Back after a break", 4],
  ["dormant", "Dormant", 6],
] as const;

export function LifecycleShown({ asked, body }: { asked: Asked<Lifecycles>; body: Body }) {
  const project = useProject();
  const rows = asked.data.intervals;
  const interval = String(body.interval ?? "week");
  const shown = (at: string) => day(`${at}T12:00:00Z`, project.timezone, interval);
  return (
    <>
      <Chart
        label="People who are new, returning, back after a break and dormant"
        labels={rows.map((row) => shown(row.at))}
        show={(value) => exact(Math.abs(value))}
        height={300}
        series={STATUSES.map(([key, name, tone]) => ({
          name,
          kind: "bar",
          stack: "people",
          colour: tone,
          values: rows.map((row) => (key === "dormant" ? -row[key] : row[key])),
        }))}
      />
      <p className="flex flex-wrap gap-x-5 gap-y-1 px-4 py-2 text-soft" aria-hidden="true">
        {STATUSES.map(([key, name, tone]) => (
          <span key={key} className="inline-flex items-center gap-2">
            <span className="size-2.5 rounded-full" style={{ background: `var(--${PALETTE[tone]})` }} />
            {name}
          </span>
        ))}
      </p>
      <Table
        caption={`People by ${interval}, the newest first`}
        rows={rows.filter((row) => STATUSES.some(([key]) => row[key] > 0)).reverse()}
        id={(row) => row.at}
        columns={[
          { name: `From`, show: (row) => shown(row.at) },
          ...STATUSES.map(([key, name]) => ({
            name,
            number: true,
            show: (row: (typeof rows)[number]) =>
              row[key] === 0 ? (
                "0"
              ) : (
                <People
                  body={{ ...body, question: "lifecycle_people", at: row.at, status: key }}
                  label={exact(row[key])}
                  title={`${name}, ${shown(row.at)}`}
                />
              ),
          })),
        ]}
      />
    </>
  );
}

export function StickinessShown({ asked, body }: { asked: Asked<Sticky>; body: Body }) {
  const { rows, persons } = asked.data;
  const interval = String(body.interval ?? "day");
  if (persons === 0) return <Empty title="Nobody was here in this period" />;
  return (
    <>
      <Chart
        label={`On how many ${interval}s people came`}
        labels={rows.map((row) => String(row.intervals))}
        show={exact}
        series={[{ name: "People", kind: "bar", values: rows.map((row) => row.persons) }]}
      />
      <Table
        caption={`People by the number of ${interval}s on which they came`}
        rows={rows}
        id={(row) => String(row.intervals)}
        columns={[
          { name: `${interval}s`, show: (row) => exact(row.intervals) },
          { name: "People", number: true, show: (row) => exact(row.persons) },
          { name: "On so many or more", number: true, show: (row) => percent(row.share) },
        ]}
      />
    </>
  );
}

export function PathsShown({ asked }: { asked: Asked<Ways> }) {
  const { ways, nodes, links } = asked.data;
  if (ways === 0) return <Empty title="Nobody went this way in this period" />;
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
            name: `${step + 1} (end)`,
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
        aria-label="Ways as a diagram"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
        tabIndex={0}
      >
        <div className="min-w-[40rem]">
          <Drawing
            option={option}
            again={asked}
            height={420}
            label={`Ways of ${exact(ways)} sessions, step by step`}
          />
        </div>
      </section>
      <Table
        caption="From where to where, the most frequent"
        rows={sorted.slice(0, 30)}
        id={(row) => `${row.step} ${row.from} ${row.to}`}
        columns={[
          { name: "Step", number: true, show: (row) => row.step },
          { name: "From", show: (row) => row.from || "(none)" },
          { name: "To", show: (row) => row.to || "(none)" },
          { name: "Sessions", number: true, show: (row) => exact(row.ways) },
        ]}
      />
    </>
  );
}

/** How the events of each hour of the week add up, in the project's time zone: when people are there. */
function Week({ moments, values }: { moments: string[]; values: (number | string | null)[] }) {
  const project = useProject();
  const format = new Intl.DateTimeFormat("en-GB", {
    weekday: "short",
    hour: "2-digit",
    hourCycle: "h23",
    timeZone: project.timezone,
  });
  const days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
  const sums = days.map(() => Array.from({ length: 24 }, () => 0));
  moments.forEach((at, position) => {
    const parts = Object.fromEntries(
      format.formatToParts(new Date(at)).map((part) => [part.type, part.value]),
    );
    const row = sums[days.indexOf(parts.weekday ?? "")];
    const hour = Number(parts.hour);
    if (row) row[hour] = (row[hour] ?? 0) + Number(values[position] ?? 0);
  });
  const most = Math.max(1, ...sums.flat());
  const named = new Intl.DateTimeFormat(undefined, { weekday: "short", timeZone: "UTC" });
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
    <section className="overflow-x-auto p-4" aria-label="Hours of the week" tabIndex={0}>
      <table className="border-separate border-spacing-0.5 text-xs">
        <caption className="mb-1 text-left text-soft">When, by hour of the week</caption>
        <thead>
          <tr className="text-soft">
            <th scope="col" className="sr-only">
              Day
            </th>
            {Array.from({ length: 24 }, (_, hour) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: an hour is what stands at its place
              <th key={hour} scope="col" className="w-7 font-normal">
                {hour}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sums.map((row, at) => (
            <tr key={days[at]}>
              {/* 2024-01-01 was a Monday */}
              <th scope="row" className="pr-2 text-left font-normal text-soft">
                {named.format(Date.UTC(2024, 0, 1 + at))}
              </th>
              {row.map((value, hour) => (
                <td
                  // biome-ignore lint/suspicious/noArrayIndexKey: an hour is what stands at its place
                  key={hour}
                  title={exact(value)}
                  style={{
                    background: `color-mix(in srgb, var(--accent) ${Math.round((85 * value) / most)}%, var(--ground))`,
                  }}
                  className="h-6 min-w-7 rounded"
                >
                  <span className="sr-only">{exact(value)}</span>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
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
  if (rows.length === 0) return <Empty title="Nobody came in this period" />;
  return (
    <Table
      caption="Sources"
      rows={rows}
      id={(row) => columns.map((column) => row[column]).join("\n")}
      columns={[
        ...columns.map((column) => ({
          name: column.replace("_", " "),
          show: (row: SourceRow) => String(row[column]) || "none",
        })),
        {
          name: "Sessions",
          head: head("sessions", "Sessions"),
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
          name: "Visitors",
          head: head("visitors", "Visitors"),
          number: true,
          show: (row) => exact(row.visitors),
        },
        {
          name: "Bounce rate",
          head: head("bounce_rate", "Bounce rate"),
          number: true,
          wide: true,
          show: (row) => percent(row.bounce_rate),
        },
        {
          name: "Conversions",
          head: head("conversions", "Conversions"),
          number: true,
          show: (row) => exact(row.conversions),
        },
        { name: "Revenue", number: true, wide: true, show: (row) => money(row.revenue) },
      ]}
    />
  );
}

export function CohortShown({ asked }: { asked: Asked<{ sizes: { at: string; persons: number }[] }> }) {
  const project = useProject();
  const { sizes } = asked.data;
  return (
    <Chart
      label={`People over time: ${sizes.map((one) => one.persons).join(", ")}`}
      labels={sizes.map((one) => day(one.at, project.timezone, "day"))}
      show={exact}
      height={300}
      series={[{ name: "People", kind: "line", values: sizes.map((one) => one.persons) }]}
    />
  );
}

/** What draws the answer of each kind of question. */
export const SHOWN: Record<string, (props: { asked: never; body: Body }) => React.JSX.Element> = {
  trend: TrendShown,
  funnel: FunnelShown,
  retention: RetentionShown,
  lifecycle: LifecycleShown,
  paths: PathsShown,
  stickiness: StickinessShown,
  sources: SourcesShown,
  cohort_sizes: CohortShown,
};
