/** One entity: its views, their sources, the interactions with it, and its funnel. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { type Answers, api, type Counters, type Entity, type Pack, type TrendAnswer } from "../client/api";
import { type AnswerQuery, useAsk, useProject, useTitle, useVersion } from "../client/hooks";
import { FunnelShown } from "../explore/funnel";
import { Controls } from "../kit/controls";
import { country, day, exact, moment, percent } from "../kit/format";
import { Card, Empty, Facts, Failure, Skeleton } from "../kit/parts";
import { AskedTable } from "../kit/question_card";
import { Table } from "../kit/table";
import { Opened } from "../kit/why";
import { t } from "../language";
import { LikeEntity } from "../recommend/items";
import { ViewsBy, ViewsOverTime } from "./Entities";

export interface Of {
  entity_type: string;
  entity_id: string;
}
/** The steps from impression to order; each step lists the event names that count. */
const STEPS = [
  ["impression"],
  ["event click", "click"],
  ["view_details", "view"],
  ["interest"],
  ["ticket_click"],
  ["Order Completed", "Booking Completed"],
];

const about = (of: Of) => ({
  all: [
    { column: "entity_type", operator: "is", values: [of.entity_type] },
    { column: "entity_id", operator: "is", values: [of.entity_id] },
  ],
});

export function EntityPage() {
  const { type = "", id = "" } = useSearch({ strict: false }) as { type?: string; id?: string | number };
  const project = useProject();
  const version = useVersion();
  const of = { entity_type: type, entity_id: String(id) };
  const path = `/projects/${project.id}`;
  const known = useQuery({
    queryKey: ["entity", project.id, type, id],
    queryFn: () => api.get<Entity>(`${path}/entities/${encodeURIComponent(type)}/${id}`).catch(() => null),
  });
  const counters = useQuery({
    queryKey: ["counters", project.id, type, id, version],
    queryFn: () =>
      api.post<Counters[]>(`${path}/views/lookup`, {
        entity_type: type,
        ids: [String(id)],
        seen_by: "owner",
      }),
    placeholderData: keepPreviousData,
  });
  const booked = useAsk({
    question: "view_bookings",
    filter: undefined,
    ...of,
  });
  const name = known.data?.name || String(id);
  const total = counters.data?.[0];
  useTitle(name);
  return (
    <>
      <Controls title={name} />
      <Card title={t("{type} in total", { type })} className="mb-4">
        {counters.error && <Failure error={counters.error} again={counters.refetch} />}
        {total === undefined && !counters.error && <Skeleton rows={2} />}
        {total && (
          <Facts
            facts={[
              [t("Views"), exact(total.views ?? 0)],
              [t("Sessions"), exact(total.sessions ?? 0)],
              [t("Viewers signed in"), exact(total.viewers ?? 0)],
              [t("Anonymous"), percent(total.anonymous ?? 0)],
              [t("Last viewed"), total.last_viewed ? moment(total.last_viewed, project.timezone) : "–"],
              [
                t("Booked after a view"),
                booked.data?.data.viewers
                  ? t("{booked} of {viewers}, in this period", {
                      booked: exact(booked.data.data.booked),
                      viewers: exact(booked.data.data.viewers),
                    })
                  : "–",
              ],
              [t("Belongs to"), known.data?.parents.join(", ") || "–"],
              [t("Owners"), known.data?.owners.join(", ") || "–"],
              [t("Counts are"), total.hidden ? t("hidden from the public") : t("public")],
            ]}
          />
        )}
      </Card>
      <div className="grid gap-4 md:grid-cols-2">
        <ViewsOverTime of={of} />
        <Interactions of={of} />
        <Way of={of} />
        <ViewsBy title={t("Sent from")} by="referrer_source" of={of} />
        <Daily of={of} />
        <LikeEntity of={of} />
        <Audience title={t("Where they are")} by="country" of={of} show={country} />
        <Audience title={t("Age")} by="traits.age_range" of={of} />
        <Audience title={t("Gender")} by="traits.gender" of={of} />
      </div>
    </>
  );
}

/** The people who interacted with an entity, by country, device or trait. */
export function Audience(props: { title: string; by: string; of?: Of; show?: (value: string) => string }) {
  const show = props.show ?? ((value: string) => value);
  return (
    <AskedTable<{ value: string; persons: number }>
      title={props.title}
      rule="audience"
      ask={{ question: "audience", by: props.by, limit: 10, ...props.of }}
      id={(row) => row.value}
      columns={() => [
        { name: props.title, show: (row) => (row.value ? show(row.value) : t("unknown")) },
        { name: t("People"), number: true, show: (row) => exact(row.persons) },
      ]}
    />
  );
}

interface Interaction {
  name: string;
  total: number;
  people: number;
}

