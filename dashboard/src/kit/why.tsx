/** What is behind a number: how it is counted, of when, of whom, the rows themselves, and the statement. */
import { Link } from "@tanstack/react-router";
import { useContext } from "react";
import type { Query } from "../client/api";
import { ProjectContext, ReadOnly, useView } from "../client/hooks";
import { PERIODS, said, writeView } from "../client/view_state";
import { t } from "../language";
import { Framed } from "./dialog";
import { moment } from "./format";

/** How each number is counted, in a sentence. */
export const RULES: Record<string, string> = {
  visitors: t("Each visitor counts once, however often they came: a browser that keeps its id."),
  sessions: t(
    "Sessions that started in the period. One ends after 30 minutes without an event, at sign-out, or when somebody else signs in; midnight does not end it.",
  ),
  page_views: t("Each page or screen that was shown."),
  events: t("Everything that was recorded, page views included."),
  totals: t(
    "Visitors count once each; sessions by when they started; the bounce rate is the share of sessions in which one thing was done at most; the duration is from a session's first event to its last; revenue is what orders and bookings placed in the period come to, each once, less refunds, by currency.",
  ),
  breakdown: t("Visitors who had an event with this value; one who had several counts at each of them."),
  views: t(
    "Views that counted: one a session in 24 hours, measured from the last that counted; reported by the view counter.",
  ),
  audience: t("People who had to do with it in this period; a trait is what was last said of them."),
  here: t("Visitors with an event in the last five minutes."),
  goals: t("How often each goal was reached, and by which share of the people who were here."),
  persons: t("People: a person is who signed in, on whatever devices, or a visitor who never did."),
  trend: t(
    "Each point is one interval in the project's time zone. People count once in each interval, and once in the whole period.",
  ),
  funnel: t(
    "People who did the steps as they are ordered, within the time given; everybody counts once, by the furthest that they got.",
  ),
  retention: t(
    "People by when they started, and the share of them who came back in each interval afterwards. An interval that the period cuts begins with the period.",
  ),
  lifecycle: t(
    "Who was here in an interval: for the first time, as in the interval before, or after a break; dormant are those of the interval before who did not come. An interval that the period cuts begins with the period.",
  ),
  paths: t("Ways within sessions, step by step; what repeats at once is one step."),
  active: t("People of each day, and of the 7 and the 30 days that end with it."),
  entity_funnel: t(
    "Each person with each entity counts once, by the furthest that they got within 30 days of the impression.",
  ),
  stickiness: t("On how many intervals of the period each person was here."),
  sources: t("Sessions by where they came from; conversions are goals reached in those sessions."),
  customers: t(
    "People with a user id, or with an order or booking. An order counts once, by its id, from when it was placed until it is cancelled; amounts are less refunds. Within an interval, sessions, orders and bookings are those of it.",
  ),
  revenue: t(
    "Orders and bookings placed in the period, less what was refunded, in the project's currency by the rate of their day. Who bought more than once by the end of the period buys again.",
  ),
  rfm: t(
    "Customers by how recently and how often they bought, each from 1 to 5 among all customers; made anew every hour.",
  ),
  attribution: t(
    "Each order is given away once: to the visits of the same person in the days before it, by the model. Visits are sessions in which a page was seen; what has none is unattributed.",
  ),
  value_check: t(
    "A model of what was bought before a day (BG/NBD) is held against what came after it, by how often people had bought again.",
  ),
  cohort_sizes: t("How many people the description fitted at the end of each interval."),
};

/** Opens a number. `rule` is one of RULES, for numbers that are about the view of the page. */
export function Opened({ query, name, rule }: { query: Query | undefined; name: string; rule?: string }) {
  if (query === undefined) return null;
  return (
    <Framed
      title={t("What is behind {name}", { name })}
      trigger={
        <button
          type="button"
          aria-label={t("Why: what is behind {name}", { name })}
          title={t("How this is counted, and from what")}
          className="no-print rounded-md px-1.5 py-0.5 text-xs whitespace-nowrap text-soft hover:bg-accent-soft hover:text-ink"
        >
          {t("Why?")}
        </button>
      }
    >
      {rule && <Counted query={query} rule={rule} />}
      <h3 className="mt-4 font-semibold">{t("The query")}</h3>
      <p className="text-soft">
        {t("Answered in {took_ms} ms. Values are bound where the braces are.", { took_ms: query.took_ms })}
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
    const found = query.parameters[name];
    return typeof found === "string" && project
      ? moment(`${found.replace(" ", "T")}Z`, project.timezone)
      : undefined;
  };
  const [start, end] = [at("start"), at("end")];
  const facts: [string, string][] = [
    [t("How"), RULES[rule] ?? ""],
    [
      t("Of when"),
      start && end
        ? t("{start} to {end}, {timezone}", { start, end, timezone: project?.timezone })
        : (PERIODS.find(([name]) => name === view.period)?.[1] ?? ""),
    ],
    [
      t("Of whom"),
      [
        view.filter.length > 0 ? view.filter.map((one) => said(one)).join("; ") : t("everybody"),
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
