/** One session: its visitor, source and device, and its events in order. */

import { useSearch } from "@tanstack/react-router";
import { useAsk, useProject, useTitle, WHATEVER_VIEW } from "../client/hooks";
import { duration, exact, moment } from "../kit/format";
import { Place, Visitor } from "../kit/lists";
import { Card, Empty, Facts, Failure, Skeleton } from "../kit/parts";
import { Timeline } from "../kit/timeline";
import { Opened } from "../kit/why";
import { t, term } from "../language";

export function SessionPage() {
  const { id = "" } = useSearch({ strict: false }) as { id?: string };
  const project = useProject();
  useTitle(t("Session"));
  const answer = useAsk({
    ...WHATEVER_VIEW,
    question: "newest_events",
    period: "all",
    bots: true,
    limit: 1000,
    filter: `session_id:is:${id}`,
  });
  if (answer.error) return <Failure error={answer.error} again={answer.refetch} />;
  if (answer.data === undefined) return <Skeleton rows={10} />;
  const events = answer.data.data;
  const last = events[0];
  const first = events.at(-1);
  if (first === undefined || last === undefined)
    return (
      <Empty title={t("There is no such session")}>
        {t("Its events may have been erased, or the link is incomplete.")}
      </Empty>
    );
  const pages = events.filter((event) => event.type === "page" || event.type === "screen");
  const seconds = (Date.parse(last.timestamp) - Date.parse(first.timestamp)) / 1000;
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center gap-4">
        <h1 className="text-xl font-semibold">{t("Session")}</h1>
        <Visitor id={first.visitor_id} name={last.user_id || first.visitor_name} bot={first.bot} />
      </div>
      <Card
        className="mb-4"
        title={t("In short")}
        aside={<Opened query={answer.data.queries[0]} name={t("this session")} />}
      >
        <Facts
          facts={[
            [t("Started"), moment(first.timestamp, project.timezone)],
            [t("Duration"), duration(seconds)],
            [t("Page views"), exact(pages.length)],
            [t("Events"), exact(events.length)],
            [t("Source"), first.source],
            [t("Channel"), term(first.channel)],
            [t("Entry page"), pages.at(-1)?.path || "–"],
            [t("Exit page"), pages[0]?.path || "–"],
            [t("Device"), [first.browser, first.system].filter(Boolean).join(", ") || t("unknown")],
            [t("Place"), <Place key="place" code={first.country} city={first.city} />],
          ]}
        />
      </Card>
      <Card title={events.length === 1000 ? t("The newest 1,000 steps") : t("Step by step")}>
        <Timeline events={events} />
      </Card>
    </>
  );
}
