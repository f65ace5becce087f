/** The explanation of a number: its rule, period and people, its rows, and its SQL statement. */
import { Link } from "@tanstack/react-router";
import { useContext } from "react";
import type { Query } from "../client/api";
import { ProjectContext, ReadOnly, useView } from "../client/hooks";
import { PERIODS, said, writeView } from "../client/view_state";
import { t } from "../language";
import { Framed } from "./dialog";
import { moment } from "./format";

/** One sentence for each number: how it is counted. */
export const RULES: Record<string, string> = {
  visitors: t("A visitor is a browser that keeps its id. Each visitor counts once, however often they came."),
  sessions: t(
    "Sessions that started in the period. A session ends after 30 minutes without an event, at sign-out, or when somebody else signs in; midnight does not end it.",
  ),
  page_views: t("Each page or screen that was shown."),
  events: t("Everything that was recorded, page views included."),
  totals: t(
    "Each visitor counts once. Sessions count by their start. The bounce rate is the share of sessions with at most one action. The duration is from a session's first event to its last. Revenue is the sum of the orders and bookings placed in the period, each once, less refunds, by currency.",
  ),
  breakdown: t(
    "Visitors with an event with this value; a visitor with several values counts at each of them.",
  ),
  views: t(
    "Counted views: one per session in 24 hours, measured from the last counted view; reported by the view counter.",
  ),
  audience: t("People who interacted with it in this period, by the latest values of their traits."),
  here: t("Visitors with an event in the last five minutes."),
  goals: t("How often each goal was reached, and by which share of people."),
  persons: t("A person is somebody who signed in, on all their devices, or a visitor who never signed in."),
  trend: t(
    "Each point is one interval in the project's time zone. People count once in each interval, and once in the whole period.",
  ),
  funnel: t(
    "People who completed the steps in the chosen order and time; each person counts once, at the last step reached.",
  ),
  retention: t(
    "People by the interval in which they started, and the share of them who came back in each later interval. An interval that the period cuts off begins with the period.",
  ),
  lifecycle: t(
    "People who were active in an interval: for the first time, as in the interval before, or after a break. Dormant people were active in the interval before, but not in this one. An interval that the period cuts off begins with the period.",
  ),
  stage_moves: t(
    "People by the stage they were in when an interval began and when it ended, by the rules of the project. Those who came in the interval were not here before.",
  ),
  paths: t("Paths within sessions, step by step; immediate repeats are one step."),
  active: t("People of each day, and of the 7 and the 30 days that end with it."),
  entity_funnel: t(
    "Each person counts once with each entity, at the last step reached within 30 days of the impression.",
  ),
  stickiness: t("The number of intervals of the period in which each person was active."),
  sources: t("Sessions by where they came from; conversions are goals reached in those sessions."),
  customers: t(
    "People with a user id, or with an order or booking. An order counts once, by its id, from when it was placed until it is cancelled; amounts are net of refunds. With an interval, only its sessions, orders and bookings count.",
  ),
  revenue: t(
    "Orders and bookings placed in the period, less refunds, in the project's currency at the rate of their day. Repeat buyers have bought more than once by the end of the period.",
  ),
  rfm: t(
    "Customers by how recently and how often they bought, each from 1 to 5 among all customers; recomputed every hour.",
  ),
  attribution: t(
    "Each order is credited once, by the model, to the visits of the same person in the days before it. Visits are sessions with a page view; orders without a visit are unattributed.",
  ),
  value_check: t(
    "A purchase model (BG/NBD) is fitted to the orders before a day and compared with the orders after it, by the number of repeat orders before that day.",
  ),
  recommend: t(
    "Interactions are weighted by the engagement score of the metrics pack. The model in use gives each entity a score from the person's own interactions; entities that they know are left out. Without a model, the number of people who interacted with it counts.",
  ),
  cohort_sizes: t("The number of people who matched the description at the end of each interval."),
};

/** Opens the explanation of a number. `rule` is a key of RULES, for numbers about the view of the page. */
export function Opened({ query, name, rule }: { query: Query | undefined; name: string; rule?: string }) {
  if (query === undefined) return null;
  return (
    <Framed
      title={t("What is behind {name}", { name })}
      trigger={
        <button
          type="button"
          aria-label={t("Why: what is behind {name}", { name })}
          title={t("How this number is computed")}
          className="no-print rounded-md px-1.5 py-0.5 text-xs whitespace-nowrap text-soft hover:bg-accent-soft hover:text-ink"
        >
          {t("Why?")}
        </button>
      }
    >
      {rule && <Counted query={query} rule={rule} />}
      <h3 className="mt-4 font-semibold">{t("The query")}</h3>
      <p className="text-soft">
        {t("Answered in {took_ms} ms. Values are inserted at the braces.", { took_ms: query.took_ms })}
      </p>
      <section
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
        tabIndex={0}
        dir="ltr"
        aria-label="SQL"
        className="mt-2 max-h-[40vh] overflow-auto rounded-lg bg-ground p-3"
      >
        <pre className="text-xs">{query.sql}</pre>
        <pre className="mt-3 border-t border-line pt-3 text-xs text-soft">
          {JSON.stringify(query.parameters, null, 2)}
        </pre>
      </section>
    </Framed>
  );
}

function Counted({ query, rule }: { query: Query; rule: string }) {
  const project = useContext(ProjectContext);
  const readOnly = useContext(ReadOnly);
  const [view] = useView();
  const at = (name: string) => {
    const value = query.parameters[name];
    return typeof value === "string" && project
      ? moment(`${value.replace(" ", "T")}Z`, project.timezone)
      : undefined;
  };
  const [start, end] = [at("start"), at("end")];
  const facts: [string, string][] = [
    [t("How"), RULES[rule] ?? ""],
    [
      t("Period"),
      start && end
        ? t("{start} to {end}, {timezone}", { start, end, timezone: project?.timezone })
        : (PERIODS.find(([name]) => name === view.period)?.[1] ?? ""),
    ],
    [
      t("People"),
      [
        view.filter.length > 0 ? view.filter.map((filter) => said(filter)).join("; ") : t("everybody"),
        view.bots ? t("with bots") : t("without bots"),
      ].join(", "),
    ],
  ];
  const behind = [
    ["events", t("The events behind it")],
    ["sessions", t("The sessions behind it")],
    ["people", t("The people behind it")],
  ] as const;
  return (
    <>
      <dl className="space-y-2">
        {facts.map(([name, text]) => (
          <div key={name} className="gap-3 sm:flex">
            <dt className="w-24 shrink-0 text-soft">{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      {!readOnly && project && (
        <p className="mt-3 flex flex-wrap gap-x-4 gap-y-1">
          {behind.map(([page, label]) => (
            <Link
              key={page}
              to={`/p/${project.id}/${page}` as "/"}
              search={writeView(view) as never}
              className="text-accent underline underline-offset-4"
            >
              {label}
            </Link>
          ))}
        </p>
      )}
    </>
  );
}
