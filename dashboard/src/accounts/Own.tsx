/** What an account of the product sees of its own: an artist, a venue, a fan; and what it would see with more. */
import { type ReactNode, useState } from "react";
import type { AsAccount, EntityRow, EventRow } from "../client/api";
import { useAnswer, useAsk, useProject, useTitle } from "../client/hooks";
import { ViewsBy, ViewsOverTime } from "../entities/Entities";
import { Audience, Daily, type Of } from "../entities/EntityPage";
import { PeriodPicker } from "../kit/controls";
import { country, exact, percent } from "../kit/format";
import { When } from "../kit/lists";
import { Card, Empty, Facts, Failure, Skeleton } from "../kit/parts";
import { AskedTable } from "../kit/question_card";
import { Table } from "../kit/table";
import { t, term } from "../language";
import { Become } from "./become";
import { MyYear } from "./year";

export const TIERS: Record<string, string> = {
  free: t("Free"),
  premium: t("Premium"),
  professional: t("Professional"),
  enterprise: t("Enterprise"),
};
export const VERIFIED: Record<string, string> = {
  none: t("not verified"),
  email: t("e-mail"),
  phone: t("phone"),
  identity: t("identity"),
  business: t("business"),
};

/** What a card shows, what it takes to see it, and how it is drawn. `own` is what is chosen of one's own. */
interface Part {
  needs: string;
  title: string;
  show: (own: Of[], one: Of) => ReactNode;
}

/** What is asked about: one entity, or everything that is theirs. */
const only = (own: Of[], one: Of) => (own.length > 1 ? undefined : one);

const PARTS: Record<string, Part> = {
  totals: { needs: "views", title: t("In total"), show: (own) => <Totals own={own} /> },
  time: {
    needs: "views",
    title: t("Views over time"),
    show: (own, one) => <ViewsOverTime of={only(own, one)} />,
  },
  entities: { needs: "views", title: t("All your entities"), show: () => <OwnEntities /> },
  daily: { needs: "interactions", title: t("Daily numbers"), show: (_, one) => <Daily of={one} /> },
  sources: {
    needs: "sources",
    title: t("Sent from"),
    show: (own, one) => <ViewsBy title={t("Sent from")} by="referrer_source" of={only(own, one)} />,
  },
  places: {
    needs: "audience",
    title: t("Where they are"),
    show: (own, one) => (
      <Audience title={t("Where they are")} by="country" of={only(own, one)} show={country} />
    ),
  },
  devices: {
    needs: "audience",
    title: t("Devices"),
    show: (own, one) => <Audience title={t("Devices")} by="device" of={only(own, one)} show={term} />,
  },
  bookings: {
    needs: "bookings",
    title: t("Booked after a view"),
    show: (own, one) => <Booked of={only(own, one)} />,
  },
  live: { needs: "live", title: t("At this moment"), show: () => <LiveList /> },
};

/** Which parts each type of account sees, in order; all others see those of an artist. */
const OF_TYPE: Record<string, string[]> = {
  artist: ["totals", "time", "sources", "daily", "live", "bookings", "places", "devices", "entities"],
  venue: ["totals", "entities", "time", "daily", "live", "bookings", "sources", "places", "devices"],
};

/** What each permission lets somebody see. */
export const SEEN: Record<string, string> = {
  views: t("how often you are seen"),
  interactions: t("what people do, day by day"),
  sources: t("where your viewers come from"),
  audience: t("where your audience is"),
  bookings: t("who books after a view"),
  live: t("what happens at this moment"),
  year: t("a person's own year"),
  ask: t("any question of Explore"),
  export: t("answers as files"),
  sql: t("SQL over their own rows"),
};

export function Mine({ upgrade }: { upgrade?: (needs: string) => void }) {
  const project = useProject();
  const account = project.account;
  useTitle(account?.name || project.name);
  if (account === null)
    return (
      <Empty title={t("You have no account in this product")}>
        {t("The administrators of this product see everything.")}
      </Empty>
    );
  if (account.type === "user")
    return (
      <>
        <MyYear />
        <Become />
      </>
    );
  if (account.type === "admin") return <WholePage account={account} />;
  return <OwnPage account={account} upgrade={upgrade} />;
}

