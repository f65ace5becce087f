/** What is behind the numbers: events and their properties, the tracking plan, bots, and what was refused. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useContext, useState } from "react";
import { type Answer, api, type BreakdownRow, type Rejection } from "../client/api";
import { MeContext, useAnswer, useAsk, useProject, useTab, useTitle, useView } from "../client/hooks";
import { question } from "../client/view_state";
import { PeriodPicker } from "../kit/controls";
import { count, exact, percent } from "../kit/format";
import { When } from "../kit/lists";
import { Card, Empty, Failure, Skeleton, Tabs, Toggle } from "../kit/parts";
import { Table } from "../kit/table";
import { useToast } from "../kit/toast";
import { Opened } from "../kit/why";
import { rich, t } from "../language";
import { Letters, LettersNotice } from "./dead_letters";
import { Transfers } from "./transfers";

const TABS: [string, string, () => React.JSX.Element][] = [
  ["events", t("Events"), EventExplorer],
  ["plan", t("Tracking plan"), PlanTab],
  ["refused", t("Refused"), RefusedTab],
  ["bots", t("Bots"), Bots],
  ["files", t("Imports and exports"), Transfers],
];

export function Data() {
  useTitle(t("Data"));
  const [tab, choose] = useTab("events");
  const Shown = TABS.find(([name]) => name === tab)?.[2] ?? EventExplorer;
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center justify-between gap-3">
        <h1 className="text-xl font-semibold">{t("Data")}</h1>
        <PeriodPicker />
      </div>
      <Tabs
        label={t("Data")}
        tabs={TABS.map(([name, label]) => [name, label])}
        chosen={tab}
        choose={choose}
      />
      {tab !== "refused" && <LettersNotice />}
      <Shown />
    </>
  );
}

interface Named {
  name: string;
  events: number;
  last_at: string;
}
interface PropertyRow {
  property: string;
  types: string[];
  events: number;
  fill_rate: number;
}

const WORDS: [RegExp, string][] = [
  [/^Array/, t("list")],
  [/Bool/, t("yes or no")],
  [/Int/, t("whole number")],
  [/Float|Decimal/, t("number")],
  [/Date/, t("time")],
  [/String/, t("text")],
];

/** The store's types as people say them, each once. */
function inWords(types: string[]): string {
  const words = types.map((type) => WORDS.find(([is]) => is.test(type))?.[1] ?? type);
  return [...new Set(words)].join(", ");
}

function EventExplorer() {
  const names = useAsk<Named[]>({
    question: "event_names",
    limit: 1000,
    exact: true,
    filter: undefined,
  });
  const [chosen, setChosen] = useState("");
  if (names.error) return <Failure error={names.error} again={names.refetch} />;
  if (names.data === undefined) return <Skeleton rows={8} />;
  const rows = names.data.data;
  return (
    <div className="grid gap-4 lg:grid-cols-2">
      <Card
        title={t("{length, plural, one {# event} other {# events}}", { length: rows.length })}
        aside={<Opened query={names.data.queries[0]} name={t("the events")} />}
      >
        {rows.length === 0 && (
          <Empty title={t("None yet")}>{t("The first event appears here automatically.")}</Empty>
        )}
        {rows.length > 0 && (
          <Table
            caption={t("Events")}
            rows={rows}
            id={(row) => row.name}
            columns={[
              {
                name: t("Event"),
                show: (row) => (
                  <button
                    type="button"
                    aria-pressed={chosen === row.name}
                    className="max-w-full truncate font-medium underline decoration-line underline-offset-4 hover:decoration-accent aria-pressed:text-accent"
                    onClick={() => setChosen(row.name)}
                  >
                    {row.name}
                  </button>
                ),
              },
              { name: t("Times in total"), number: true, show: (row) => count(row.events) },
              { name: t("Last seen"), wide: true, show: (row) => <When at={row.last_at} /> },
            ]}
          />
        )}
      </Card>
      {chosen ? (
        <Properties key={chosen} event={chosen} />
      ) : (
        <Card>
          <Empty title={t("Choose an event")}>
            {t("Its properties, their types and values are shown here.")}
          </Empty>
        </Card>
      )}
    </div>
  );
}

