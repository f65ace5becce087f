/** Trends, and events by hour of the week. */

import type { Asked, TrendAnswer, TrendLine } from "../client/api";
import { useProject } from "../client/hooks";
import { Chart, PALETTE } from "../kit/chart";
import { day, exact, WEEKDAYS } from "../kit/format";
import { Table } from "../kit/table";
import { locale, t } from "../language";
import { lineName } from "./body";
import type { Body } from "./kinds";

export const plain = (value: number | string | null) => (value === null ? null : Number(value));
const number = (raw: number | string | null) => {
  const value = plain(raw);
  if (value === null) return "–";
  return Number.isInteger(value) ? exact(value) : value.toLocaleString(locale, { maximumFractionDigits: 2 });
};

export function TrendShown({ asked, body }: { asked: Asked<TrendAnswer>; body: Body }) {
  const project = useProject();
  const { moments, series, formulas } = asked.data;
  const lines: TrendLine[] = [
    ...series.flatMap(
      (line) => line.parts?.map((part) => ({ ...part, name: part.name || t("(none)") })) ?? [line],
    ),
    ...formulas,
  ];
  const labels = moments.map((at) => day(at, project.timezone, String(body.interval ?? "day")));
  return (
    <>
      <Chart
        label={t("Trend: {join}", {
          join: lines.map((line) => `${lineName(line.name)} ${number(line.total)}`).join(", "),
        })}
        labels={labels}
        show={number}
        height={300}
        series={lines.slice(0, 12).map((line, at) => ({
          name: lineName(line.name),
          values: line.points.map(plain),
          kind: "line",
          colour: lines.length > 1 ? at : undefined,
        }))}
      />
      <Table
        caption={t("Totals of the period")}
        id={(row) => row.name + row.at}
        rows={lines.map((line, at) => ({ ...line, at }))}
        columns={[
          {
            name: t("Series"),
            show: (row) => (
              <span className="inline-flex items-center gap-2">
                <span
                  aria-hidden="true"
                  className="size-2.5 shrink-0 rounded-full"
                  style={{ background: `var(--${PALETTE[row.at % PALETTE.length]})` }}
                />
                {lineName(row.name)}
              </span>
            ),
          },
          { name: t("Whole period"), number: true, show: (row) => number(row.total) },
        ]}
      />
      {body.interval === "hour" && series[0] && <Week moments={moments} values={series[0].points} />}
      {asked.annotations?.map((note) => (
        <p key={note.id} className="px-4 py-1 text-soft">
          {day(note.at, project.timezone, "day")}: {note.text}
        </p>
      ))}
    </>
  );
}

/** The sum of events by hour of the week, in the project's time zone. */
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
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
    <section className="overflow-x-auto p-4" aria-label={t("Hours of the week")} tabIndex={0}>
      <table className="border-separate border-spacing-0.5 text-xs">
        <caption className="mb-1 text-start text-soft">{t("When, by hour of the week")}</caption>
        <thead>
          <tr className="text-soft">
            <th scope="col" className="sr-only">
              {t("Day")}
            </th>
            {Array.from({ length: 24 }, (_, hour) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the position identifies the hour
              <th key={hour} scope="col" className="w-7 font-normal">
                {hour}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sums.map((row, at) => (
            <tr key={days[at]}>
              <th scope="row" className="pe-2 text-start font-normal text-soft">
                {WEEKDAYS[at]}
              </th>
              {row.map((value, hour) => (
                <td
                  // biome-ignore lint/suspicious/noArrayIndexKey: the position identifies the hour
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