/** What an administrator of the product sees in the product: all of it, at a glance. */
function WholePage({ account }: { account: AsAccount }) {
  const may = (permission: string) => account.permissions[permission]?.granted ?? false;
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center justify-between gap-3">
        <h1 className="text-xl font-semibold">{account.name || account.id}</h1>
        <PeriodPicker />
      </div>
      <div className="grid gap-4 md:grid-cols-2">
        {may("views") && <ViewsOverTime />}
        {may("views") && <MostViewed />}
        {may("sources") && <ViewsBy title={t("Sent from")} by="referrer_source" />}
        {may("audience") && <ViewsBy title={t("Countries")} by="country" show={country} />}
        {may("live") && <LiveList />}
        {may("views") && <ViewsBy title={t("Types")} by="entity_type" />}
      </div>
    </>
  );
}

function MostViewed() {
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

function OwnPage({ account, upgrade }: { account: AsAccount; upgrade?: (needs: string) => void }) {
  const every = account.entities.map(([entity_type, entity_id]) => ({ entity_type, entity_id }));
  const project = useProject();
  const [chosen, choose] = useState(-1);
  const names = useNames(account);
  const own = chosen < 0 ? every : every.slice(chosen, chosen + 1);
  // Daily numbers are of one: of all that is theirs, the artist or the venue itself.
  const one = own.find((each) => account.type.startsWith(each.entity_type)) ?? own[0];
  const parts = OF_TYPE[account.type.startsWith("venue") ? "venue" : "artist"] ?? [];
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center justify-between gap-3">
        <h1 className="text-xl font-semibold">
          {account.name || names.get(`${one?.entity_id}`) || account.id}
        </h1>
        <div className="flex flex-wrap items-center gap-2">
          {every.length > 1 && (
            <select
              aria-label={t("Entities")}
              value={chosen}
              onChange={(event) => choose(Number(event.target.value))}
              className="min-h-9 max-w-56 rounded-lg border border-line bg-card px-2"
            >
              <option value={-1}>{t("All your entities")}</option>
              {every.map((each, place) => (
                <option key={`${each.entity_type}\n${each.entity_id}`} value={place}>
                  {names.get(each.entity_id) || each.entity_id}
                </option>
              ))}
            </select>
          )}
          <PeriodPicker />
        </div>
      </div>
      {one === undefined ? (
        <Card>
          <Empty title={t("You have no entities here yet")}>
            {t("When {platform} assigns entities to you, their numbers appear here.", {
              platform: project.name,
            })}
          </Empty>
        </Card>
      ) : (
        <div className="grid gap-4 md:grid-cols-2">
          {parts.map((name) => {
            const part = PARTS[name];
            if (part === undefined || (name === "entities" && every.length < 2 && names.size < 2))
              return null;
            const verdict = account.permissions[part.needs];
            if (verdict?.granted) return <Wrapped key={name}>{part.show(own, one)}</Wrapped>;
            if (verdict === undefined || verdict.lacks === "type" || verdict.lacks === "active") return null;
            return (
              <Locked key={name} part={part} needs={verdict.needs} lacks={verdict.lacks} ask={upgrade} />
            );
          })}
        </div>
      )}
    </>
  );
}

const Wrapped = ({ children }: { children: ReactNode }) => <>{children}</>;

/** What one's own are called. */
function useNames(account: AsAccount): Map<string, string> {
  const asked = useAsk<EntityRow[]>(
    account.permissions.views?.granted
      ? { question: "entities", period: "all", filter: undefined, limit: 1000 }
      : undefined,
  );
  return new Map(asked.data?.data.map((row) => [row.entity_id, row.name]));
}