function Properties({ event }: { event: string }) {
  const [of, setOf] = useState("");
  const asked = useAsk<PropertyRow[]>({ question: "properties", event, filter: undefined });
  const values = useAsk<{ value: string; events: number }[]>(
    of ? { question: "values", event, of: `properties.${of}`, limit: 20, filter: undefined } : undefined,
  );
  return (
    <Card
      title={t("Properties of {event}", { event })}
      aside={<Opened query={asked.data?.queries[0]} name={t("its properties")} />}
    >
      {asked.error && <Failure error={asked.error} again={asked.refetch} />}
      {asked.data === undefined && !asked.error && <Skeleton rows={6} />}
      {asked.data?.data.length === 0 && <Empty title={t("It has no properties")} />}
      {asked.data && asked.data.data.length > 0 && (
        <Table
          caption={t("Properties of {event}", { event })}
          rows={asked.data.data}
          id={(row) => row.property}
          columns={[
            {
              name: t("Property"),
              show: (row) => (
                <button
                  type="button"
                  aria-pressed={of === row.property}
                  className="max-w-full truncate underline decoration-line underline-offset-4 hover:decoration-accent aria-pressed:text-accent"
                  onClick={() => setOf(row.property)}
                >
                  {row.property}
                </button>
              ),
            },
            {
              name: t("Type"),
              show: (row) => <span title={row.types.join(", ")}>{inWords(row.types)}</span>,
            },
            { name: t("Set in"), number: true, show: (row) => percent(row.fill_rate) },
          ]}
        />
      )}
      {of && values.data && (
        <div className="border-t border-line">
          <Table
            caption={t("Values of {of}", { of })}
            rows={values.data.data}
            id={(row) => row.value}
            columns={[
              { name: t("Most frequent of {of}", { of }), show: (row) => row.value || t("(empty)") },
              { name: t("Times"), number: true, show: (row) => count(row.events) },
            ]}
          />
        </div>
      )}
    </Card>
  );
}

interface PlanShown {
  version: number;
  plan: {
    name?: string;
    events?: Record<
      string,
      {
        owner?: string;
        description?: string;
        on_violation?: string;
        required?: string[];
        properties?: object;
      }
    >;
  };
  created_by: string;
}
interface ViolationRow {
  event: string;
  property: string;
  problem: string;
  owner: string;
  library: string;
  library_version: string;
  rejected: boolean;
  messages: number;
  last_at: string;
}

function PlanTab() {
  const project = useProject();
  const [view] = useView();
  const path = `/projects/${project.id}/plan`;
  const plan = useQuery({ queryKey: ["plan", path], queryFn: () => api.get<PlanShown>(path) });
  const broken = useQuery({
    queryKey: ["violations", path, question(view)],
    queryFn: () => api.get<Answer<ViolationRow[]>>(`${path}/violations?${question(view)}`),
  });
  const events = Object.entries(plan.data?.plan.events ?? {});
  return (
    <div className="space-y-4">
      <Card
        title={t("Violations of the plan")}
        aside={<Opened query={broken.data?.query} name={t("the violations of the plan")} />}
      >
        {broken.error && <Failure error={broken.error} again={broken.refetch} />}
        {broken.data?.data.length === 0 && <Empty title={t("Nothing in this period")} />}
        {broken.data !== undefined && broken.data.data.length > 0 && (
          <Table
            caption={t("Violations of the plan")}
            rows={broken.data.data}
            id={(row) => [row.event, row.property, row.problem, row.library_version, row.rejected].join("\n")}
            columns={[
              { name: t("Event"), show: (row) => <span className="font-medium">{row.event}</span> },
              { name: t("Property"), show: (row) => <code>{row.property || "–"}</code> },
              { name: t("Problem"), show: (row) => <span title={row.problem}>{row.problem}</span> },
              { name: t("Owner"), wide: true, show: (row) => row.owner || t("nobody") },
              { name: t("Library"), wide: true, show: (row) => `${row.library} ${row.library_version}` },
              {
                name: t("Result"),
                wide: true,
                show: (row) => (row.rejected ? t("rejected") : t("stored")),
              },
              { name: t("Messages"), number: true, show: (row) => exact(row.messages) },
            ]}
          />
        )}
      </Card>
      <Card
        title={
          plan.data?.version
            ? t("The plan, version {version}", { version: plan.data.version })
            : t("The plan")
        }
      >
        {plan.error && <Failure error={plan.error} again={plan.refetch} />}
        {plan.data && events.length === 0 && (
          <Empty title={t("There is no tracking plan yet")}>
            {rich(
              "A plan lists the events, their required properties and their owners. <code>trackway plan infer</code> writes a plan from the stored events, <code>trackway plan push</code> puts it in force.",
              { code: (text) => <code>{text}</code> },
            )}
          </Empty>
        )}
        {events.length > 0 && (
          <Table
            caption={t("Planned events")}
            rows={events}
            id={([name]) => name}
            columns={[
              { name: t("Event"), show: ([name]) => <span className="font-medium">{name}</span> },
              { name: t("Owner"), show: ([, event]) => event.owner || t("nobody") },
              { name: t("Required"), show: ([, event]) => (event.required ?? []).join(", ") || t("nothing") },
              {
                name: t("When broken"),
                wide: true,
                show: ([, event]) => (event.on_violation === "reject" ? t("rejected") : t("stored")),
              },
              { name: t("What it is"), wide: true, show: ([, event]) => event.description ?? "" },
            ]}
          />
        )}
      </Card>
    </div>
  );
}

