/** Retention, lifecycle, stickiness, active people, and cohorts over time. */

import type { Answers, Asked, RetentionAnswer } from "../client/api";
import { useProject } from "../client/hooks";
import { Chart, PALETTE } from "../kit/chart";
import { day, exact, intervalName, percent } from "../kit/format";
import { Empty } from "../kit/parts";
import { Table } from "../kit/table";
import { t } from "../language";
import type { Body } from "./kinds";
import { People } from "./people";

/** The remark on a day, week or month that the answer calls incomplete. */
const notWhole = (interval: string) =>
  t(
    "incomplete {interval, select, day {day} week {week} other {month}}: cut off by the period, or not over yet",
    {
      interval,
    },
  );

type Cohort = RetentionAnswer["cohorts"][number];

export function RetentionShown({ asked, body }: { asked: Asked<RetentionAnswer>; body: Body }) {
  const project = useProject();
  const { cohorts, average, spans, interval } = asked.data;
  const known = cohorts.filter((row) => row.persons > 0);
  if (known.length === 0) return <Empty title={t("Nobody started in this period")} />;
  const started = (row: Cohort) => day(`${row.cohort}T12:00:00Z`, project.timezone, interval);
  const labels = spans.map(([from, to]) =>
    from === to ? `${intervalName(interval)} ${from}` : `${from}–${to}`,
  );
  return (
    <>
      <Chart
        label={t("Share of people who came back, on average: {join}", {
          join: average.map((rate) => percent(rate ?? 0)).join(", "),
        })}
        labels={labels}
        show={(value) => percent(value)}
        most={1}
        height={220}
        series={[
          { name: t("On average"), kind: "line", values: average },
          ...known.slice(-6).map((row, at) => ({
            name: started(row),
            kind: "line" as const,
            colour: at + 1,
            dashed: !row.complete,
            values: row.cells.map((cell) => cell.rate),
            faint: row.cells.map((cell) => !cell.complete),
          })),
        ]}
      />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard */}
      <section className="overflow-x-auto p-4" aria-label={t("Retention")} tabIndex={0}>
        <table className="border-separate border-spacing-0.5">
          <caption className="sr-only">
            {t(
              "Share of people who came back, by {interval, select, hour {hour} day {day} week {week} other {month}} after they started",
              { interval },
            )}
          </caption>
          <RetentionHead spans={spans} labels={labels} />
          <tbody>
            <AverageRow average={average} />
            {known.map((row) => (
              <CohortRow key={row.cohort} row={row} started={started(row)} interval={interval} body={body} />
            ))}
          </tbody>
        </table>
        <p className="mt-2 text-xs text-soft">
          {t(
            "Italic, and dashed or hollow in the chart: incomplete, because that interval is not over yet or the period cuts it off.",
          )}
        </p>
      </section>
    </>
  );
}

function RetentionHead({ spans, labels }: { spans: RetentionAnswer["spans"]; labels: string[] }) {
  return (
    <thead>
      <tr className="text-xs text-soft">
        <th scope="col" className="px-2 text-start font-medium">
          {t("Started")}
        </th>
        <th scope="col" className="px-2 text-end font-medium">
          {t("People")}
        </th>
        {spans.map(([from], at) => (
          <th key={from} scope="col" className="min-w-14 px-2 text-center font-medium">
            {labels[at]}
          </th>
        ))}
      </tr>
    </thead>
  );
}

function AverageRow({ average }: { average: RetentionAnswer["average"] }) {
  return (
    <tr>
      <th scope="row" className="px-2 text-start font-medium">
        {t("On average")}
      </th>
      <td />
      {average.map((rate, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the position identifies the cell
        <td key={at} className="px-2 py-1 text-center">
          {rate === null ? "–" : percent(rate)}
        </td>
      ))}
    </tr>
  );
}

function CohortRow(props: { row: Cohort; started: string; interval: string; body: Body }) {
  const { row, started } = props;
  return (
    <tr>
      <th
        scope="row"
        title={row.complete ? undefined : notWhole(props.interval)}
        className={`px-2 text-start font-normal whitespace-nowrap ${row.complete ? "" : "italic"}`}
      >
        {started}
      </th>
      <td className="px-2 text-end">
        <People
          body={{ ...props.body, question: "retention_people", cohort: row.cohort, later: -1 }}
          label={exact(row.persons)}
          title={t("Who started: {when}", { when: started })}
        />
      </td>
      {row.cells.map((cell, at) => (
        <td
          // biome-ignore lint/suspicious/noArrayIndexKey: the position identifies the cell
          key={at}
          style={heat(cell.rate)}
          title={t(cell.complete ? "{persons} of {all}" : "{persons} of {all}, so far", {
            persons: exact(cell.persons),
            all: exact(row.persons),
          })}
          className={`rounded px-2 py-1 text-center ${cell.complete ? "" : "italic"}`}
        >
          {cell.rate === null ? "–" : percent(cell.rate)}
        </td>
      ))}
    </tr>
  );
}

const heat = (rate: number | null) => ({
  background: `color-mix(in srgb, var(--accent) ${Math.round(45 * (rate ?? 0))}%, transparent)`,
});