/** A card that cannot be seen yet: a drawing of no numbers, and what it takes. */
function Locked(props: { part: Part; needs: string; lacks: string; ask?: (needs: string) => void }) {
  const paid = props.lacks === "subscription";
  const what = SEEN[props.part.needs] ?? "";
  return (
    <Card
      title={props.part.title}
      aside={
        <span className="rounded-full bg-accent-soft px-2.5 py-0.5 text-xs font-medium text-ink">
          <svg viewBox="0 0 16 16" className="me-1 inline size-3 align-[-1px]" aria-hidden="true">
            <path d="M4.5 7V5a3.5 3.5 0 0 1 7 0v2" fill="none" stroke="currentColor" strokeWidth="1.6" />
            <rect x="3" y="7" width="10" height="7" rx="1.5" fill="currentColor" />
          </svg>
          {paid ? TIERS[props.needs] : t("verified: {what}", { what: VERIFIED[props.needs] })}
        </span>
      }
    >
      <div className="relative">
        <svg
          viewBox="0 0 400 130"
          className="h-40 w-full px-4 opacity-40 blur-[3px]"
          preserveAspectRatio="none"
          aria-hidden="true"
        >
          {[38, 60, 46, 82, 70, 96, 74, 110, 88, 118].map((height, place) => (
            <rect
              key={height}
              x={place * 40 + 6}
              y={128 - height}
              width="28"
              height={height}
              rx="4"
              fill="var(--accent)"
            />
          ))}
        </svg>
        <div className="absolute inset-0 grid place-content-center gap-2 p-4 text-center">
          <p className="font-medium">
            {paid
              ? t("With {tier} you see {what}.", { tier: TIERS[props.needs], what })
              : t("Once your {proof} is verified you see {what}.", { proof: VERIFIED[props.needs], what })}
          </p>
          {props.ask && (
            <button
              type="button"
              className="mx-auto rounded-lg bg-accent px-4 py-1.5 font-medium text-card"
              onClick={() => props.ask?.(props.needs)}
            >
              {paid ? t("See the requirements") : t("Get verified")}
            </button>
          )}
        </div>
      </div>
    </Card>
  );
}

interface Counted {
  id: string;
  views: number;
  sessions: number;
  viewers: number;
  anonymous: number;
  last_viewed: string | null;
}

/** All of one entity; of several, what they come to together. */
function Totals({ own }: { own: Of[] }) {
  const [one] = own;
  const several = own.length > 1;
  const counted = useAsk<Counted[]>(
    several
      ? undefined
      : { question: "entity_views", entity_type: one?.entity_type, ids: [one?.entity_id], filter: undefined },
  );
  const all = useAsk<EntityRow[]>(
    several ? { question: "entities", period: "all", filter: undefined, limit: 1000 } : undefined,
  );
  const asked = several ? all : counted;
  const facts = several ? ofSeveral(all.data?.data) : ofOne(counted.data?.data[0]);
  return (
    <Card title={t("In total")} className="md:col-span-2">
      {asked.error && <Failure error={asked.error} again={asked.refetch} />}
      {facts === undefined && !asked.error && <Skeleton rows={2} />}
      {facts && <Facts facts={facts} />}
    </Card>
  );
}

function ofOne(row: Counted | undefined): [string, ReactNode][] | undefined {
  return (
    row && [
      [t("Views"), exact(row.views)],
      [t("Sessions"), exact(row.sessions)],
      [t("Viewers signed in"), exact(row.viewers)],
      [t("Anonymous"), row.views > 0 ? percent(row.anonymous) : "–"],
      [t("Last viewed"), row.last_viewed ? <When key="viewed" at={row.last_viewed} /> : "–"],
    ]
  );
}

function ofSeveral(rows: EntityRow[] | undefined): [string, ReactNode][] | undefined {
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
  const asked = useAsk<{ viewers: number; booked: number; rate: number | null }>({
    question: "view_bookings",
    filter: undefined,
    ...of,
  });
  const found = asked.data?.data;
  return (
    <Card title={t("Booked after a view")}>
      {asked.error && <Failure error={asked.error} again={asked.refetch} />}
      {found === undefined && !asked.error && <Skeleton rows={2} />}
      {found && found.viewers === 0 && <Empty title={t("Nothing in this period")} />}
      {found && found.viewers > 0 && (
        <div className="p-4">
          <p className="text-3xl font-semibold">{percent(found.rate ?? 0)}</p>
          <p className="text-soft">
            {t("{booked} of {viewers}, in this period", {
              booked: exact(found.booked),
              viewers: exact(found.viewers),
            })}
          </p>
        </div>
      )}
    </Card>
  );
}

function LiveList() {
  const asked = useAnswer<EventRow[]>("events?limit=8");
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