function RefusedTab() {
  return (
    <div className="space-y-4">
      <Letters />
      <Refused />
    </div>
  );
}

function Refused() {
  const project = useProject();
  const path = `/projects/${project.id}/rejections`;
  const rejections = useQuery({ queryKey: ["rejections", path], queryFn: () => api.get<Rejection[]>(path) });
  return (
    <Card title={t("Refused messages of the last 7 days")}>
      {rejections.error && <Failure error={rejections.error} again={rejections.refetch} />}
      {rejections.data?.length === 0 && (
        <Empty title={t("None")}>
          {t("Messages that break a rule are kept here with the reason, so that nothing is lost silently.")}
        </Empty>
      )}
      {rejections.data !== undefined && rejections.data.length > 0 && (
        <Table
          caption={t("Refused messages")}
          rows={rejections.data}
          id={(row) => [row.received_at, row.message_id, row.reason, row.body, row.line, row.text].join("\n")}
          columns={[
            { name: t("When"), show: (row) => <When at={row.received_at} /> },
            { name: t("Field"), show: (row) => <code>{row.field}</code> },
            { name: t("Reason"), show: (row) => <span title={row.reason}>{row.reason}</span> },
            {
              name: t("Line"),
              number: true,
              show: (row) => (row.line > 0 ? exact(row.line) : <span className="text-soft">–</span>),
            },
            {
              name: t("Message or text"),
              wide: true,
              show: (row) => <code title={row.text || row.body}>{row.text || row.body}</code>,
            },
          ]}
        />
      )}
    </Card>
  );
}

/** Bots are stored and left out of answers unless asked for, or unless a project says that they are people. */
function Bots() {
  const project = useProject();
  const me = useContext(MeContext);
  const client = useQueryClient();
  const toast = useToast();
  const [view] = useView();
  const answer = useAnswer<BreakdownRow[]>(
    `breakdown?${question({ ...view, bots: true }, { by: "bot", limit: 200 })}`,
  );
  const rows = answer.data?.data.filter((row) => row.value !== "");

  async function rule(reason: string, human: boolean) {
    const before = project.humans;
    const after = before.filter((other) => other !== reason).concat(human ? [reason] : []);
    try {
      await api.patch(`/projects/${project.id}`, { humans: after });
      await client.invalidateQueries();
      toast(
        human ? t("They count as people, in all data.") : t("They count as bots again, in all data."),
        () => void rule(reason, !human),
      );
    } catch (error) {
      toast((error as Error).message);
    }
  }

  return (
    <Card
      title={t("Visitors classified as bots, by reason")}
      aside={<Opened query={answer.data?.query} name={t("bots")} />}
    >
      {answer.error && <Failure error={answer.error} again={answer.refetch} />}
      {rows === undefined && !answer.error && <Skeleton rows={5} />}
      {rows?.length === 0 && <Empty title={t("None in this period")} />}
      {rows !== undefined && rows.length > 0 && (
        <Table
          caption={t("Bots by reason")}
          rows={rows}
          id={(row) => row.value}
          columns={[
            { name: t("Reason"), show: (row) => row.value },
            { name: t("Visitors"), number: true, show: (row) => exact(row.visitors) },
            { name: t("Events"), number: true, wide: true, show: (row) => exact(row.events ?? 0) },
            {
              name: t("Count as people"),
              number: true,
              show: (row) => (
                <Toggle
                  label={t("Count {reason} as people", { reason: row.value })}
                  on={project.humans.includes(row.value)}
                  disabled={!me?.is_admin}
                  change={(on) => void rule(row.value, on)}
                />
              ),
            },
          ]}
        />
      )}
      <p className="px-4 pb-3 text-soft">
        {t(
          "Bots are stored, but left out of every answer; “with bots” beside the filters includes them. A reason that you count as people applies to all data from the first day on: every number changes at once, and you can undo it at any time.",
        )}
      </p>
    </Card>
  );
}
