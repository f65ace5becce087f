/** One person across visitors and sessions: profile, traits and events. */

import { useSearch } from "@tanstack/react-router";
import { useContext, useState } from "react";
import { api, type Merge, type PersonAnswer, type PersonOrder, type PersonSession } from "../client/api";
import { MeContext, useAsk, useProject, useRefresh, useTitle } from "../client/hooks";
import { quiet } from "../kit/dialog";
import { duration, exact, moment, money } from "../kit/format";
import { Place, SESSION_COLUMNS, When } from "../kit/lists";
import { Avatar, Card, Empty, Facts, Failure, ShowMore, Skeleton } from "../kit/parts";
import { type Column, Table } from "../kit/table";
import { Timeline } from "../kit/timeline";
import { useToast } from "../kit/toast";
import { Opened } from "../kit/why";
import { t, term } from "../language";
import { ForPerson } from "../recommend/items";
import { Insights } from "./Insights";

const STEP = 200;
const OF_PERSON: Column<PersonSession>[] = [
  ...SESSION_COLUMNS.slice(1, 2),
  {
    name: t("Ended"),
    show: (row) =>
      row.active ? (
        <span className="rounded-full bg-accent-soft px-2 py-0.5 text-xs font-medium">{t("Active")}</span>
      ) : (
        <When at={row.ended_at} />
      ),
  },
  {
    name: t("Duration"),
    number: true,
    show: (row) => (row.duration_s === null ? "–" : duration(row.duration_s)),
  },
  ...SESSION_COLUMNS.slice(3),
];
/** The IP address, for permitted users; usually stored without its last part. */
const ADDRESS: Column<PersonSession> = {
  name: t("IP address"),
  wide: true,
  show: (row) => row.ip || <span className="text-soft">–</span>,
};

export function PersonPage() {
  const { id = "" } = useSearch({ strict: false }) as { id?: string };
  const project = useProject();
  const [limit, setLimit] = useState(STEP);
  const manages = project.role === "owner" || project.role === "administrator";
  const answer = useAsk({
    question: "person",
    visitor_id: id,
    limit,
    addresses: manages,
    period: "all",
    filter: undefined,
    bots: true,
  });
  const person = answer.data?.data;
  const name = person?.user_ids[0] || person?.profile?.name || t("Visitor");
  useTitle(name);
  if (answer.error) return <Failure error={answer.error} again={answer.refetch} />;
  if (answer.data === undefined) return <Skeleton rows={10} />;
  if (!person?.profile)
    return (
      <Empty title={t("Nobody has this id")}>
        {t("The link may be incomplete, or the person was erased.")}
      </Empty>
    );
  const { profile, sessions, events } = person;
  return (
    <>
      <div className="mb-4 flex items-center gap-3">
        <Avatar id={id} />
        <div className="min-w-0">
          <h1 className="truncate text-xl font-semibold">{name}</h1>
          <p className="truncate text-soft">
            {person.user_ids.length > 0 ? profile.name : t("not signed in")}
          </p>
        </div>
      </div>
      <Card
        className="mb-4"
        title={t("Profile")}
        aside={<Opened query={answer.data.queries[0]} name={t("this person")} />}
      >
        <Profile person={person} profile={profile} />
      </Card>
      <div className="grid gap-4 lg:grid-cols-[1fr_20rem]">
        <div className="min-w-0 space-y-4">
          <Orders orders={person.orders} />
          <Events events={events} limit={limit} more={() => setLimit(Math.min(5000, limit * 3))} />
          {sessions.length > 0 && (
            <Card title={t("Sessions")}>
              <Table
                caption={t("Sessions")}
                columns={manages ? [...OF_PERSON, ADDRESS] : OF_PERSON}
                rows={sessions}
                id={(row) => row.session_id + row.visitor_id}
              />
            </Card>
          )}
        </div>
        <aside className="order-first min-w-0 space-y-4 lg:order-none">
          <Insights person={profile.person} />
          <ForPerson person={profile.person} />
          <Properties whole={person} />
          <Merges merges={person.merges} />
        </aside>
      </div>
    </>
  );
}

function Profile(props: { person: PersonAnswer; profile: NonNullable<PersonAnswer["profile"]> }) {
  const project = useProject();
  const { person, profile } = props;
  const [latest] = person.sessions;
  return (
    <Facts
      facts={[
        [t("First seen"), moment(profile.first_seen, project.timezone)],
        [t("Last seen"), <When key="last" at={profile.last_seen} />],
        [t("Sessions"), exact(profile.sessions)],
        [t("Page views"), exact(profile.page_views)],
        [t("Events"), exact(profile.events)],
        [t("First channel"), term(person.sessions.at(-1)?.channel ?? "unknown")],
        [
          t("Device"),
          latest ? [latest.browser, latest.system].filter(Boolean).join(", ") || t("unknown") : t("unknown"),
        ],
        [t("Place"), latest ? <Place key="place" code={latest.country} city={latest.city} /> : t("unknown")],
        [t("User ids"), person.user_ids.join(", ") || t("none")],
        [t("Visitors joined"), exact(person.visitor_ids.length)],
      ]}
    />
  );
}

