import { useState } from "react";
import type { Answers, Money, TrendAnswer } from "../client/api";
import { useAsk, useProject, useTitle, useView, WHATEVER_VIEW } from "../client/hooks";
import { only, type View } from "../client/view_state";
import { LettersNotice } from "../data/dead_letters";
import { Chart } from "../kit/chart";
import { Controls } from "../kit/controls";
import { change, count, country, day, duration, money, percent } from "../kit/format";
import { Card, Change, Empty, Failure, Skeleton, WhenSeen } from "../kit/parts";
import { Opened } from "../kit/why";
import { t, term } from "../language";
import { Checklist, Goals, HereNow, Notes, Places } from "./home";
import { Setup } from "./Setup";

type Metric = "visitors" | "sessions" | "page_views" | "events";
const METRICS: [Metric, string][] = [
  ["visitors", t("Visitors")],
  ["sessions", t("Sessions")],
  ["page_views", t("Page views")],
  ["events", t("Events")],
];

const CARDS = [
  <Ranking key="channel" title={t("Channels")} by="channel" show={term} />,
  <Ranking key="source" title={t("Sources")} by="source" />,
  <Ranking key="path" title={t("Pages")} by="path" />,
  <Ranking key="name" title={t("Events")} by="name" />,
  <Places key="places" />,
  <Ranking key="country" title={t("Countries")} by="country" show={country} />,
  <Ranking key="device" title={t("Devices")} by="device" show={term} />,
  <Ranking key="browser" title={t("Browsers")} by="browser" />,
  <Ranking key="entry_path" title={t("Entry pages")} by="entry_path" />,
  <Goals key="goals" />,
  <Notes key="notes" />,
];

export function Overview() {
  useTitle(t("Overview"));
  const [view] = useView();
  const [metric, setMetric] = useState<Metric>("visitors");
  const totals = useAsk({ question: "overview", compare: view.compare });
  const anybody = useAsk({ ...WHATEVER_VIEW, question: "visitors", period: "all", bots: true, limit: 1 });
  if (anybody.data?.data.length === 0) return <Setup />;
  const { current, previous } = totals.data?.data ?? {};
  return (
    <>
      <Controls title={t("Overview")} />
      <LettersNotice />
      <Checklist />
      {totals.error && <Failure error={totals.error} again={totals.refetch} />}
      <Card
        className="mb-4"
        title={t("In this period")}
        aside={
          <>
            <HereNow />
            <Opened query={totals.data?.queries[0]} name={t("these totals")} rule="totals" />
          </>
        }
      >
        {current === undefined || previous === undefined ? (
          // The placeholder has the height of the content, so that the layout does not jump.
          <div className="min-h-[37rem] sm:min-h-[28rem] lg:min-h-[23rem]">
            <Skeleton rows={9} />
          </div>
        ) : (
          <>
            <Totals current={current} previous={previous} metric={metric} choose={setMetric} />
            <Trend view={view} metric={metric} />
          </>
        )}
      </Card>
      <div className="grid gap-4 md:grid-cols-2">
        {CARDS.map((card, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the order of the cards is fixed
          <WhenSeen key={at}>{card}</WhenSeen>
        ))}
      </div>
    </>
  );
}

/** The totals with their changes; the chart below shows the chosen metric. */
function Totals(props: Answers["overview"] & { metric: Metric; choose: (metric: Metric) => void }) {
  const { current, previous } = props;
  return (
    <div className="grid grid-cols-2 items-start gap-px px-2 sm:grid-cols-4 lg:grid-cols-7">
      {METRICS.map(([name, label]) => (
        <button
          key={name}
          type="button"
          aria-pressed={props.metric === name}
          onClick={() => props.choose(name)}
          className="rounded-lg px-3 py-2 text-start hover:bg-accent-soft/50 aria-pressed:bg-accent-soft"
        >
          <Tile label={label} value={count(current[name])}>
            <Change value={change(current[name], previous[name])} />
          </Tile>
        </button>
      ))}
      <div className="px-3 py-2">
        <Tile label={t("Bounce rate")} value={percent(current.bounce_rate)}>
          <Change value={change(current.bounce_rate, previous.bounce_rate)} good={-1} />
        </Tile>
      </div>
      <div className="px-3 py-2">
        <Tile label={t("Duration")} value={duration(current.duration_s)}>
          <Change value={change(current.duration_s, previous.duration_s)} />
        </Tile>
      </div>
      <div className="px-3 py-2">
        <Tile label={t("Revenue")} value={money(current.revenue)}>
          <RevenueChange now={current.revenue} before={previous.revenue} />
        </Tile>
      </div>
    </div>
  );
}

