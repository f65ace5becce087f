/** A fan's year: views, time and bookings. */

import type { YearAnswer } from "../client/api";
import { useAsk, useProject } from "../client/hooks";
import { Chart } from "../kit/chart";
import { PeriodPicker } from "../kit/controls";
import { count, day, duration, exact, WEEKDAYS } from "../kit/format";
import { Card, Empty, Failure, Skeleton } from "../kit/parts";
import { Table } from "../kit/table";
import { t } from "../language";

const HOURS = Array.from({ length: 24 }, (_, hour) => `${String(hour).padStart(2, "0")}:00`);

export function MyYear({ person }: { person?: string }) {
  const project = useProject();
  const asked = useAsk({ question: "year", filter: undefined, ...(person ? { person } : {}) });
  const year = asked.data?.data;
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center justify-between gap-3">
        <h1 className="text-xl font-semibold">{t("My year with {platform}", { platform: project.name })}</h1>
        <PeriodPicker />
      </div>
      {asked.error && <Failure error={asked.error} again={asked.refetch} />}
      {year === undefined && !asked.error && <Skeleton rows={8} />}
      {year?.events === 0 && (
        <Card>
          <Empty title={t("Nothing yet in this period")}>
            {t("Your views and bookings are counted here; only you see them.")}
          </Empty>
        </Card>
      )}
      {year !== undefined && year.events > 0 && <Summary year={year} timezone={project.timezone} />}
    </>
  );
}

function Summary({ year, timezone }: { year: YearAnswer; timezone: string }) {
  const big: [string, string][] = [
    [t("Actions"), exact(year.events)],
    [t("Days here"), exact(year.days)],
    [t("Longest run of days"), exact(year.longest)],
    [t("Booked"), exact(year.bookings)],
    ...(year.duration_s > 0 ? [[t("Time"), duration(year.duration_s)] as [string, string]] : []),
  ];
  return (
    <div className="grid gap-4 md:grid-cols-2">
      <dl className="grid grid-flow-row grid-cols-2 gap-4 sm:auto-cols-fr sm:grid-flow-col sm:grid-cols-none md:col-span-2">
        {big.map(([name, value]) => (
          <div key={name} className="rounded-xl border border-line bg-card p-4 text-center">
            <dd className="text-3xl font-semibold text-accent">{value}</dd>
            <dt className="mt-1 text-soft">{name}</dt>
          </div>
        ))}
      </dl>
      {year.types.map((type) => (
        <Card key={type.entity_type} title={`${exact(type.entities)} × ${type.entity_type}`}>
          <Table
            caption={type.entity_type}
            rows={type.top.slice(0, 5)}
            id={(row) => row.id}
            columns={[
              { name: t("Most"), show: (row) => row.name || row.id },
              { name: t("Times"), number: true, show: (row) => exact(row.events) },
            ]}
          />
        </Card>
      ))}
      <Bars
        title={t("By month")}
        labels={year.months.map((row) => day(`${row.month}T12:00:00Z`, timezone, "month"))}
        values={year.months.map((row) => row.events)}
      />
      <Bars title={t("By hour of the day")} labels={HOURS} values={year.hours} />
      <Bars title={t("By day of the week")} labels={WEEKDAYS} values={year.weekdays} />
    </div>
  );
}

function Bars(props: { title: string; labels: string[]; values: number[] }) {
  return (
    <Card title={props.title}>
      <div className="px-2 pb-2">
        <Chart
          label={`${props.title}: ${props.values.join(", ")}`}
          labels={props.labels}
          show={count}
          height={200}
          series={[{ name: t("Actions"), kind: "bar", values: props.values }]}
        />
      </div>
    </Card>
  );
}
