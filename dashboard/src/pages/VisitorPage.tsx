import { useSearch } from "@tanstack/react-router";
import type { EventRow, SessionRow, VisitorRow } from "../api";
import { duration, exact, moment, money } from "../format";
import { useAnswer, useProject, useTitle } from "../hooks";
import { Avatar, Card, Failure, Opened, Skeleton } from "../parts";
import { Table } from "../table";
import { Place, SESSION_COLUMNS, When } from "./Lists";

export function VisitorPage() {
  const { id } = useSearch({ strict: false }) as { id: string };
  const project = useProject();
  const answer = useAnswer<{ profile: VisitorRow; sessions: SessionRow[]; events: EventRow[] }>(
    `visitor?id=${encodeURIComponent(id)}`,
  );
  const found = answer.data?.data;
  useTitle(found?.profile.visitor_name ?? "Visitor");
  if (answer.error) return <Failure error={answer.error} again={answer.refetch} />;
  if (found === undefined) return <Skeleton rows={10} />;
  const { profile, sessions, events } = found;
  const [latest] = sessions;
  const facts: [string, React.ReactNode][] = [
    ["First seen", moment(profile.first_seen, project.timezone)],
    ["Last seen", <When key="last" at={profile.last_seen} />],
    ["Sessions", exact(profile.sessions)],
    ["Page views", exact(profile.page_views)],
    ["Events", exact(profile.events)],
    ["Revenue", money(profile.revenue)],
    ["Device", latest ? [latest.browser, latest.system].filter(Boolean).join(", ") || "unknown" : "unknown"],
    ["Place", latest ? <Place key="place" code={latest.country} city={latest.city} /> : "unknown"],
    ["Came first by", sessions.at(-1)?.channel ?? "unknown"],
    ["User", latest?.user_id || "not signed in"],
  ];
  return (
    <>
      <div className="mb-4 flex items-center gap-3">
        <Avatar id={profile.visitor_id} />
        <div className="min-w-0">
          <h1 className="text-xl font-semibold">{profile.visitor_name}</h1>
          <p className="truncate font-mono text-xs text-soft">{profile.visitor_id}</p>
        </div>
        {profile.bot && <span className="rounded bg-line px-2 py-0.5 text-xs">bot – {profile.bot}</span>}
      </div>
      <Card
        className="mb-4"
        title="Profile"
        aside={<Opened query={answer.data?.query} name="this profile" />}
      >
        <dl className="grid grid-cols-2 gap-x-4 gap-y-3 p-4 sm:grid-cols-3 lg:grid-cols-5">
          {facts.map(([name, value]) => (
            <div key={name} className="min-w-0">
              <dt className="text-xs text-soft">{name}</dt>
              <dd className="truncate font-medium">{value}</dd>
            </div>
          ))}
        </dl>
      </Card>
      <Card className="mb-4" title="Sessions">
        <Table
          caption="Sessions"
          columns={SESSION_COLUMNS.slice(1)}
          rows={sessions}
          id={(row) => row.session_id}
        />
      </Card>
      <Card title={events.length === 200 ? "The newest 200 events" : "Timeline"}>
        <ol className="px-4 pb-4">
          {events.map((event, position) => {
            const later = events[position - 1];
            const starts = later !== undefined && later.session_id !== event.session_id;
            return (
              <li key={event.event_id} className="relative flex gap-3 border-l-2 border-line py-1.5 pl-4">
                <span
                  aria-hidden="true"
                  className={`absolute top-3.5 -left-[5px] size-2 rounded-full ${starts || position === 0 ? "bg-accent" : "bg-line"}`}
                />
                <div className="min-w-0 flex-1">
                  <span className="font-medium">{event.name}</span>{" "}
                  <span className="break-words text-soft">{event.path}</span>
                  {event.properties !== "{}" && (
                    <code className="block truncate text-xs text-soft" title={event.properties}>
                      {event.properties}
                    </code>
                  )}
                </div>
                <span className="shrink-0 text-soft">
                  <When at={event.timestamp} />
                  {later && !starts && (
                    <span className="block text-right text-xs">
                      +{duration((Date.parse(later.timestamp) - Date.parse(event.timestamp)) / 1000)}
                    </span>
                  )}
                </span>
              </li>
            );
          })}
        </ol>
      </Card>
    </>
  );
}
