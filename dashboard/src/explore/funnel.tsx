/** Funnels: people by step, the time between steps, and who stopped at a step. */

import type { Asked, FunnelAnswer } from "../client/api";
import { duration, exact, percent } from "../kit/format";
import { Empty } from "../kit/parts";
import { Table } from "../kit/table";
import { t } from "../language";
import type { Body } from "./kinds";
import { People } from "./people";

export function FunnelShown({ asked, body }: { asked: Asked<FunnelAnswer>; body: Body }) {
  const { steps, times, parts } = asked.data;
  const [first] = steps;
  if (first === undefined || first.units === 0)
    return (
      <Empty title={t("Nobody did the first step")}>{t("Choose another event, or a longer period.")}</Empty>
    );
  return (
    <div className="space-y-4 p-4">
      <ol className="space-y-3">
        {steps.map((step, at) => (
          <Step
            // biome-ignore lint/suspicious/noArrayIndexKey: the position identifies the step
            key={at}
            step={step}
            at={at}
            median={times?.find((pair) => pair.from === at && pair.to === at + 1)?.median}
            lost={at > 0 ? (steps[at - 1]?.units ?? 0) - step.units : 0}
            // The entity funnel counts pairs of person and entity; their people cannot be listed.
            listed={body.question === "entity_funnel" ? undefined : body}
          />
        ))}
      </ol>
      {parts && (
        <Table
          caption={t("By the value at step 1")}
          rows={parts}
          id={(row) => (row.other ? "other" : `=${row.value}`)}
          columns={[
            { name: t("Value"), show: (row) => (row.other ? t("other") : row.value || t("(none)")) },
            ...steps.map((step, at) => ({
              name: `${at + 1}. ${step.name}`,
              number: true,
              show: (row: (typeof parts)[number]) => exact(row.steps[at]?.units ?? 0),
            })),
            { name: t("Converted"), number: true, show: (row) => percent(row.steps.at(-1)?.of_first ?? 0) },
          ]}
        />
      )}
    </div>
  );
}

/** A step with its people, who can be opened as a list if `listed` is their funnel, and those lost before it. */
function Step(props: {
  step: FunnelAnswer["steps"][number];
  at: number;
  median: number | undefined;
  lost: number;
  listed: Body | undefined;
}) {
  const { step, at, median, lost, listed } = props;
  const people = { ...listed, question: "funnel_units", limit: 100, by: undefined };
  return (
    <li>
      <div className="mb-1 flex flex-wrap items-baseline justify-between gap-x-4">
        <span>
          <span className="text-soft">{at + 1}.</span> <span className="font-medium">{step.name}</span>
          {median !== undefined && (
            <span className="ms-2 text-soft">
              {t("half of them within {median} of the step before", { median: duration(median) })}
            </span>
          )}
        </span>
        <span>
          {listed ? (
            <People
              body={{ ...people, step: at + 1 }}
              label={t("{units, plural, one {# person} other {# people}}", { units: step.units })}
              title={t("Who reached step {at}", { at: at + 1 })}
            />
          ) : (
            <span className="font-medium">
              {t("{units, plural, one {# pair} other {# pairs}}", { units: step.units })}
            </span>
          )}{" "}
          <span className="text-soft">{percent(step.of_first ?? 0)}</span>
        </span>
      </div>
      <div className="h-6 overflow-hidden rounded bg-line/50" aria-hidden="true">
        <div className="h-full rounded bg-accent" style={{ width: `${100 * (step.of_first ?? 0)}%` }} />
      </div>
      {lost > 0 && listed && (
        <p className="mt-1 text-end text-xs">
          <People
            body={{ ...people, step: at, dropped: true }}
            label={t("{lost, plural, other {# went no further than step {at}}}", { lost, at })}
            title={t("Who stopped at step {at}", { at })}
          />
        </p>
      )}
    </li>
  );
}
