/** Revenue: totals, values over time, and customers by recency and frequency of their orders. */

import { useAsk, useProject, useView } from "../client/hooks";
import { Chart } from "../kit/chart";
import { Controls } from "../kit/controls";
import { day, exact, money, percent } from "../kit/format";
import { Card, Empty, Facts, Failure, Skeleton } from "../kit/parts";
import { Table } from "../kit/table";
import { Opened } from "../kit/why";
import { t, term } from "../language";
import { Unconverted } from "./list";

const LONG = ["12mo", "year", "all"];

export function Revenue() {
  const project = useProject();
  const [view] = useView();
  const interval = LONG.includes(view.period) ? "month" : "day";
  const answer = useAsk({ question: "revenue", interval });
  const revenue = answer.data?.data;
  const amount = (value: string | null) =>
    value === null ? "–" : money([{ currency: project.currency, amount: value }]);
  return (
    <>
      <Controls title={t("Revenue")} />
      <div className="space-y-4">
        <Card
          title={t("Orders and bookings")}
          aside={<Opened query={answer.data?.queries[0]} name={t("Revenue")} rule="revenue" />}
        >
          {answer.error && <Failure error={answer.error} again={answer.refetch} />}
          {revenue === undefined && !answer.error && <Skeleton rows={6} />}
          {revenue?.totals.purchases === 0 && (
            <Empty title={t("No orders here")}>
              {t("Choose a longer period, or connect a source of orders.")}
            </Empty>
          )}
          {revenue && revenue.totals.purchases > 0 && (
            <>
              <Facts
                facts={[
                  [t("Value"), amount(revenue.totals.value)],
                  [t("Orders and bookings"), exact(revenue.totals.purchases)],
                  [t("Average order"), amount(revenue.totals.average)],
                  [t("By visitor"), amount(revenue.totals.per_visitor)],
                  [t("Buyers"), exact(revenue.totals.buyers)],
                  [
                    t("Repeat buyers"),
                    revenue.totals.repeat_rate === null ? "–" : percent(revenue.totals.repeat_rate),
                  ],
                  [
                    t("Days between orders (median)"),
                    revenue.totals.median_days_between === null
                      ? "–"
                      : exact(Math.round(revenue.totals.median_days_between * 10) / 10),
                  ],
                  [t("Refunded"), revenue.totals.refunds.length > 0 ? money(revenue.totals.refunds) : "–"],
                ]}
              />
              {revenue.totals.unconverted > 0 && <Unconverted count={revenue.totals.unconverted} />}
              <div className="px-2 pb-2">
                <Chart
                  label={t("Value over time")}
                  labels={revenue.moments.map((at) => day(at, project.timezone, interval))}
                  series={[{ name: t("Value"), values: revenue.value.map(Number), kind: "bar" }]}
                  show={(value) => amount(String(value))}
                />
              </div>
            </>
          )}
        </Card>
        <Rfm />
      </div>
    </>
  );
}

function Rfm() {
  const project = useProject();
  const answer = useAsk({ question: "rfm", period: "all" });
  const rows = answer.data?.data.rows;
  return (
    <Card
      title={t("Customers by how recently and how often they bought")}
      aside={<Opened query={answer.data?.queries[0]} name={t("Customers by what they bought")} rule="rfm" />}
    >
      {answer.error && <Failure error={answer.error} again={answer.refetch} />}
      {rows === undefined && !answer.error && <Skeleton rows={6} />}
      {rows?.length === 0 && (
        <Empty title={t("Not scored yet")}>
          {t("Customers are scored every hour; the next run includes the first orders.")}
        </Empty>
      )}
      {rows && rows.length > 0 && (
        <Table
          caption={t("Customers by what they bought")}
          rows={rows}
          id={(row) => row.rfm}
          columns={[
            { name: t("Standing"), show: (row) => <span className="font-medium">{term(row.rfm)}</span> },
            { name: t("Customers"), number: true, show: (row) => exact(row.customers) },
            { name: t("Orders"), number: true, show: (row) => exact(row.purchases) },
            {
              name: t("Value"),
              number: true,
              show: (row) => money([{ currency: project.currency, amount: row.value }]),
            },
            {
              name: t("Still customers"),
              number: true,
              wide: true,
              show: (row) => (row.active === null ? "–" : percent(row.active)),
            },
            {
              name: t("Value in 13 weeks"),
              number: true,
              wide: true,
              show: (row) => money([{ currency: project.currency, amount: row.expected_value.toFixed(2) }]),
            },
          ]}
        />
      )}
    </Card>
  );
}