const STATUSES = [
  ["new", t("New"), 0],
  ["returning", t("Returning"), 2],
  ["resurrecting", t("Back after a break"), 4],
  ["dormant", t("Dormant"), 6],
] as const;

export function LifecycleShown({ asked, body }: { asked: Asked<Answers["lifecycle"]>; body: Body }) {
  const project = useProject();
  const rows = asked.data.intervals;
  const interval = String(body.interval ?? "week");
  const shown = (at: string) => day(`${at}T12:00:00Z`, project.timezone, interval);
  return (
    <>
      <Chart
        label={t("People who are new, returning, back after a break and dormant")}
        labels={rows.map((row) => shown(row.at))}
        show={(value) => exact(Math.abs(value))}
        height={300}
        series={STATUSES.map(([key, name, tone]) => ({
          name,
          kind: "bar",
          stack: "people",
          colour: tone,
          faint: rows.map((row) => !row.complete),
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
        {rows.some((row) => !row.complete) && (
          <span className="italic">{t("faint: {why}", { why: notWhole(interval) })}</span>
        )}
      </p>
      <Table
        caption={t("People by {interval, select, day {day} week {week} other {month}}, the newest first", {
          interval,
        })}
        rows={rows.filter((row) => STATUSES.some(([key]) => row[key] > 0)).reverse()}
        id={(row) => row.at}
        columns={[
          {
            name: t("From"),
            show: (row) =>
              row.complete ? (
                shown(row.at)
              ) : (
                <span className="italic" title={notWhole(interval)}>
                  {shown(row.at)}
                </span>
              ),
          },
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

export function StickinessShown({ asked, body }: { asked: Asked<Answers["stickiness"]>; body: Body }) {
  const project = useProject();
  const { rows, persons, of, incomplete } = asked.data;
  const interval = String(body.interval ?? "day");
  if (persons === 0) return <Empty title={t("Nobody was here in this period")} />;
  return (
    <>
      <Chart
        label={t("On how many {interval, select, day {days} week {weeks} other {months}} people came", {
          interval,
        })}
        labels={rows.map((row) => String(row.intervals))}
        show={exact}
        series={[{ name: t("People"), kind: "bar", values: rows.map((row) => row.persons) }]}
      />
      <p className="px-4 py-2 text-soft">
        {t(
          "The period has {of} {interval, select, day {{of, plural, one {day} other {days}}} week {{of, plural, one {week} other {weeks}}} other {{of, plural, one {month} other {months}}}}.",
          { of, interval },
        )}{" "}
        {incomplete.length > 0 &&
          t("Incomplete, because the period cuts them off or they are not over yet: those from {days}.", {
            days: incomplete.map((at) => day(`${at}T12:00:00Z`, project.timezone, "day")).join(", "),
          })}
      </p>
      <Table
        caption={t(
          "People by the number of {interval, select, day {days} week {weeks} other {months}} on which they came",
          { interval },
        )}
        rows={rows}
        id={(row) => String(row.intervals)}
        columns={[
          { name: `${interval}s`, show: (row) => exact(row.intervals) },
          { name: t("People"), number: true, show: (row) => exact(row.persons) },
          { name: t("On this number or more"), number: true, show: (row) => percent(row.share) },
        ]}
      />
    </>
  );
}

/** Active people of a day, of 7 and of 30 days, and the day's share of the 30 days. */
export function ActiveShown({ asked }: { asked: Asked<Answers["active"]> }) {
  const project = useProject();
  const { days } = asked.data;
  const shown = (at: string) => day(`${at}T12:00:00Z`, project.timezone, "day");
  const lines = [
    ["month", t("in 30 days"), 4],
    ["week", t("in 7 days"), 2],
    ["day", t("that day"), 0],
  ] as const;
  if (days.every((row) => row.month === 0)) return <Empty title={t("Nobody was here in this period")} />;
  return (
    <>
      <Chart
        label={t("Active people: {join}", { join: days.map((row) => row.day).join(", ") })}
        labels={days.map((row) => shown(row.at))}
        show={exact}
        height={300}
        series={lines.map(([key, name, tone]) => ({
          name,
          kind: "line",
          colour: tone,
          values: days.map((row) => row[key]),
        }))}
      />
      <Table
        caption={t("Active people by day, the newest first")}
        rows={[...days].reverse()}
        id={(row) => row.at}
        columns={[
          { name: t("Day"), show: (row) => shown(row.at) },
          { name: t("that day"), number: true, show: (row) => exact(row.day) },
          { name: t("in 7 days"), number: true, show: (row) => exact(row.week) },
          { name: t("in 30 days"), number: true, show: (row) => exact(row.month) },
          {
            name: t("Share of the month's"),
            number: true,
            wide: true,
            show: (row) => (row.stickiness === null ? "–" : percent(row.stickiness)),
          },
        ]}
      />
    </>
  );
}

export function CohortShown({ asked }: { asked: Asked<Answers["cohort_sizes"]> }) {
  const project = useProject();
  const { sizes } = asked.data;
  return (
    <Chart
      label={t("People over time: {join}", { join: sizes.map((row) => row.persons).join(", ") })}
      labels={sizes.map((row) => day(row.at, project.timezone, "day"))}
      show={exact}
      height={300}
      series={[{ name: t("People"), kind: "line", values: sizes.map((row) => row.persons) }]}
    />
  );
}
