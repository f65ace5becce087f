/** The lists of events and sources, and the cells that show visitors, places and times. */

import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import type { EventRow, PersonSession, SessionRow, Source } from "../client/api";
import { useAskAny, useProject, useTitle } from "../client/hooks";
import { columnLabel } from "../client/view_state";
import { t, term } from "../language";
import { Controls } from "./controls";
import { CsvFile } from "./csv_file";
import { Options } from "./fields";
import { ago, country, duration, exact, moment, money, percent } from "./format";
import { Avatar, Card, Empty, Facts, Failure, ShowMore, Skeleton } from "./parts";
import { type Column, Table } from "./table";
import { Opened } from "./why";

export function Visitor({ id, name, bot }: { id: string; name: string; bot?: string }) {
  const project = useProject();
  return (
    <Link
      to="/p/$projectId/visitor"
      params={{ projectId: project.id }}
      search={{ id } as never}
      className="inline-flex max-w-full items-center gap-2 align-middle hover:underline"
    >
      <Avatar id={id} />
      <span className="truncate">{name}</span>
      {bot && (
        <span title={bot} className="rounded bg-line px-1.5 text-xs text-soft">
          {t("bot")}
        </span>
      )}
    </Link>
  );
}

export function Place({ code, city }: { code: string; city: string }) {
  const where = [city, country(code)].filter(Boolean).join(", ");
  return <>{where || <span className="text-soft">{t("unknown")}</span>}</>;
}

export function When({ at }: { at: string }) {
  const project = useProject();
  return (
    <time dateTime={at} title={moment(at, project.timezone)} className="whitespace-nowrap">
      {ago(at)}
    </time>
  );
}

export const EVENT_COLUMNS: Column<EventRow>[] = [
  { name: t("When"), show: (row) => <When at={row.timestamp} /> },
  {
    name: t("Event"),
    show: (row) => (
      <>
        <span className="font-medium">{row.name}</span>{" "}
        <span className="text-soft">{row.type === "page" ? row.path : row.entity_id}</span>
      </>
    ),
  },
  {
    name: t("Visitor"),
    show: (row) => <Visitor id={row.visitor_id} name={row.visitor_name} bot={row.bot} />,
  },
  { name: t("Page"), show: (row) => row.path || "–", wide: true },
  { name: t("Source"), show: (row) => row.source, wide: true },
  { name: t("Place"), show: (row) => <Place code={row.country} city={row.city} />, wide: true },
  {
    name: t("Properties"),
    wide: true,
    show: (row) => (
      <code className="text-xs text-soft" title={row.properties}>
        {row.properties === "{}" ? "–" : row.properties}
      </code>
    ),
  },
];

/** The start of a session, as a link to it. */
export function Started({ row }: { row: SessionRow | PersonSession }) {
  const project = useProject();
  return (
    <Link
      to={`/p/${project.id}/session` as "/"}
      search={{ id: row.session_id } as never}
      className="underline decoration-line underline-offset-4 hover:decoration-accent"
    >
      <When at={row.started_at} />
    </Link>
  );
}

export const SESSION_COLUMNS: Column<SessionRow | PersonSession>[] = [
  {
    name: t("Visitor"),
    show: (row) => <Visitor id={row.visitor_id} name={row.visitor_name} bot={row.bot} />,
  },
  { name: t("Started"), show: (row) => <Started row={row} /> },
  {
    name: t("Duration"),
    number: true,
    show: (row) =>
      row.active || row.duration_s === null ? (
        <span className="rounded-full bg-accent-soft px-2 py-0.5 text-xs font-medium">{t("Active")}</span>
      ) : (
        duration(row.duration_s)
      ),
  },
  { name: t("Pages"), number: true, show: (row) => exact(row.page_views), wide: true },
  { name: t("Events"), number: true, show: (row) => exact(row.events), wide: true },
  { name: t("Entry"), show: (row) => row.entry_path || "–", wide: true },
  { name: t("Exit"), show: (row) => row.exit_path || "–", wide: true },
  { name: t("Source"), show: (row) => `${row.source} / ${row.medium}`, wide: true },
  {
    name: t("Device"),
    show: (row) =>
      [
        [row.browser, "browser_version" in row ? row.browser_version : ""],
        [row.system, "system_version" in row ? row.system_version : ""],
      ]
        .map((parts) => parts.filter(Boolean).join(" "))
        .filter(Boolean)
        .join(", ") || t("unknown"),
    wide: true,
  },
  { name: t("Place"), show: (row) => <Place code={row.country} city={row.city} />, wide: true },
];

function List<Row>(props: {
  title: string;
  ask: Record<string, unknown>;
  columns: Column<Row>[];
  id: (row: Row) => string;
  step: number;
  /** The rule by which it is counted: a key of RULES. */
  rule: string;
  above?: ReactNode;
  beneath?: (row: Row) => ReactNode;
}) {
  useTitle(props.title);
  const [limit, setLimit] = useState(props.step);
  const answer = useAskAny<Row[]>({ ...props.ask, limit });
  const rows = answer.data?.data;
  return (
    <>
      <Controls title={props.title} />
      {props.above}
      <Card
        title={
          rows
            ? t(rows.length < limit ? "{rows} in this period" : "the newest {rows}", {
                rows: exact(rows.length),
              })
            : "…"
        }
        aside={
          <>
            <CsvFile body={{ ...props.ask, limit: 1000 }} name={props.title} />
            <Opened query={answer.data?.queries[0]} name={props.title} rule={props.rule} />
          </>
        }
      >
        {answer.error && <Failure error={answer.error} again={answer.refetch} />}
        {rows === undefined && !answer.error && <Skeleton rows={12} />}
        {rows?.length === 0 && (
          <Empty title={t("Nothing here")}>
            {t("Choose a longer period, remove a filter, or send an event: it appears within two seconds.")}
          </Empty>
        )}
        {rows !== undefined && rows.length > 0 && (
          <div aria-busy={answer.isPlaceholderData}>
            <Table
              caption={props.title}
              columns={props.columns}
              rows={rows}
              id={props.id}
              beneath={props.beneath}
            />
          </div>
        )}
        {rows !== undefined && rows.length === limit && limit < 1000 && (
          <ShowMore more={() => setLimit(Math.min(1000, limit * 2))} />
        )}
      </Card>
    </>
  );
}