/** The newest events; `more` asks for further ones. */
function Events({
  events,
  limit,
  more,
}: {
  events: PersonAnswer["events"];
  limit: number;
  more: () => void;
}) {
  return (
    <Card
      title={
        events.length === limit ? t("The newest {limit} events", { limit: exact(limit) }) : t("Timeline")
      }
    >
      <Timeline events={events} sessions />
      {events.length === limit && limit < 5000 && <ShowMore more={more} />}
    </Card>
  );
}

/** Orders and bookings, including those that no longer count. */
function Orders({ orders }: { orders: PersonOrder[] }) {
  const project = useProject();
  if (orders.length === 0) return null;
  const amount = (row: PersonOrder, value: string) =>
    money([{ currency: row.currency || project.currency, amount: value }]);
  return (
    <Card title={t("Orders and bookings")}>
      <Table
        caption={t("Orders and bookings")}
        low
        rows={orders}
        id={(row) => row.kind + row.order_id}
        columns={[
          { name: t("When"), show: (row) => <When at={row.placed_at} /> },
          {
            name: t("Order"),
            show: (row) => (
              <span className={row.counts ? "" : "line-through"}>{row.service || row.order_id}</span>
            ),
          },
          { name: t("Amount"), number: true, show: (row) => amount(row, row.amount) },
          {
            name: t("Refunded"),
            number: true,
            wide: true,
            show: (row) => (Number(row.refunded) ? amount(row, row.refunded) : "–"),
          },
          {
            name: t("State"),
            wide: true,
            show: (row) =>
              row.counts ? (row.kind === "booking" ? t("booked") : t("ordered")) : t("no longer counts"),
          },
        ]}
      />
    </Card>
  );
}

const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

/** Traits with their earlier values. */
function Properties({ whole }: { whole: PersonAnswer }) {
  const names = Object.keys(whole.properties).sort();
  return (
    <Card title={t("Properties")}>
      {names.length === 0 && (
        <Empty title={t("None yet")}>
          {t("Traits that `identify` sends appear here, with their earlier values.")}
        </Empty>
      )}
      <dl className="space-y-2 px-4 pb-4">
        {names.map((name) => {
          const history = whole.history[name] ?? [];
          return (
            <div key={name}>
              <dt className="text-xs text-soft">{name}</dt>
              <dd className="font-medium break-words">{text(whole.properties[name])}</dd>
              {history.length > 1 && (
                <dd>
                  <details className="text-xs text-soft">
                    <summary className="cursor-pointer">
                      {t("{length} before", { length: history.length - 1 })}
                    </summary>
                    <ol>
                      {history
                        .slice(0, -1)
                        .reverse()
                        .map((change) => (
                          <li key={change.at}>
                            {text(change.value)} · <When at={change.at} />
                          </li>
                        ))}
                    </ol>
                  </details>
                </dd>
              )}
            </div>
          );
        })}
      </dl>
    </Card>
  );
}

/** The merges of this person's ids; an administrator can undo them. */
function Merges({ merges }: { merges: Merge[] }) {
  const project = useProject();
  const me = useContext(MeContext);
  const refresh = useRefresh();
  const say = useToast();
  async function undo(merge: Merge, undone: boolean) {
    const body = { identity: merge.identity, person: merge.person, undone };
    await api.post(`/projects/${project.id}/merges/undo`, body);
    refresh();
    if (undone) say(t("They are counted separately from now on."), () => void undo(merge, false));
  }
  if (merges.length === 0) return null;
  return (
    <Card title={t("Joined by")}>
      <ul className="divide-y divide-line px-4 pb-2">
        {merges.map((merge) => (
          <li
            key={`${merge.identity} ${merge.person}`}
            className="flex items-center justify-between gap-2 py-2"
          >
            <span className={`min-w-0 ${merge.undone ? "line-through" : ""}`}>
              <span className="block truncate font-mono text-xs" title={merge.from_id}>
                {merge.from_id}
              </span>
              <span className="text-xs text-soft">
                {merge.kind}, <When at={merge.at} />
              </span>
            </span>
            {me?.is_admin && (
              <button type="button" className={quiet} onClick={() => void undo(merge, !merge.undone)}>
                {merge.undone ? t("Join again") : t("Undo")}
              </button>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}
