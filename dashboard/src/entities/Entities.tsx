/** The page Entities: the most viewed ones, sources of views, and the register. */
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import type { EntityRow, ViewsRow } from "../client/api";
import { useAsk, useProject, useTitle } from "../client/hooks";
import { Chart } from "../kit/chart";
import { Controls } from "../kit/controls";
import { count, country, day, exact, percent } from "../kit/format";
import { When } from "../kit/lists";
import { Card, Empty, Failure, Skeleton, Tabs } from "../kit/parts";
import { AskedTable } from "../kit/question_card";
import { Opened } from "../kit/why";
import { t } from "../language";

/** An entity's name, or its id, as a link to its page. */
export function EntityLink({ row }: { row: { entity_type: string; entity_id: string; name: string } }) {
  const project = useProject();
  return (
    <Link
      to={`/p/${project.id}/entity` as "/"}
      search={{ type: row.entity_type, id: row.entity_id } as never}
      className="font-medium hover:underline"
    >
      {row.name || row.entity_id}
    </Link>
  );
}

/** Views by something, of all entities or of one. */
export function ViewsBy(props: {
  title: string;
  by: string;
  of?: { entity_type: string; entity_id: string };
  show?: (value: string) => string;
}) {
  const show = props.show ?? ((value) => value);
  return (
    <AskedTable<ViewsRow>
      title={props.title}
      rule="views"
      ask={{ question: "views", by: props.by, limit: 8, filter: undefined, ...props.of }}
      id={(row) => row.value}
      columns={(rows) => {
        const all = rows.reduce((sum, row) => sum + row.views, 0);
        return [
          { name: props.title, show: (row) => show(row.value) || t("unknown") },
          { name: t("Views"), number: true, show: (row) => exact(row.views) },
          { name: t("Share"), number: true, show: (row) => percent(row.views / all) },
        ];
      }}
    />
  );
}

const HOUR = 3_600_000;

/** A moment as the server writes it in a time zone: 2026-01-31 12:00:00. */
const written = (at: number, timezone: string) =>
  new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium", timeZone: timezone }).format(
    at,
  );

/** All hours or days between two moments, including those without views. */
function filled(
  rows: ViewsRow[],
  from: number,
  to: number,
  by: string,
  timezone: string,
): [string, number][] {
  const views = new Map(rows.map((row) => [row.value, row.views]));
  const name = (at: number) =>
    by === "hour" ? `${written(at, timezone).slice(0, 13)}:00:00` : written(at, timezone).slice(0, 10);
  const names = new Set<string>();
  for (let at = from; at < to; at += by === "hour" ? HOUR : 12 * HOUR) names.add(name(at));
  return [...names].map((key) => [key, views.get(key) ?? 0]);
}

type Step = "hour" | "day" | "week";
type Span = { entity_type: string; entity_id: string } | undefined;

/** Views over time, by the day or week of the period, or by the hour of the last 24. */
export function ViewsOverTime({ of }: { of?: Span }) {
  const [by, setBy] = useState<Step>("day");
  return (
    <Card title={t("Views over time")}>
      <div className="px-4">
        <Tabs
          label={t("Views over time")}
          tabs={[
            ["day", t("by day")],
            ["week", t("by week")],
            ["hour", t("the last 24 hours")],
          ]}
          chosen={by}
          choose={(step) => setBy(step as Step)}
        />
      </div>
      {/* Separate keys, so that days are never drawn as hours while an answer loads. */}
      <OverTime key={by} by={by} of={of} />
    </Card>
  );
}

