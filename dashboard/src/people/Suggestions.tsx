/** What became of suggestions: who saw, followed and dismissed them, and what they change compared with the holdout. */

import type { SuggestionResult } from "../client/api";
import { useAsk, useTitle } from "../client/hooks";
import { Controls } from "../kit/controls";
import { exact, percent, points } from "../kit/format";
import { Card, Empty, Failure, Skeleton } from "../kit/parts";
import { type Column, Table } from "../kit/table";
import { Opened } from "../kit/why";
import { t } from "../language";

const words = (name: string) => name.replaceAll("_", " ");
const share = (part: number, whole: number) => (whole ? percent(part / whole) : "–");

const COLUMNS: Column<SuggestionResult>[] = [
  {
    name: t("Suggestion"),
    fixed: true,
    show: ({ action, stages, goal }) => (
      <>
        <span className="block font-medium whitespace-normal">{words(action)}</span>
        <span className="block truncate text-xs text-soft">
          {stages.length > 0
            ? t("at {stages}", { stages: stages.map(words).join(", ") })
            : t("at every other stage")}
        </span>
        <span className="block truncate text-xs text-soft">
          {t("goal: {goal}", { goal: goal.length > 0 ? goal.join(", ") : t("Suggestion Done") })}
        </span>
      </>
    ),
  },
  { name: t("Difference"), show: (row) => <Difference row={row} /> },
  { name: t("Shown"), number: true, show: (row) => exact(row.shown) },
  { name: t("Clicked"), number: true, show: (row) => <Part n={row.clicked} of={row.shown} /> },
  { name: t("Dismissed"), number: true, show: (row) => <Part n={row.dismissed} of={row.shown} /> },
  { name: t("Done"), number: true, show: (row) => <Part n={row.done} of={row.shown} /> },
  {
    name: t("Reached the goal"),
    number: true,
    show: (row) => <Reached n={row.people_reached} of={row.people} />,
  },
  {
    name: t("In the holdout"),
    number: true,
    show: (row) => <Reached n={row.holdout_reached} of={row.holdout} />,
  },
];

export function Suggestions() {
  useTitle(t("Suggestions"));
  const answer = useAsk({ question: "suggestion_results" });
  const rows = answer.data?.data;
  return (
    <>
      <Controls title={t("Suggestions")} />
      <Card
        title={t("What suggestions change")}
        aside={<Opened query={answer.data?.queries[0]} name={t("what suggestions change")} />}
      >
        {answer.error && <Failure error={answer.error} again={answer.refetch} />}
        {rows === undefined && !answer.error && <Skeleton rows={5} />}
        {rows?.length === 0 && (
          <Empty title={t("This project makes no suggestions")}>
            {t("Its metrics pack has no [[suggestions]]: add some under Settings.")}
          </Empty>
        )}
        {rows !== undefined && rows.length > 0 && <Known rows={rows} />}
      </Card>
    </>
  );
}

function Known({ rows }: { rows: SuggestionResult[] }) {
  const nobody = rows.every(({ shown }) => shown === 0);
  return (
    <>
      {nobody && (
        <Empty title={t("No suggestion was shown in this period")}>
          {t(
            "Call trackway.personalize() in your pages, or put the element trackway-insights on the account page: both report what became of suggestions.",
          )}
        </Empty>
      )}
      <Table caption={t("Suggestions")} columns={COLUMNS} rows={rows} id={({ action }) => action} />
      <p className="px-4 pt-2 pb-4 text-xs text-soft">
        {t(
          "People in the holdout never see a suggestion. Everybody who did anything in the period is compared, whether a suggestion was shown to them or not: so both groups differ by chance only. The interval holds the true difference in 95 of 100 cases (Newcombe).",
        )}
      </p>
    </>
  );
}

function Part({ n, of }: { n: number; of: number }) {
  return (
    <>
      {exact(n)}
      <span className="block text-xs text-soft">{share(n, of)}</span>
    </>
  );
}

function Reached({ n, of }: { n: number; of: number }) {
  return (
    <>
      {share(n, of)}
      <span className="block text-xs text-soft">{t("{n} of {of}", { n: exact(n), of: exact(of) })}</span>
    </>
  );
}

function Difference({ row }: { row: SuggestionResult }) {
  const { lift } = row;
  if (!lift) return <span className="text-soft">{t("not known: a group is empty")}</span>;
  const verdict = lift.low > 0 ? t("helps") : lift.high < 0 ? t("harms") : t("not certain");
  const look = lift.low > 0 ? "text-good" : lift.high < 0 ? "text-bad" : "text-soft";
  return (
    <div className="min-w-40">
      <span className="font-medium">{t("{n} points", { n: points(lift.difference) })}</span>{" "}
      <span className={look}>{verdict}</span>
      <span className="block text-xs text-soft">
        {t("{low} to {high}", { low: points(lift.low), high: points(lift.high) })}
      </span>
      <Range low={lift.low} high={lift.high} look={look} />
    </div>
  );
}

/** The interval on a scale around zero that is as wide as it needs to be. */
function Range({ low, high, look }: { low: number; high: number; look: string }) {
  const widest = Math.max(0.05, Math.abs(low), Math.abs(high));
  const at = (value: number) => 50 + (value / widest) * 48;
  return (
    <svg
      viewBox="0 0 100 8"
      className={`mt-1 h-2 w-full ${look}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <rect x="0" y="3.5" width="100" height="1" className="fill-line" />
      <rect x={at(low)} y="2" width={at(high) - at(low)} height="4" fill="currentColor" />
      <rect x="49.75" y="0" width="0.5" height="8" className="fill-ink" />
    </svg>
  );
}