function Tile(props: { label: string; value: string; children: React.ReactNode }) {
  const parts = props.value.split(" + ");
  const size = parts.length > 1 ? "text-sm" : props.value.length > 9 ? "text-base" : "text-xl";
  return (
    <div className="min-w-0">
      <div className="text-xs text-soft">{props.label}</div>
      <div className={`font-semibold [overflow-wrap:anywhere] ${size}`}>
        {parts.map((part, at) => (
          <span key={part} className="inline-block pe-1">
            {at > 0 ? `+ ${part}` : part}
          </span>
        ))}
      </div>
      {props.children}
    </div>
  );
}

function RevenueChange({ now, before }: { now: Money[]; before: Money[] }) {
  const [first] = now;
  const earlier = before.find((amount) => amount.currency === first?.currency);
  return <Change value={change(Number(first?.amount ?? 0), Number(earlier?.amount ?? 0))} />;
}

const DAY = 86_400_000;

/** The only line of a trend. */
function pointsOf({ moments, series }: TrendAnswer): { at: string; value: number }[] {
  return moments.map((at, position) => ({ at, value: Number(series[0]?.points[position] ?? 0) }));
}

function Trend({ view, metric }: { view: View; metric: Metric }) {
  const project = useProject();
  const days = view.from
    ? (Date.parse(view.to ?? new Date().toISOString()) - Date.parse(view.from)) / DAY
    : ({ today: 0, yesterday: 0, "12mo": 365, year: 365, all: 9999 }[view.period] ?? 30);
  const interval = days < 2 ? "hour" : days > 200 ? "month" : "day";
  const answer = useAsk({ question: "trend", series: [{ metric }], interval, compare: view.compare });
  const label = METRICS.find(([name]) => name === metric)?.[1] ?? metric;
  if (answer.error) return <Failure error={answer.error} again={answer.refetch} />;
  if (answer.data === undefined)
    return (
      <div className="min-h-[17.75rem]">
        <Skeleton rows={7} />
      </div>
    );
  const points = pointsOf(answer.data.data);
  const previous = answer.data.before ? pointsOf(answer.data.before.data) : [];
  const first = points.findIndex((point) => point.value > 0);
  const shown = view.period === "all" && !view.from ? points.slice(Math.max(0, first - 1)) : points;
  return (
    <div className="relative px-2 pt-3 pb-2">
      <div className="absolute top-1 end-3 z-10">
        <Opened query={answer.data.queries[0]} name={t("{label} over time", { label })} rule={metric} />
      </div>
      <Chart
        label={t("{label} by {interval, select, hour {hour} day {day} week {week} other {month}}: {join}", {
          label,
          interval,
          join: shown.map((point) => point.value).join(", "),
        })}
        labels={shown.map((point) => day(point.at, project.timezone, interval))}
        show={count}
        series={[
          { name: label, kind: "line", values: shown.map((point) => point.value) },
          ...(view.period === "all" && !view.from
            ? []
            : [
                {
                  name: view.compare === "year" ? t("A year ago") : t("Before"),
                  kind: "line" as const,
                  quiet: true,
                  values: previous.slice(0, shown.length).map((point) => point.value),
                },
              ]),
        ]}
      />
    </div>
  );
}

function Ranking({
  title,
  by,
  show = (value) => value,
}: {
  title: string;
  by: string;
  show?: (value: string) => string;
}) {
  const [view, changeView] = useView();
  const answer = useAsk({ question: "breakdown", by, limit: 8 });
  const rows = answer.data?.data;
  const most = Math.max(1, ...(rows ?? []).map((row) => row.visitors));
  return (
    <Card title={title} aside={<Opened query={answer.data?.queries[0]} name={title} rule="breakdown" />}>
      {answer.error && <Failure error={answer.error} again={answer.refetch} />}
      {rows === undefined && !answer.error && <Skeleton />}
      {rows?.length === 0 && <Empty title={t("Nothing in this period")} />}
      {rows !== undefined && rows.length > 0 && (
        <table className="mb-2 w-full table-fixed">
          <colgroup>
            <col />
            <col className="w-24" />
          </colgroup>
          <thead className="sr-only">
            <tr>
              <th scope="col" className="px-4 py-1 text-start font-medium">
                {title}
              </th>
              <th scope="col" className="w-24 px-4 py-1 text-end font-medium">
                {t("Visitors")}
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => {
              const label = show(row.value) || t("unknown");
              return (
                <tr key={row.value}>
                  <td className="px-2 py-0.5">
                    <button
                      type="button"
                      title={t("Show only {label}", { label })}
                      onClick={() =>
                        changeView({ filter: [...new Set([...view.filter, only(by, row.value)])] })
                      }
                      className="relative block w-full truncate rounded-md px-2 py-1 text-start hover:underline"
                    >
                      <span
                        aria-hidden="true"
                        className="absolute inset-y-0 start-0 rounded-md bg-accent-soft"
                        style={{ width: `${(100 * row.visitors) / most}%` }}
                      />
                      <bdi className={`relative ${row.value === "" ? "text-soft italic" : ""}`}>{label}</bdi>
                    </button>
                  </td>
                  <td className="px-4 text-end">{count(row.visitors)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </Card>
  );
}