function OverTime({ by, of }: { by: Step; of: Span }) {
  const project = useProject();
  const now = Date.now();
  const yesterday = written(now - 24 * HOUR, project.timezone).slice(0, 10);
  const asked = useAsk({
    question: "views",
    by,
    limit: 10_000,
    filter: undefined,
    ...(by === "hour" ? { from: yesterday, to: written(now, project.timezone).slice(0, 10) } : {}),
    ...of,
  });
  const rows = asked.data?.data ?? [];
  const first = rows[0] ? Date.parse(`${rows[0].value.slice(0, 10)}T12:00:00Z`) : now;
  const bars =
    by === "hour"
      ? filled(rows, now - 23 * HOUR, now + 1, by, project.timezone)
      : by === "day"
        ? filled(
            rows,
            Math.max(Date.parse(asked.data?.period.from ?? ""), first - 31 * 24 * HOUR),
            Math.min(Date.parse(asked.data?.period.to ?? ""), now + 1),
            by,
            project.timezone,
          )
        : rows.map((row): [string, number] => [row.value, row.views]);
  const shown = (value: string) =>
    by === "hour" ? value.slice(11, 16) : day(`${value}T12:00:00Z`, project.timezone, by);
  return (
    <>
      {asked.error && <Failure error={asked.error} again={asked.refetch} />}
      {asked.data === undefined && !asked.error && <Skeleton rows={5} />}
      {asked.data && rows.length === 0 && (
        <Empty title={t("No views yet")}>
          {project.role !== "" &&
            t(
              "Count a view with POST /v1/entities/TYPE/ID/view and a session_id: it appears within two seconds.",
            )}
        </Empty>
      )}
      {asked.data && rows.length > 0 && (
        <div className="px-2 pb-2">
          <Chart
            label={t("Views: {join}", { join: bars.map(([, views]) => views).join(", ") })}
            labels={bars.map(([value]) => shown(value))}
            show={count}
            height={220}
            series={[{ name: t("Views"), kind: "bar", values: bars.map(([, views]) => views) }]}
          />
          <p className="px-2 text-end">
            <Opened query={asked.data.queries[0]} name={t("Views over time")} rule="views" />
          </p>
        </div>
      )}
    </>
  );
}

function Top() {
  return (
    <AskedTable<EntityRow & { anonymous: number }>
      title={t("Most viewed")}
      rule="views"
      rows={6}
      ask={{ question: "top_entities", limit: 10, filter: undefined }}
      id={(row) => `${row.entity_type}\n${row.entity_id}`}
      columns={() => [
        { name: t("Entity"), show: (row) => <EntityLink row={row} /> },
        { name: t("Type"), show: (row) => row.entity_type },
        { name: t("Views"), number: true, show: (row) => exact(row.views) },
        { name: t("Anonymous"), number: true, wide: true, show: (row) => percent(row.anonymous / row.views) },
      ]}
    />
  );
}

function RegisterCard() {
  const { search = "" } = useSearch({ strict: false }) as { search?: string };
  const navigate = useNavigate();
  return (
    <AskedTable<EntityRow>
      title={t("Register")}
      className="md:col-span-2"
      rows={6}
      ask={{ question: "entities", search: String(search), limit: 200, period: "all", filter: undefined }}
      id={(row) => `${row.entity_type}\n${row.entity_id}`}
      above={
        <label className="block px-4 pb-2">
          <span className="sr-only">{t("Find an entity by name or id")}</span>
          <input
            type="search"
            placeholder={t("Find by name or id")}
            defaultValue={String(search)}
            onChange={(event) =>
              void navigate({
                to: ".",
                replace: true,
                search: (old: Record<string, unknown>) => ({
                  ...old,
                  search: event.target.value || undefined,
                }),
              } as never)
            }
            className="min-h-9 w-full max-w-xs rounded-lg border border-line bg-card px-3"
          />
        </label>
      }
      empty={
        <Empty title={t("No entities here")}>
          {t(
            "Entities appear automatically from events with entity_type and entity_id; names come from PUT …/entities or a CSV.",
          )}
        </Empty>
      }
      columns={() => [
        { name: t("Entity"), show: (row) => <EntityLink row={row} /> },
        { name: t("Type"), show: (row) => row.entity_type },
        { name: t("Belongs to"), wide: true, show: (row) => row.parents.join(", ") || "–" },
        { name: t("Views in total"), number: true, show: (row) => exact(row.views) },
        {
          name: t("Last seen"),
          wide: true,
          show: (row) => (row.last_seen ? <When at={row.last_seen} /> : "–"),
        },
      ]}
    />
  );
}

export function Entities() {
  useTitle(t("Entities"));
  return (
    <>
      <Controls title={t("Entities")} />
      <div className="grid gap-4 md:grid-cols-2">
        <ViewsOverTime />
        <Top />
        <ViewsBy title={t("Sent from")} by="referrer_source" />
        <ViewsBy
          title={t("Signed in or not")}
          by="signed_in"
          show={(value) => (value === "anonymous" ? t("anonymous") : t("signed in"))}
        />
        <ViewsBy title={t("Countries")} by="country" show={country} />
        <ViewsBy title={t("Types")} by="entity_type" />
        <RegisterCard />
      </div>
    </>
  );
}
