/** Sessions and people: large tables that the server sorts. */
import { useState } from "react";
import type { PersonRow, SessionRow } from "../api";
import { type BigColumn, BigTable } from "../bigtable";
import { Controls } from "../controls";
import { duration, exact } from "../format";
import { useTitle } from "../hooks";
import { Empty } from "../parts";
import { Place, Started, Visitor, When } from "./Lists";

const nothing = (what: string) => (
  <Empty title={`No ${what} here`}>
    Choose a longer period, take a filter away, or send an event: it is here within two seconds.
  </Empty>
);

const SESSIONS: BigColumn<SessionRow>[] = [
  {
    name: "Visitor",
    width: "minmax(11rem,1.5fr)",
    usual: true,
    show: (row) => <Visitor id={row.visitor_id} name={row.user_id || row.visitor_name} bot={row.bot} />,
  },
  {
    name: "Started",
    sort: "started_at",
    width: "minmax(7rem,1fr)",
    usual: true,
    show: (row) => <Started row={row} />,
  },
  {
    name: "Duration",
    sort: "duration_s",
    number: true,
    width: "7rem",
    usual: true,
    show: (row) =>
      row.active ? (
        <span className="rounded-full bg-accent-soft px-2 py-0.5 text-xs font-medium">Active</span>
      ) : (
        duration(row.duration_s)
      ),
  },
  { name: "Ended", sort: "ended_at", width: "minmax(7rem,1fr)", show: (row) => <When at={row.ended_at} /> },
  {
    name: "Pages",
    sort: "page_views",
    number: true,
    width: "5rem",
    usual: true,
    show: (row) => exact(row.page_views),
  },
  {
    name: "Events",
    sort: "events",
    number: true,
    width: "5rem",
    usual: true,
    show: (row) => exact(row.events),
  },
  {
    name: "Entry",
    sort: "entry_path",
    width: "minmax(8rem,1fr)",
    usual: true,
    show: (row) => row.entry_path || "–",
  },
  { name: "Exit", sort: "exit_path", width: "minmax(8rem,1fr)", show: (row) => row.exit_path || "–" },
  {
    name: "Source",
    sort: "source",
    width: "minmax(8rem,1fr)",
    usual: true,
    show: (row) => `${row.source} / ${row.medium}`,
  },
  { name: "Channel", width: "minmax(8rem,1fr)", show: (row) => row.channel },
  { name: "Campaign", width: "minmax(8rem,1fr)", show: (row) => row.campaign || "–" },
  {
    name: "Device",
    width: "minmax(9rem,1fr)",
    usual: true,
    show: (row) => [row.browser, row.system].filter(Boolean).join(", ") || "unknown",
  },
  {
    name: "Place",
    sort: "country",
    width: "minmax(8rem,1fr)",
    usual: true,
    show: (row) => <Place code={row.country} city={row.city} />,
  },
];

export function Sessions() {
  useTitle("Sessions");
  return (
    <>
      <Controls title="Sessions" />
      <BigTable<SessionRow>
        name="Sessions"
        body={{ question: "sessions" }}
        usual="started_at"
        ascending
        rows={(data: { rows: SessionRow[] }) => data.rows}
        total={(data: { totals: { sessions: number } }) => data.totals.sessions}
        columns={SESSIONS}
        id={(row) => row.session_id + row.visitor_id}
        empty={nothing("sessions")}
      />
    </>
  );
}

const PEOPLE: BigColumn<PersonRow & { first_seen: string }>[] = [
  {
    name: "Person",
    width: "minmax(12rem,2fr)",
    usual: true,
    show: (row) => <Visitor id={row.visitor_id} name={row.user_id || row.name} />,
  },
  {
    name: "Last seen",
    sort: "last_seen",
    width: "minmax(7rem,1fr)",
    usual: true,
    show: (row) => <When at={row.last_seen} />,
  },
  {
    name: "First seen",
    sort: "first_seen",
    width: "minmax(7rem,1fr)",
    usual: true,
    show: (row) => <When at={row.first_seen} />,
  },
  {
    name: "Sessions",
    sort: "sessions",
    number: true,
    width: "6rem",
    usual: true,
    show: (row) => exact(row.sessions),
  },
  {
    name: "Page views",
    sort: "page_views",
    number: true,
    width: "7rem",
    usual: true,
    show: (row) => exact(row.page_views),
  },
  {
    name: "Events",
    sort: "events",
    number: true,
    width: "6rem",
    usual: true,
    show: (row) => exact(row.events),
  },
  { name: "Visitors joined", number: true, width: "8rem", show: (row) => exact(row.visitors) },
  {
    name: "Country",
    width: "minmax(8rem,1fr)",
    usual: true,
    show: (row) => <Place code={row.country} city="" />,
  },
];

export function People() {
  useTitle("People");
  const [search, setSearch] = useState("");
  const wanted = search.trim();
  return (
    <>
      <Controls title="People" />
      <label className="mb-3 block">
        <span className="sr-only">Find somebody by name or id</span>
        <input
          type="search"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
          placeholder="Find by name or id"
          className="min-h-9 w-full max-w-xs rounded-lg border border-line bg-card px-3"
        />
      </label>
      <BigTable<PersonRow & { first_seen: string }>
        name="People"
        body={{ question: "persons" }}
        filter={
          wanted && {
            any: [`visitor_name:contains:${wanted}`, `user_id:contains:${wanted}`, `visitor_id:is:${wanted}`],
          }
        }
        usual="last_seen"
        rows={(data: (PersonRow & { first_seen: string })[]) => data}
        columns={PEOPLE}
        id={(row) => row.person}
        empty={nothing("people")}
      />
    </>
  );
}
