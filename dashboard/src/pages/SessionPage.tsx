/** One session: who, from where, with what, and step by step what they did. */
import { useSearch } from "@tanstack/react-router";
import type { EventRow } from "../api";
import { duration, exact, moment } from "../format";
import { useAnswer, useProject, useTitle } from "../hooks";
import { Card, Empty, Facts, Failure, Opened, Skeleton } from "../parts";
import { Timeline } from "../timeline";
import { Place, Visitor } from "./Lists";

export function SessionPage() {
  const { id = "" } = useSearch({ strict: false }) as { id?: string };
  const project = useProject();
  useTitle("Session");
  const answer = useAnswer<EventRow[]>(
    `events?period=all&bots=true&limit=1000&filter=${encodeURIComponent(`session_id:is:${id}`)}`,
  );
  if (answer.error) return <Failure error={answer.error} again={answer.refetch} />;
  if (answer.data === undefined) return <Skeleton rows={10} />;
  const events = answer.data.data;
  const last = events[0];
  const first = events.at(-1);
  if (first === undefined || last === undefined)
    return (
      <Empty title="There is no such session">
        Its events may have been erased, or the link is not whole.
      </Empty>
    );
  const pages = events.filter((one) => one.type === "page" || one.type === "screen");
  const seconds = (Date.parse(last.timestamp) - Date.parse(first.timestamp)) / 1000;
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center gap-4">
        <h1 className="text-xl font-semibold">Session</h1>
        <Visitor id={first.visitor_id} name={last.user_id || first.visitor_name} bot={first.bot} />
      </div>
      <Card
        className="mb-4"
        title="In short"
        aside={<Opened query={answer.data.query} name="this session" />}
      >
        <Facts
          facts={[
            ["Started", moment(first.timestamp, project.timezone)],
            ["Duration", duration(seconds)],
            ["Page views", exact(pages.length)],
            ["Events", exact(events.length)],
            ["Source", first.source],
            ["Channel", first.channel],
            ["Entry page", pages.at(-1)?.path ?? "–"],
            ["Exit page", pages[0]?.path ?? "–"],
            ["Device", [first.browser, first.system].filter(Boolean).join(", ") || "unknown"],
            ["Place", <Place key="place" code={first.country} city={first.city} />],
          ]}
        />
      </Card>
      <Card title={events.length === 1000 ? "The newest 1,000 steps" : "Step by step"}>
        <Timeline events={events} />
      </Card>
    </>
  );
}
