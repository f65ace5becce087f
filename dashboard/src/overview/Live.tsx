/** The live page: current visitors and arriving events. */

import { useMemo, useState } from "react";
import { type EventRow, pollInterval, type VisitorHere } from "../client/api";
import { useAsk, useProject, useTitle, useView } from "../client/hooks";
import { useStream } from "../client/stream";
import { question } from "../client/view_state";
import { Chart } from "../kit/chart";
import { FilterBar } from "../kit/controls";
import { quiet } from "../kit/dialog";
import { exact } from "../kit/format";
import { Place, Visitor, When } from "../kit/lists";
import { Card, Empty, Failure, Skeleton } from "../kit/parts";
import { type Column, Table } from "../kit/table";
import { Opened } from "../kit/why";
import { World } from "../kit/world_map";
import { locale, t } from "../language";

const HERE: Column<VisitorHere>[] = [
  { name: t("Visitor"), show: (row) => <Visitor id={row.visitor_id} name={row.visitor_name} /> },
  { name: t("On page"), show: (row) => row.path || "–" },
  { name: t("From"), show: (row) => row.source, wide: true },
  { name: t("Place"), show: (row) => <Place code={row.country} city="" />, wide: true },
  { name: t("Last seen"), show: (row) => <When at={row.last_seen} /> },
];

const TODAY = { period: "today", from: undefined, to: undefined };

export function Live() {
  useTitle(t("Live"));
  const project = useProject();
  const [view] = useView();
  const today = { ...view, period: "today", from: undefined, to: undefined };
  const live = useAsk({ ...TODAY, question: "live" }, { after: pollInterval });
  const now = live.data?.data;
  const places = useMemo(() => {
    const counts = new Map<string, number>();
    for (const { country } of now?.here ?? [])
      if (country) counts.set(country, (counts.get(country) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]);
  }, [now]);
  return (
    <>
      <div className="mb-4 space-y-3">
        <h1 className="text-xl font-semibold">{t("Live")}</h1>
        <FilterBar />
      </div>
      {live.error && <Failure error={live.error} again={live.refetch} />}
      <div className="mb-4 grid gap-4 md:grid-cols-[14rem_1fr_1fr]">
        <Card
          title={t("Here now")}
          aside={<Opened query={live.data?.queries[0]} name={t("who is here")} rule="here" />}
        >
          <div className="px-4 pb-4">
            <p className="text-5xl font-semibold" aria-live="polite">
              {now ? exact(now.visitors) : "…"}
            </p>
            <p className="mt-1 text-soft">{t("visitors in the last five minutes")}</p>
          </div>
        </Card>
        <Card title={t("Events, the last half hour by minute")}>
          {now ? (
            <Chart
              height={170}
              label={t("Events by minute: {join}", { join: now.minutes.map((row) => row.events).join(", ") })}
              labels={now.minutes.map((row) =>
                new Intl.DateTimeFormat(locale, { timeStyle: "short", timeZone: project.timezone }).format(
                  row.minute * 1000,
                ),
              )}
              show={exact}
              series={[{ name: t("Events"), kind: "bar", values: now.minutes.map((row) => row.events) }]}
            />
          ) : (
            <Skeleton rows={4} />
          )}
        </Card>
        <Card title={t("Where they are")}>
          <World values={places} height={170} />
        </Card>
      </div>
      <Stream query={question(today)} />
      <Card title={t("Visitors")} className="mt-4">
        {now === undefined && !live.error && <Skeleton />}
        {now?.here.length === 0 && (
          <Empty title={t("Nobody is here right now")}>{t("Visitors appear automatically.")}</Empty>
        )}
        {now !== undefined && now.here.length > 0 && (
          <Table
            caption={t("Visitors who are here")}
            columns={HERE}
            rows={now.here}
            id={(row) => row.visitor_id}
          />
        )}
      </Card>
    </>
  );
}

const SHOWN_OF_EACH = 5;

/** Arriving events by visitor; the visitor with the newest event comes first. */
function Stream({ query }: { query: string }) {
  const project = useProject();
  const [paused, setPaused] = useState(false);
  const { events, waiting: held, connected } = useStream(`/projects/${project.id}/stream?${query}`, paused);
  // Asked once: new events arrive by the stream.
  const before = useAsk({ ...TODAY, question: "newest_events", limit: 50 }, { never: true });
  const asked = before.isPlaceholderData ? undefined : before.data;
  const groups = useMemo(() => {
    const seen = new Set(events.map((event) => event.event_id));
    const all: EventRow[] = [...events, ...(asked?.data ?? []).filter((event) => !seen.has(event.event_id))];
    const byVisitor = new Map<string, EventRow[]>();
    for (const event of all) {
      const previous = byVisitor.get(event.visitor_id) ?? [];
      byVisitor.set(event.visitor_id, previous);
      previous.push(event);
    }
    return [...byVisitor.values()].slice(0, 40);
  }, [events, asked]);
  // What was asked for at first may have an event before the stream brings it; it is shown then, and is not new.
  const waiting = useMemo(() => {
    const shown = new Set((asked?.data ?? []).map((event) => event.event_id));
    return held.filter((event) => !shown.has(event.event_id)).length;
  }, [held, asked]);
  return (
    <Card
      title={t("As it happens")}
      aside={
        <>
          <span role="status">{connected ? t("connected") : t("connecting …")}</span>
          <button type="button" className={quiet} aria-pressed={paused} onClick={() => setPaused(!paused)}>
            {paused ? (waiting > 0 ? t("Go on ({waiting} new)", { waiting }) : t("Go on")) : t("Pause")}
          </button>
          <Opened query={asked?.queries[0]} name={t("the newest events")} />
        </>
      }
    >
      {before.error && <Failure error={before.error} again={before.refetch} />}
      {asked === undefined && !before.error && <Skeleton />}
      {asked && groups.length === 0 && (
        <Empty title={t("Nothing has happened today")}>{t("Events appear here within two seconds.")}</Empty>
      )}
      <ol
        className="grid gap-3 p-4 pt-2 md:grid-cols-2 xl:grid-cols-3"
        aria-label={t("Newest events by visitor")}
      >
        {groups.map((group) => (
          <Group key={group[0]?.visitor_id} events={group} />
        ))}
      </ol>
    </Card>
  );
}

function Group({ events }: { events: EventRow[] }) {
  const [latest] = events;
  if (latest === undefined) return null;
  return (
    <li className="min-w-0 overflow-hidden rounded-lg border border-line p-3">
      <div className="flex items-center justify-between gap-2">
        <Visitor id={latest.visitor_id} name={latest.visitor_name} bot={latest.bot} />
        <span className="shrink-0 text-xs text-soft">
          <Place code={latest.country} city={latest.city} />
        </span>
      </div>
      <ul className="mt-2 space-y-0.5">
        {events.slice(0, SHOWN_OF_EACH).map((event) => (
          <li key={event.event_id} className="flex items-baseline gap-2">
            <span className="max-w-[60%] shrink-0 truncate font-medium">{event.name}</span>
            <span className="min-w-0 flex-1 truncate text-soft">{event.entity_id || event.path}</span>
            <span className="shrink-0 text-xs text-soft">
              <When at={event.timestamp} />
            </span>
          </li>
        ))}
      </ul>
      {events.length > SHOWN_OF_EACH && (
        <p className="mt-1 text-xs text-soft">
          {t("and {length} before", { length: events.length - SHOWN_OF_EACH })}
        </p>
      )}
    </li>
  );
}
