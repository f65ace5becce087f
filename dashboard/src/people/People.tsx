/** Sessions and people: large tables that the server sorts. */

import { useState } from "react";
import type { PersonRow, SessionRow } from "../client/api";
import { useTitle } from "../client/hooks";
import { literal } from "../client/view_state";
import { Controls } from "../kit/controls";
import { duration, exact } from "../kit/format";
import { type BigColumn, BigTable } from "../kit/large_table";
import { Place, Started, Visitor, When } from "../kit/lists";
import { Empty } from "../kit/parts";
import { t, term } from "../language";

const nothing = (title: string) => (
  <Empty title={title}>
    {t("Choose a longer period, remove a filter, or send an event: it appears within two seconds.")}
  </Empty>
);

const SESSIONS: BigColumn<SessionRow>[] = [
  {
    name: t("Visitor"),
    width: "minmax(11rem,1.5fr)",
    usual: true,
    show: (row) => <Visitor id={row.visitor_id} name={row.user_id || row.visitor_name} bot={row.bot} />,
  },
  {
    name: t("Started"),
    sort: "started_at",
    width: "minmax(7rem,1fr)",
    usual: true,
    show: (row) => <Started row={row} />,
  },
  {
    name: t("Duration"),
    sort: "duration_s",
    number: true,
    width: "7rem",
    usual: true,
    show: (row) =>
      row.active ? (
        <span className="rounded-full bg-accent-soft px-2 py-0.5 text-xs font-medium">{t("Active")}</span>
      ) : (
        duration(row.duration_s)
      ),
  },
  {
    name: t("Ended"),
    sort: "ended_at",
    width: "minmax(7rem,1fr)",
    show: (row) => <When at={row.ended_at} />,
  },
  {
    name: t("Pages"),
    sort: "page_views",
    number: true,
    width: "5rem",
    usual: true,
    show: (row) => exact(row.page_views),
  },
  {
    name: t("Events"),
    sort: "events",
    number: true,
    width: "5rem",
    usual: true,
    show: (row) => exact(row.events),
  },
  {
    name: t("Entry"),
    sort: "entry_path",
    width: "minmax(8rem,1fr)",
    usual: true,
    show: (row) => row.entry_path || "–",
  },
  { name: t("Exit"), sort: "exit_path", width: "minmax(8rem,1fr)", show: (row) => row.exit_path || "–" },
  {
    name: t("Source"),
    sort: "source",
    width: "minmax(8rem,1fr)",
    usual: true,
    show: (row) => `${row.source} / ${row.medium}`,
  },
  { name: t("Channel"), width: "minmax(8rem,1fr)", show: (row) => term(row.channel) },
  { name: t("Campaign"), width: "minmax(8rem,1fr)", show: (row) => row.campaign || "–" },
  {
    name: t("Device"),
    width: "minmax(9rem,1fr)",
    usual: true,
    show: (row) => [row.browser, row.system].filter(Boolean).join(", ") || t("unknown"),
  },
  {
    name: t("Place"),
    sort: "country",
    width: "minmax(8rem,1fr)",
    usual: true,
    show: (row) => <Place code={row.country} city={row.city} />,
  },
];

export function Sessions() {
  useTitle(t("Sessions"));
  return (
    <>
      <Controls title={t("Sessions")} />
      <BigTable<SessionRow>
        name={t("Sessions")}
        body={{ question: "sessions" }}
        usual="started_at"
        ascending
        rows={(data: { rows: SessionRow[] }) => data.rows}
        total={(data: { totals: { sessions: number } }) => data.totals.sessions}
        columns={SESSIONS}
        id={(row) => row.session_id + row.visitor_id}
        empty={nothing(t("No sessions here"))}
      />
    </>
  );
}

const PEOPLE: BigColumn<PersonRow & { first_seen: string }>[] = [
  {
    name: t("Person"),
    width: "minmax(12rem,2fr)",
    usual: true,
    show: (row) => <Visitor id={row.visitor_id} name={row.user_id || row.name} />,
  },
  {
    name: t("Last seen"),
    sort: "last_seen",
    width: "minmax(7rem,1fr)",
    usual: true,
    show: (row) => <When at={row.last_seen} />,
  },
  {
    name: t("First seen"),
    sort: "first_seen",
    width: "minmax(7rem,1fr)",
    usual: true,
    show: (row) => <When at={row.first_seen} />,
  },
  {
    name: t("Sessions"),
    sort: "sessions",
    number: true,
    width: "6rem",
    usual: true,
    show: (row) => exact(row.sessions),
  },
  {
    name: t("Page views"),
    sort: "page_views",
    number: true,
    width: "7rem",
    usual: true,
    show: (row) => exact(row.page_views),
  },
  {
    name: t("Events"),
    sort: "events",
    number: true,
    width: "6rem",
    usual: true,
    show: (row) => exact(row.events),
  },
  { name: t("Visitors joined"), number: true, width: "8rem", show: (row) => exact(row.visitors) },
  {
    name: t("Country"),
    width: "minmax(8rem,1fr)",
    usual: true,
    show: (row) => <Place code={row.country} city="" />,
  },
];

export function People() {
  useTitle(t("People"));
  const [search, setSearch] = useState("");
  const wanted = search.trim();
  return (
    <>
      <Controls title={t("People")} />
      <label className="mb-3 block">
        <span className="sr-only">{t("Find somebody by name or id")}</span>
        <input
          type="search"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
          placeholder={t("Find by name or id")}
          className="min-h-9 w-full max-w-xs rounded-lg border border-line bg-card px-3"
        />
      </label>
      <BigTable<PersonRow & { first_seen: string }>
        name={t("People")}
        body={{ question: "persons" }}
        filter={
          wanted && {
            any: ["visitor_name:contains", "user_id:contains", "visitor_id:is"].map(
              (column) => `${column}:${literal(wanted)}`,
            ),
          }
        }
        usual="last_seen"
        rows={(data: (PersonRow & { first_seen: string })[]) => data}
        columns={PEOPLE}
        id={(row) => row.person}
        empty={nothing(t("Nobody here"))}
      />
    </>
  );
}
