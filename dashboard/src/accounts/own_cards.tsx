/** The cards that an account sees about its own entities. */
import type { ReactNode } from "react";
import type { EntityCounters, EntityRow } from "../client/api";
import { useAsk, WHATEVER_VIEW } from "../client/hooks";
import { ViewsBy, ViewsOverTime } from "../entities/Entities";
import { Audience, Daily, type Of } from "../entities/EntityPage";
import { country, exact, percent } from "../kit/format";
import { When } from "../kit/lists";
import { Card, Empty, Facts, Failure, Skeleton } from "../kit/parts";
import { AskedTable } from "../kit/question_card";
import { Table } from "../kit/table";
import { t, term } from "../language";

/** A card: the permission that it needs, its title, and its content for the chosen entities (`own`, and `main` of them). */
export interface Part {
  needs: string;
  title: string;
  show: (own: Of[], main: Of) => ReactNode;
}

/** The entity to ask about; undefined for all entities of the account. */
const single = (own: Of[], main: Of) => (own.length > 1 ? undefined : main);

export const PARTS: Record<string, Part> = {
  totals: { needs: "views", title: t("In total"), show: (own) => <Totals own={own} /> },
  time: {
    needs: "views",
    title: t("Views over time"),
    show: (own, main) => <ViewsOverTime of={single(own, main)} />,
  },
  entities: { needs: "views", title: t("All your entities"), show: () => <OwnEntities /> },
  daily: { needs: "interactions", title: t("Daily numbers"), show: (_, main) => <Daily of={main} /> },
  sources: {
    needs: "sources",
    title: t("Sent from"),
    show: (own, main) => <ViewsBy title={t("Sent from")} by="referrer_source" of={single(own, main)} />,
  },
  places: {
    needs: "audience",
    title: t("Where they are"),
    show: (own, main) => (
      <Audience title={t("Where they are")} by="country" of={single(own, main)} show={country} />
    ),
  },
  devices: {
    needs: "audience",
    title: t("Devices"),
    show: (own, main) => <Audience title={t("Devices")} by="device" of={single(own, main)} show={term} />,
  },
  bookings: {
    needs: "bookings",
    title: t("Booked after a view"),
    show: (own, main) => <Booked of={single(own, main)} />,
  },
  live: { needs: "live", title: t("At this moment"), show: () => <LiveList /> },
};

/** Which parts each type of account sees, in order; all others see those of an artist. */
export const OF_TYPE: Record<string, string[]> = {
  artist: ["totals", "time", "sources", "daily", "live", "bookings", "places", "devices", "entities"],
  venue: ["totals", "entities", "time", "daily", "live", "bookings", "sources", "places", "devices"],
};

/** The totals of one entity, or the sums of several. */
function Totals({ own }: { own: Of[] }) {
  const [first] = own;
  const several = own.length > 1;
  const counted = useAsk(
    several || first === undefined
      ? undefined
      : {
          question: "entity_views",
          entity_type: first.entity_type,
          ids: [first.entity_id],
          filter: undefined,
        },
  );
  const all = useAsk(
    several ? { question: "entities", period: "all", filter: undefined, limit: 1000 } : undefined,
  );
  const asked = several ? all : counted;
  const facts = several ? factsOfSeveral(all.data?.data) : factsOfOne(counted.data?.data[0]);
  return (
    <Card title={t("In total")} className="md:col-span-2">
      {asked.error && <Failure error={asked.error} again={asked.refetch} />}
      {facts === undefined && !asked.error && <Skeleton rows={2} />}
      {facts && <Facts facts={facts} />}
    </Card>
  );
}

function factsOfOne(row: EntityCounters | undefined): [string, ReactNode][] | undefined {
  if (row === undefined) return undefined;
  const { views = 0, sessions = 0, viewers = 0, anonymous = 0, last_viewed } = row;
  return [
    [t("Views"), exact(views)],
    [t("Sessions"), exact(sessions)],
    [t("Viewers signed in"), exact(viewers)],
    [t("Anonymous"), views > 0 ? percent(anonymous) : "–"],
    [t("Last viewed"), last_viewed ? <When key="viewed" at={last_viewed} /> : "–"],
  ];
}

function factsOfSeveral(rows: EntityRow[] | undefined): [string, ReactNode][] | undefined {
  const last = rows
    ?.map((row) => row.last_seen ?? "")
    .sort()
    .at(-1);
  return (
    rows && [
      [t("Views"), exact(rows.reduce((sum, row) => sum + row.views, 0))],
      [t("Entities"), exact(rows.length)],
      [t("Last seen"), last ? <When key="seen" at={last} /> : "–"],
    ]
  );
}

function OwnEntities() {
  return (
    <AskedTable<EntityRow>
      title={t("All your entities")}
      ask={{ question: "entities", period: "all", filter: undefined, limit: 100 }}
      id={(row) => `${row.entity_type}\n${row.entity_id}`}
      columns={() => [
        { name: t("Entity"), show: (row) => row.name || row.entity_id },
        { name: t("Views in total"), number: true, show: (row) => exact(row.views) },
      ]}
    />
  );
}

function Booked({ of }: { of?: Of }) {
  const asked = useAsk({
    question: "view_bookings",
    filter: undefined,
    ...of,
  });
  const bookings = asked.data?.data;
  return (
    <Card title={t("Booked after a view")}>
      {asked.error && <Failure error={asked.error} again={asked.refetch} />}
      {bookings === undefined && !asked.error && <Skeleton rows={2} />}
      {bookings && bookings.viewers === 0 && <Empty title={t("Nothing in this period")} />}
      {bookings && bookings.viewers > 0 && (
        <div className="p-4">
          <p className="text-3xl font-semibold">{percent(bookings.rate ?? 0)}</p>
          <p className="text-soft">
            {t("{booked} of {viewers}, in this period", {
              booked: exact(bookings.booked),
              viewers: exact(bookings.viewers),
            })}
          </p>
        </div>
      )}
    </Card>
  );
}

export function LiveList() {
  const asked = useAsk({ ...WHATEVER_VIEW, question: "newest_events", limit: 8 });
  const rows = asked.data?.data;
  return (
    <Card title={t("At this moment")}>
      {asked.error && <Failure error={asked.error} again={asked.refetch} />}
      {rows === undefined && !asked.error && <Skeleton rows={4} />}
      {rows?.length === 0 && <Empty title={t("Nothing in this period")} />}
      {rows !== undefined && rows.length > 0 && (
        <Table
          caption={t("At this moment")}
          rows={rows}
          id={(row) => row.event_id}
          columns={[
            { name: t("When"), show: (row) => <When at={row.timestamp} /> },
            { name: t("Who"), show: (row) => row.visitor_name },
            { name: t("Event"), show: (row) => row.name },
          ]}
        />
      )}
    </Card>
  );
}

export function MostViewed() {
  return (
    <AskedTable<EntityRow>
      title={t("Most viewed")}
      rows={6}
      ask={{ question: "top_entities", limit: 10, filter: undefined }}
      id={(row) => `${row.entity_type}\n${row.entity_id}`}
      columns={() => [
        { name: t("Entity"), show: (row) => row.name || row.entity_id },
        { name: t("Type"), show: (row) => row.entity_type },
        { name: t("Views"), number: true, show: (row) => exact(row.views) },
      ]}
    />
  );
}