function Interactions({ of }: { of: Of }) {
  const { rows, asked } = useInteractions(of);
  return (
    <Card
      title={t("Interactions")}
      aside={<Opened query={asked.data?.queries[0]} name={t("Interactions")} rule="events" />}
    >
      {asked.error && <Failure error={asked.error} again={asked.refetch} />}
      {rows === undefined && !asked.error && <Skeleton rows={5} />}
      {rows?.length === 0 && <Empty title={t("Nothing in this period")} />}
      {rows !== undefined && rows.length > 0 && (
        <Table
          caption={t("Interactions")}
          rows={rows}
          id={(row) => row.name}
          columns={[
            { name: t("Event"), show: (row) => row.name },
            { name: t("Times"), number: true, show: (row) => exact(row.total) },
            { name: t("People"), number: true, show: (row) => exact(row.people) },
          ]}
        />
      )}
    </Card>
  );
}

function useInteractions(of: Of): {
  rows: Interaction[] | undefined;
  asked: AnswerQuery<TrendAnswer>;
} {
  const asked = useAsk({
    question: "trend",
    interval: "month",
    series: [{ metric: "events" }, { metric: "persons" }],
    by: ["name"],
    top: 20,
    filter: about(of),
  });
  const [events, people] = asked.data?.data.series ?? [];
  const whom = new Map(people?.parts?.map((part) => [part.name, part.total]));
  const rows = events?.parts
    ?.filter((part) => Number(part.total) > 0)
    .map((part) => ({
      name: part.name,
      total: Number(part.total),
      people: Number(whom.get(part.name) ?? 0),
    }));
  return { rows: asked.data ? (rows ?? []) : undefined, asked };
}

function Way({ of }: { of: Of }) {
  const { rows } = useInteractions(of);
  const there = new Set(rows?.map((row) => row.name));
  const steps = STEPS.flatMap((names) => names.filter((name) => there.has(name)).slice(0, 1));
  const body = {
    question: "funnel" as const,
    steps: steps.map((event) => ({ event })),
    window_s: 7 * 86_400,
    filter: about(of),
  };
  const asked = useAsk(steps.length > 1 ? body : undefined);
  return (
    <Card
      title={t("How far people get")}
      aside={<Opened query={asked.data?.queries[0]} name={t("How far people get")} rule="funnel" />}
    >
      {asked.error && <Failure error={asked.error} again={asked.refetch} />}
      {rows !== undefined && steps.length < 2 && (
        <Empty title={t("Fewer than two steps yet")}>
          {t("Impression, click, details, interest, ticket and order.")}
        </Empty>
      )}
      {steps.length > 1 && asked.data === undefined && !asked.error && <Skeleton rows={5} />}
      {steps.length > 1 && asked.data && <FunnelShown asked={asked.data} body={body} />}
    </Card>
  );
}

/** The daily numbers of this entity type in the project's metrics pack. */
export function Daily({ of }: { of: Of }) {
  const project = useProject();
  const pack = useQuery({
    queryKey: ["metrics", project.id],
    queryFn: () => api.get<Pack>(`/projects/${project.id}/metrics`),
  });
  const subject = Object.entries(pack.data?.subjects ?? {}).find(
    ([, candidate]) => candidate.of === of.entity_type,
  );
  const asked = useAsk(
    subject ? { question: "daily", subject: subject[0], ids: [of.entity_id], filter: undefined } : undefined,
  );
  const names = Object.keys(subject?.[1].metrics ?? {});
  const rows = [...(asked.data?.data ?? [])].reverse();
  const text = (value: unknown) =>
    typeof value === "number" ? (Number.isInteger(value) ? exact(value) : value.toFixed(2)) : "–";
  return (
    <Card
      title={t("Daily numbers")}
      className="md:col-span-2"
      aside={<Opened query={asked.data?.queries[0]} name={t("Daily numbers")} />}
    >
      {asked.error && <Failure error={asked.error} again={asked.refetch} />}
      {pack.data && !subject && (
        <Empty title={t("No daily numbers of this type")}>
          {t("The project's metrics pack, a TOML file, defines them.")}
        </Empty>
      )}
      {subject && asked.data === undefined && !asked.error && <Skeleton rows={5} />}
      {asked.data && rows.length === 0 && <Empty title={t("Nothing in this period")} />}
      {rows.length > 0 && (
        <Table
          low
          caption={t("Daily numbers")}
          rows={rows}
          id={(row) => String(row.day)}
          columns={[
            { name: t("Day"), show: (row) => day(`${row.day}T12:00:00Z`, project.timezone, "day") },
            ...names.map((name) => ({
              name: name.replaceAll("_", " "),
              number: true,
              show: (row: Answers["daily"][number]) => text(row[name]),
            })),
          ]}
        />
      )}
    </Card>
  );
}
