/** How a question is put together: a few fields for each kind, all of it kept in the address. */
import { useId } from "react";
import { useSegments } from "../controls";
import { useAsk } from "../hooks";

export type Body = { question: string } & Record<string, unknown>;
export interface Step {
  event?: string;
  metric?: string;
}

export const KINDS: [string, string, Body][] = [
  ["trend", "Trend", { question: "trend", series: [{ metric: "persons" }], interval: "day" }],
  [
    "funnel",
    "Funnel",
    { question: "funnel", steps: [{ event: "page" }], window_s: 86_400, order: "ordered" },
  ],
  ["retention", "Retention", { question: "retention", interval: "week", kind: "first_time", intervals: 8 }],
  ["lifecycle", "Lifecycle", { question: "lifecycle", interval: "week" }],
  ["paths", "Paths", { question: "paths", nodes: "page", direction: "after", steps: 4, top: 6 }],
  ["stickiness", "Stickiness", { question: "stickiness", interval: "day" }],
  ["sources", "Sources", { question: "sources", by: ["channel"], limit: 50 }],
  [
    "cohort_sizes",
    "Cohorts",
    { question: "cohort_sizes", interval: "week", cohort: "person.sessions:greater:1" },
  ],
];

const field = "min-h-9 min-w-0 max-w-full truncate rounded-lg border border-line bg-card px-2.5";
const METRICS: [string, string][] = [
  ["persons", "people"],
  ["events", "events"],
  ["visitors", "visitors"],
  ["sessions", "sessions"],
  ["per_person", "events a person"],
  ["revenue", "revenue"],
];
const DIMENSIONS: [string, string][] = [
  ["", "nothing"],
  ["name", "event"],
  ["path", "page"],
  ["channel", "channel"],
  ["source", "source"],
  ["country", "country"],
  ["device", "device"],
  ["browser", "browser"],
];
const WINDOWS: [string, string][] = [
  ["1800", "30 minutes"],
  ["3600", "an hour"],
  ["86400", "a day"],
  ["604800", "7 days"],
  ["1209600", "14 days"],
  ["2592000", "30 days"],
];
const GROUPINGS: [string, string][] = [
  ["channel", "channel"],
  ["channel,source,medium", "source and medium"],
  ["source,medium,campaign", "campaign"],
  ["referrer_host", "referrer"],
  ["entry_path", "landing page"],
];
const INTERVALS: [string, string][] = [
  ["day", "day"],
  ["week", "week"],
  ["month", "month"],
];