export function Events() {
  const [opened, setOpened] = useState("");
  const [when, , ...rest] = EVENT_COLUMNS;
  const name: Column<EventRow> = {
    name: t("Event"),
    show: (row) => (
      <button
        type="button"
        aria-expanded={opened === row.event_id}
        onClick={() => setOpened(opened === row.event_id ? "" : row.event_id)}
        className="max-w-full truncate underline decoration-line underline-offset-4 hover:decoration-accent"
      >
        <span className="font-medium">{row.name}</span>{" "}
        <span className="text-soft">{row.type === "page" ? row.path : row.entity_id}</span>
      </button>
    ),
  };
  return (
    <List<EventRow>
      title={t("Events")}
      rule="events"
      step={100}
      ask={{ question: "newest_events" }}
      columns={[when as Column<EventRow>, name, ...rest]}
      id={(row) => row.event_id}
      beneath={(row) => opened === row.event_id && <OneEvent row={row} />}
    />
  );
}

/** All details of one event. */
function OneEvent({ row }: { row: EventRow }) {
  const project = useProject();
  const link = "underline decoration-line underline-offset-4 hover:decoration-accent";
  const facts: [string, ReactNode][] = [
    [t("When"), moment(row.timestamp, project.timezone)],
    [t("Kind"), row.type],
    [t("User"), row.user_id],
    [t("Page"), row.path && `${row.host}${row.path}`],
    [t("Title"), row.title],
    [
      t("About"),
      row.entity_id && (
        <Link
          key="about"
          className={link}
          to={`/p/${project.id}/entity` as "/"}
          search={{ type: row.entity_type, id: row.entity_id } as never}
        >
          {row.entity_type} {row.entity_id}
        </Link>
      ),
    ],
    [t("Channel"), term(row.channel)],
    [t("Source"), row.source],
    [t("Device"), [term(row.device), row.browser, row.system].filter(Boolean).join(", ")],
    [t("Place"), <Place key="place" code={row.country} city={row.city} />],
    [t("Revenue"), Number(row.revenue) ? money([{ currency: row.currency, amount: row.revenue }]) : ""],
    [t("Classified as a bot"), row.bot],
  ];
  return (
    <div className="whitespace-normal">
      <Facts facts={facts.filter(([, value]) => value)} />
      {row.properties !== "{}" && (
        <pre className="mx-4 mb-3 overflow-x-auto rounded-lg border border-line bg-card p-3 text-xs">
          {JSON.stringify(JSON.parse(row.properties), null, 2)}
        </pre>
      )}
      <p className="px-4 pb-4">
        <Link
          className={link}
          to={`/p/${project.id}/session` as "/"}
          search={{ id: row.session_id } as never}
        >
          {t("The session of the event")}
        </Link>
      </p>
    </div>
  );
}

const GROUPINGS: [string, string][] = [
  ["channel", t("Channel")],
  ["channel,source,medium", t("Source and medium")],
  ["source,medium,campaign", t("Campaign")],
  ["referrer_host", t("Referrer")],
  ["source,entry_path", t("Landing page")],
];

const PARTS = ["channel", "source", "medium", "campaign", "referrer_host", "entry_path"] as const;

export function Sources() {
  const [by, setBy] = useState("channel,source,medium");
  const columns = by.split(",");
  const named = (column: string) => (column === "entry_path" ? t("Landing page") : columnLabel(column));
  return (
    <List<Source>
      title={t("Sources")}
      rule="sources"
      step={100}
      ask={{ question: "sources", by: columns }}
      // The rows until the next answer arrives are still grouped by the previous column.
      id={(row) => PARTS.map((part) => row[part] ?? "").join("\n")}
      above={
        <label className="mb-3 inline-flex items-center gap-2">
          {t("By")}
          <select
            value={by}
            onChange={(event) => setBy(event.target.value)}
            className="min-h-9 rounded-lg border border-line bg-card px-2"
          >
            <Options of={GROUPINGS} />
          </select>
        </label>
      }
      columns={[
        ...columns.map((column, position) => ({
          name: named(column),
          wide: position > 1,
          show: (row: Source) =>
            String(row[column as keyof Source]) || <span className="text-soft">{t("none")}</span>,
        })),
        { name: t("Sessions"), number: true, show: (row) => exact(row.sessions) },
        { name: t("Visitors"), number: true, show: (row) => exact(row.visitors), wide: true },
        { name: t("Bounce rate"), number: true, show: (row) => percent(row.bounce_rate), wide: true },
        { name: t("Duration"), number: true, show: (row) => duration(row.duration_s), wide: true },
        { name: t("Conversions"), number: true, show: (row) => exact(row.conversions) },
        { name: t("Revenue"), number: true, show: (row) => money(row.revenue), wide: true },
      ]}
    />
  );
}
