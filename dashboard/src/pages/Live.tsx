import { useQuery } from "@tanstack/react-query";
import { type Answer, api, type EventRow, type LiveNow, patience } from "../api";
import { Chart } from "../chart";
import { FilterBar } from "../controls";
import { exact } from "../format";
import { useProject, useTitle, useView } from "../hooks";
import { Card, Empty, Failure, Opened, Skeleton } from "../parts";
import { question } from "../state";
import { type Column, Table } from "../table";
import { EVENT_COLUMNS, Place, Visitor, When } from "./Lists";

const HERE: Column<LiveNow["here"][number]>[] = [
  { name: "Visitor", show: (row) => <Visitor id={row.visitor_id} name={row.visitor_name} /> },
  { name: "On page", show: (row) => row.path || "–" },
  { name: "From", show: (row) => row.source, wide: true },
  { name: "Place", show: (row) => <Place code={row.country} city="" />, wide: true },
  { name: "Last seen", show: (row) => <When at={row.last_seen} /> },
];

export function Live() {
  useTitle("Live");
  const project = useProject();
  const [view] = useView();
  const query = question({ ...view, period: "today", from: undefined, to: undefined }, { limit: 30 });
  const ask = <Data,>(path: string) => ({
    queryKey: ["live", project.id, path],
    queryFn: () => api.get<Answer<Data>>(`/projects/${project.id}/${path}`),
    refetchInterval: patience,
  });
  const live = useQuery(ask<LiveNow>(`live?${query}`));
  const newest = useQuery(ask<EventRow[]>(`events?${query}`));
  const now = live.data?.data;
  return (
    <>
      <div className="mb-4 space-y-3">
        <h1 className="text-xl font-semibold">Live</h1>
        <FilterBar />
      </div>
      {live.error && <Failure error={live.error} again={live.refetch} />}
      <div className="mb-4 grid gap-4 md:grid-cols-[16rem_1fr]">
        <Card title="Here now" aside={<Opened query={live.data?.query} name="who is here" />}>
          <div className="px-4 pb-4">
            <p className="text-5xl font-semibold" aria-live="polite">
              {now ? exact(now.visitors) : "…"}
            </p>
            <p className="mt-1 text-soft">visitors in the last five minutes</p>
          </div>
        </Card>
        <Card title="Events, the last half hour by minute">
          {now ? (
            <Chart
              height={150}
              label={`Events by minute: ${now.minutes.map((one) => one.events).join(", ")}`}
              labels={now.minutes.map((one) =>
                new Intl.DateTimeFormat(undefined, { timeStyle: "short", timeZone: project.timezone }).format(
                  one.minute * 1000,
                ),
              )}
              show={exact}
              series={[{ name: "Events", kind: "bar", values: now.minutes.map((one) => one.events) }]}
            />
          ) : (
            <Skeleton rows={4} />
          )}
        </Card>
      </div>
      <Card title="Visitors" className="mb-4">
        {now === undefined && !live.error && <Skeleton />}
        {now?.here.length === 0 && (
          <Empty title="Nobody is here right now">Whoever comes appears by themselves.</Empty>
        )}
        {now !== undefined && now.here.length > 0 && (
          <Table
            caption="Visitors who are here"
            columns={HERE}
            rows={now.here}
            id={(row) => row.visitor_id}
          />
        )}
      </Card>
      <Card title="Newest events" aside={<Opened query={newest.data?.query} name="the newest events" />}>
        {newest.data?.data.length === 0 && <Empty title="No events today" />}
        {newest.data !== undefined && newest.data.data.length > 0 && (
          <Table
            caption="Newest events"
            columns={EVENT_COLUMNS}
            rows={newest.data.data}
            id={(row) => row.event_id}
          />
        )}
      </Card>
    </>
  );
}