function Choice(props: {
  label: string;
  value: string;
  options: [string, string][];
  change: (value: string) => void;
}) {
  return (
    <label className="inline-flex min-w-0 max-w-full items-center gap-2">
      <span className="shrink-0 text-soft">{props.label}</span>
      <select className={field} value={props.value} onChange={(event) => props.change(event.target.value)}>
        {props.options.map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}

/** An event by its name, from those that there are; empty is any event. */
function EventChoice(props: { label: string; value: string; change: (name: string) => void }) {
  const names = useAsk<{ name: string }[]>({ question: "event_names", limit: 200 });
  const known = names.data?.data.map((one) => one.name) ?? [];
  const options = [...new Set([...(props.value ? [props.value] : []), ...known])];
  return (
    <Choice
      label={props.label}
      value={props.value}
      options={[["", "any event"], ...options.map((name): [string, string] => [name, name])]}
      change={props.change}
    />
  );
}

/** Steps or series: rows that can be added and removed. */
function Rows(props: {
  name: string;
  rows: Step[];
  most: number;
  metric?: boolean;
  change: (rows: Step[]) => void;
}) {
  const replace = (at: number, part: Step) =>
    props.change(props.rows.map((row, position) => (position === at ? { ...row, ...part } : row)));
  return (
    <ol className="space-y-2">
      {props.rows.map((row, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row is what stands at its place
        <li key={at} className="flex flex-wrap items-center gap-2">
          <span className="w-6 text-center font-mono text-soft" aria-hidden="true">
            {props.metric ? String.fromCharCode(65 + at) : at + 1}
          </span>
          {props.metric && (
            <Choice
              label="count"
              value={row.metric ?? "events"}
              options={METRICS}
              change={(metric) => replace(at, { metric })}
            />
          )}
          <EventChoice
            label={props.metric ? "of" : `Step ${at + 1}`}
            value={row.event ?? ""}
            change={(event) => replace(at, { event })}
          />
          {props.rows.length > 1 && (
            <button
              type="button"
              aria-label={`Remove ${props.name} ${at + 1}`}
              onClick={() => props.change(props.rows.filter((_, position) => position !== at))}
              className="size-8 rounded-lg text-soft hover:text-bad"
            >
              ×
            </button>
          )}
        </li>
      ))}
      {props.rows.length < props.most && (
        <li>
          <button
            type="button"
            onClick={() => props.change([...props.rows, props.metric ? { metric: "events" } : {}])}
            className="min-h-9 rounded-lg border border-dashed border-line px-3 text-soft hover:border-accent hover:text-ink"
          >
            + {props.name}
          </button>
        </li>
      )}
    </ol>
  );
}

const COHORTS: [string, string][] = [
  ["person.sessions:greater:1", "people who came back"],
  ["user_id:set", "people who signed in"],
  ["person.first_channel:is:Organic Search", "people who came first by search"],
  ["person.first_channel:is:Direct", "people who came first directly"],
];

/** Who is counted over time: one of the usual, or a saved segment. */
function Cohort(props: { value: unknown; change: (cohort: unknown) => void }) {
  const segments = useSegments();
  const saved = (segments.data ?? []).map((one): [string, string] => [`segment:is:${one.id}`, one.name]);
  return (
    <Choice
      label="How many are"
      value={String(props.value)}
      options={[...COHORTS, ...saved]}
      change={props.change}
    />
  );
}

export function Builder({ body, change }: { body: Body; change: (part: Partial<Body>) => void }) {
  const formula = useId();
  const text = (name: string, usual = "") => String(body[name] ?? usual);
  const event = (name: string) => (body[name] as Step | undefined)?.event ?? "";
  const interval = (
    <Choice
      label="by"
      value={text("interval", "day")}
      options={body.question === "trend" ? [["hour", "hour"], ...INTERVALS] : INTERVALS}
      change={(value) => change({ interval: value })}
    />
  );
  switch (body.question) {
    case "trend": {
      const by = (body.by as string[] | undefined)?.[0] ?? "";
      return (
        <>
          <Rows
            name="Series"
            metric
            most={5}
            rows={body.series as Step[]}
            change={(series) => change({ series })}
          />
          <div className="flex flex-wrap gap-3">
            {interval}
            <Choice
              label="broken down by"
              value={by}
              options={DIMENSIONS}
              change={(name) => change({ by: name ? [name] : [], top: 6 })}
            />
            <label htmlFor={formula} className="inline-flex items-center gap-2">
              <span className="text-soft">formula</span>
              <input
                id={formula}
                className={`${field} w-36`}
                placeholder="A / B * 100"
                defaultValue={(body.formulas as string[] | undefined)?.[0] ?? ""}
                onBlur={(typed) => {
                  const given = typed.target.value.trim();
                  change({ formulas: given ? [given] : [] });
                }}
              />
            </label>
          </div>
        </>
      );
    }
    case "funnel":
      return (
        <>
          <Rows name="Step" most={20} rows={body.steps as Step[]} change={(steps) => change({ steps })} />
          <div className="flex flex-wrap gap-3">
            <Choice
              label="within"
              value={text("window_s")}
              options={WINDOWS}
              change={(value) => change({ window_s: Number(value) })}
            />
            <Choice
              label="order"
              value={text("order", "ordered")}
              options={[
                ["ordered", "in this order"],
                ["strict", "with nothing between"],
                ["any", "any order"],
              ]}
              change={(order) => change({ order })}
            />
            <Choice
              label="by"
              value={text("by")}
              options={DIMENSIONS.filter(([name]) => name !== "name")}
              change={(by) => change({ by })}
            />
          </div>
        </>
      );
    case "retention":
      return (
        <div className="flex flex-wrap gap-3">
          <EventChoice
            label="People who did"
            value={event("start")}
            change={(name) => change({ start: { event: name } })}
          />
          <EventChoice
            label="and came back to"
            value={event("return")}
            change={(name) => change({ return: { event: name } })}
          />
          {interval}
          <Choice
            label="counting"
            value={text("kind")}
            options={[
              ["first_time", "the first time only"],
              ["recurring", "every time"],
            ]}
            change={(kind) => change({ kind })}
          />
          <Choice
            label="came back"
            value={text("mode", "on")}
            options={[
              ["on", "in that very one"],
              ["on_or_after", "in it or later"],
            ]}
            change={(mode) => change({ mode })}
          />
        </div>
      );
    case "sources":
      return (
        <Choice
          label="by"
          value={((body.by as string[] | undefined) ?? []).join(",")}
          options={GROUPINGS}
          change={(by) => change({ by: by.split(",") })}
        />
      );
    case "cohort_sizes":
      return (
        <div className="flex flex-wrap gap-3">
          <Cohort value={body.cohort} change={(cohort) => change({ cohort })} />
          {interval}
        </div>
      );
    case "paths":
      return (
        <div className="flex flex-wrap gap-3">
          <Choice
            label="What people"
            value={text("direction")}
            options={[
              ["after", "do after"],
              ["before", "did before"],
            ]}
            change={(direction) => change({ direction })}
          />
          <label className="inline-flex items-center gap-2">
            <span className="sr-only">Page or event</span>
            <input
              className={`${field} w-44`}
              placeholder={body.direction === "before" ? "the end" : "the start"}
              defaultValue={text("anchor")}
              onBlur={(typed) => change({ anchor: typed.target.value.trim() })}
            />
          </label>
          <Choice
            label="looking at"
            value={text("nodes")}
            options={[
              ["page", "pages"],
              ["event", "events"],
              ["page_or_event", "pages and events"],
              ["entity", "entities"],
            ]}
            change={(nodes) => change({ nodes })}
          />
          <Choice
            label="steps"
            value={text("steps")}
            options={[2, 3, 4, 5, 6, 8, 10].map((n): [string, string] => [String(n), String(n)])}
            change={(steps) => change({ steps: Number(steps) })}
          />
          <label className="inline-flex items-center gap-2">
            <span className="text-soft">as one</span>
            <input
              className={`${field} w-44`}
              placeholder="/concerts/*"
              defaultValue={((body.groups as string[] | undefined) ?? []).join(" ")}
              onBlur={(typed) => change({ groups: typed.target.value.split(/\s+/).filter(Boolean) })}
            />
          </label>
        </div>
      );
    default:
      return (
        <div className="flex flex-wrap gap-3">
          <EventChoice
            label="Being there means"
            value={event("event")}
            change={(name) => change({ event: { event: name } })}
          />
          {interval}
        </div>
      );
  }
}
