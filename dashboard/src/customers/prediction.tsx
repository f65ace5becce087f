/** The test of predictions: expected and actual orders of customers, by the number of their earlier orders. */

import { useState } from "react";
import type { Answers } from "../client/api";
import { useAsk, useProject } from "../client/hooks";
import { Chart } from "../kit/chart";
import { Controls } from "../kit/controls";
import { exact, moment } from "../kit/format";
import { Card, Empty, Facts, Failure, Skeleton } from "../kit/parts";
import { Table } from "../kit/table";
import { Opened } from "../kit/why";
import { t } from "../language";
import { Choice } from "./list";

const WEEKS: [string, string][] = ["4", "13", "26", "39"].map((weeks) => [
  weeks,
  t("{weeks} weeks", { weeks }),
]);
const decimal = (value: number) => value.toFixed(2);

export function Prediction() {
  const [weeks, setWeeks] = useState("13");
  const answer = useAsk({ question: "value_check", weeks: Number(weeks), filter: undefined });
  const prediction = answer.data?.data;
  return (
    <>
      <Controls title={t("Predictions")} filters={false} />
      <div className="no-print mb-3 flex">
        <Choice label={t("Test period: the last")} value={weeks} change={setWeeks} options={WEEKS} />
      </div>
      <Card
        title={t("Expected and actual orders")}
        aside={<Opened query={answer.data?.queries[0]} name={t("Predictions")} rule="value_check" />}
      >
        {answer.error && <Failure error={answer.error} again={answer.refetch} />}
        {prediction === undefined && !answer.error && <Skeleton rows={8} />}
        {prediction && !prediction.model && (
          <Empty title={t("Nothing can be predicted yet")}>
            {t(
              "The comparison needs customers who ordered more than once before the test period. Choose fewer weeks, or come back when there are more orders.",
            )}
          </Empty>
        )}
        {prediction?.model && <Compared prediction={prediction} model={prediction.model} />}
      </Card>
    </>
  );
}

const before = (row: { repeats: number }) => `${row.repeats + 1}${row.repeats >= 7 ? "+" : ""}`;

/** The numbers of the test, the chart and the table. */
function Compared(props: {
  prediction: Answers["value_check"];
  model: NonNullable<Answers["value_check"]["model"]>;
}) {
  const project = useProject();
  const { customers, cut, expected, actual, rows } = props.prediction;
  const { r, alpha, a, b } = props.model;
  const caption = t("Orders of a customer, by how many they had placed before");
  return (
    <>
      <Facts
        facts={[
          [t("Customers before"), exact(customers)],
          [t("Test period since"), moment(cut, project.timezone)],
          [t("Expected orders"), exact(Math.round(expected ?? 0))],
          [t("Actual orders"), exact(actual ?? 0)],
          ["BG/NBD", `r ${r.toFixed(3)}, α ${alpha.toFixed(3)}, a ${a.toFixed(3)}, b ${b.toFixed(3)}`],
        ]}
      />
      <p className="flex gap-4 px-4 pb-1 text-soft" aria-hidden="true">
        <Key colour="series-2" name={t("Expected")} />
        <Key colour="accent" name={t("Actual")} />
      </p>
      <div className="px-2 pb-2">
        <Chart
          label={caption}
          labels={rows.map(before)}
          series={[
            { name: t("Expected"), values: rows.map((row) => row.expected), kind: "line", colour: 1 },
            { name: t("Actual"), values: rows.map((row) => row.actual), kind: "line", colour: 0 },
          ]}
          show={decimal}
        />
      </div>
      <Table
        caption={caption}
        rows={rows}
        id={(row) => String(row.repeats)}
        columns={[
          { name: t("Orders before"), show: before },
          { name: t("Customers"), number: true, show: (row) => exact(row.customers) },
          { name: t("Expected per customer"), number: true, show: (row) => decimal(row.expected ?? 0) },
          { name: t("Actual per customer"), number: true, show: (row) => decimal(row.actual ?? 0) },
        ]}
      />
    </>
  );
}

/** The legend entry of a line. */
function Key({ colour, name }: { colour: string; name: string }) {
  return (
    <span className="inline-flex items-center gap-1.5">
      <span className="h-0.5 w-5" style={{ background: `var(--${colour})` }} /> {name}
    </span>
  );
}
