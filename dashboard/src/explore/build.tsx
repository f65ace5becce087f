/** The question builder: a few fields for each kind of question; the address stores all of them. */

import { type FunctionComponent, useId } from "react";
import { useSegments } from "../kit/controls";
import { t } from "../language";
import { Choice, DimensionChoice, EventChoice, field, Rows, type Step } from "./fields";
import type { Body } from "./kinds";

const WINDOWS: [string, string][] = [
  ["1800", t("30 minutes")],
  ["3600", t("an hour")],
  ["86400", t("a day")],
  ["604800", t("7 days")],
  ["1209600", t("14 days")],
  ["2592000", t("30 days")],
];
const GROUPINGS: [string, string][] = [
  ["channel", t("channel")],
  ["channel,source,medium", t("source and medium")],
  ["source,medium,campaign", t("campaign")],
  ["referrer_host", t("referrer")],
  ["entry_path", t("landing page")],
];
const INTERVALS: [string, string][] = [
  ["day", t("day")],
  ["week", t("week")],
  ["month", t("month")],
];

const ORDERS: [string, string][] = [
  ["ordered", t("in this order")],
  ["strict", t("with nothing between")],
  ["any", t("any order")],
];
const STARTS: [string, string][] = [
  ["first_time", t("the first time only")],
  ["recurring", t("every time")],
];
const RETURNS: [string, string][] = [
  ["on", t("in exactly that interval")],
  ["on_or_after", t("in that interval or later")],
];
const DIRECTIONS: [string, string][] = [
  ["after", t("do after")],
  ["before", t("did before")],
];
const NODES: [string, string][] = [
  ["page", t("pages")],
  ["event", t("events")],
  ["page_or_event", t("pages and events")],
  ["entity", t("entities")],
];
const STEPS = [2, 3, 4, 5, 6, 8, 10].map((n): [string, string] => [String(n), String(n)]);

const JOURNEYS: [string, string][] = [
  ["stage", t("stages")],
  ["intent", t("intents")],
];

const COHORTS: [string, string][] = [
  ["person.sessions:greater:1", t("people who came back")],
  ["user_id:set", t("people who signed in")],
  ["person.first_channel:is:Organic Search", t("people who came first by search")],
  ["person.first_channel:is:Direct", t("people who came first directly")],
];

/** Selects the group to count: a predefined filter or a saved segment. */
function Cohort(props: { value: unknown; change: (cohort: unknown) => void }) {
  const segments = useSegments();
  const saved = (segments.data ?? []).map((segment): [string, string] => [
    `segment:is:${segment.id}`,
    segment.name,
  ]);
  return (
    <Choice
      label={t("Number of people who are")}
      value={String(props.value)}
      options={[...COHORTS, ...saved]}
      change={props.change}
    />
  );
}

interface Built {
  body: Body;
  change: (part: Partial<Body>) => void;
}

const textOf = (body: Body, name: string, usual = "") => String(body[name] ?? usual);
const listOf = (body: Body, name: string) => (body[name] as string[] | undefined) ?? [];

/** A choice that is stored under `name` in the body. */
function ChoiceOf(
  props: Built & { name: string; label: string; options: [string, string][]; usual?: string },
) {
  const { body, change, name } = props;
  return (
    <Choice
      label={props.label}
      value={textOf(body, name, props.usual)}
      options={props.options}
      change={(value) => change({ [name]: value })}
    />
  );
}

function IntervalOf({ options = INTERVALS, ...built }: Built & { options?: [string, string][] }) {
  return <ChoiceOf {...built} name="interval" label={t("by")} usual="day" options={options} />;
}

/** An event that is stored under `name` in the body. */
function EventOf({ body, change, name, label }: Built & { name: string; label: string }) {
  return (
    <EventChoice
      label={label}
      value={(body[name] as Step | undefined)?.event ?? ""}
      change={(event) => change({ [name]: { event } })}
    />
  );
}

function TrendFields(built: Built) {
  const formula = useId();
  const { body, change } = built;
  const series = body.series as Step[];
  return (
    <>
      <Rows name={t("Series")} series most={5} rows={series} change={(rows) => change({ series: rows })} />
      <div className="flex flex-wrap gap-3">
        <IntervalOf {...built} options={[["hour", t("hour")], ...INTERVALS]} />
        <DimensionChoice
          label={t("broken down by")}
          value={listOf(body, "by")[0] ?? ""}
          event={series[0]?.event}
          change={(name) => change({ by: name ? [name] : [], top: 6 })}
        />
        <label htmlFor={formula} className="inline-flex items-center gap-2">
          <span className="text-soft">{t("formula")}</span>
          <input
            id={formula}
            className={`${field} w-36`}
            placeholder="A / B * 100"
            defaultValue={listOf(body, "formulas")[0] ?? ""}
            onBlur={(typed) => {
              const text = typed.target.value.trim();
              change({ formulas: text ? [text] : [] });
            }}
          />
        </label>
      </div>
    </>
  );
}

function FunnelFields(built: Built) {
  const { body, change } = built;
  const steps = body.steps as Step[];
  return (
    <>
      <Rows name={t("Step")} most={20} rows={steps} change={(rows) => change({ steps: rows })} />
      <div className="flex flex-wrap gap-3">
        <Choice
          label={t("within")}
          value={textOf(body, "window_s")}
          options={WINDOWS}
          change={(value) => change({ window_s: Number(value) })}
        />
        <ChoiceOf {...built} name="order" label={t("order")} usual="ordered" options={ORDERS} />
        <DimensionChoice
          label={t("by")}
          value={textOf(body, "by")}
          event={steps[0]?.event}
          change={(by) => change({ by })}
        />
      </div>
    </>
  );
}

function RetentionFields(built: Built) {
  return (
    <div className="flex flex-wrap gap-3">
      <EventOf {...built} name="start" label={t("People who did")} />
      <EventOf {...built} name="return" label={t("and came back to")} />
      <IntervalOf {...built} />
      <ChoiceOf {...built} name="kind" label={t("counting")} options={STARTS} />
      <ChoiceOf {...built} name="mode" label={t("came back")} usual="on" options={RETURNS} />
    </div>
  );
}

function SourcesFields({ body, change }: Built) {
  return (
    <Choice
      label={t("by")}
      value={listOf(body, "by").join(",")}
      options={GROUPINGS}
      change={(by) => change({ by: by.split(",") })}
    />
  );
}

function CohortFields(built: Built) {
  return (
    <div className="flex flex-wrap gap-3">
      <Cohort value={built.body.cohort} change={(cohort) => built.change({ cohort })} />
      <IntervalOf {...built} />
    </div>
  );
}

function PathsFields(built: Built) {
  const { body, change } = built;
  return (
    <div className="flex flex-wrap gap-3">
      <ChoiceOf {...built} name="direction" label={t("What people")} options={DIRECTIONS} />
      <label className="inline-flex items-center gap-2">
        <span className="sr-only">{t("Page or event")}</span>
        <input
          className={`${field} w-44`}
          placeholder={body.direction === "before" ? t("the end") : t("the start")}
          defaultValue={textOf(body, "anchor")}
          onBlur={(typed) => change({ anchor: typed.target.value.trim() })}
        />
      </label>
      <ChoiceOf {...built} name="nodes" label={t("looking at")} options={NODES} />
      <Choice
        label={t("steps")}
        value={textOf(body, "steps")}
        options={STEPS}
        change={(steps) => change({ steps: Number(steps) })}
      />
      <label className="inline-flex items-center gap-2">
        <span className="text-soft">{t("as one")}</span>
        <input
          className={`${field} w-44`}
          placeholder="/blog/*"
          defaultValue={listOf(body, "groups").join(" ")}
          onBlur={(typed) => change({ groups: typed.target.value.split(/\s+/).filter(Boolean) })}
        />
      </label>
    </div>
  );
}

function ActiveFields(built: Built) {
  return <EventOf {...built} name="event" label={t("Active means")} />;
}

function StagesFields(built: Built) {
  return (
    <div className="flex flex-wrap gap-3">
      <ChoiceOf {...built} name="of" label={t("Moves between")} usual="stage" options={JOURNEYS} />
      <IntervalOf {...built} />
    </div>
  );
}

function EntityFunnelFields() {
  return (
    <p className="text-soft">
      {t("Impression, click, details, interest and ticket of each person with each entity, within 30 days.")}
    </p>
  );
}

function ActivityFields(built: Built) {
  return (
    <div className="flex flex-wrap gap-3">
      <ActiveFields {...built} />
      <IntervalOf {...built} />
    </div>
  );
}

const FIELDS = new Map<string, FunctionComponent<Built>>([
  ["trend", TrendFields],
  ["funnel", FunnelFields],
  ["retention", RetentionFields],
  ["sources", SourcesFields],
  ["cohort_sizes", CohortFields],
  ["stage_moves", StagesFields],
  ["paths", PathsFields],
  ["active", ActiveFields],
  ["entity_funnel", EntityFunnelFields],
]);

export function Builder(built: Built) {
  const Fields = FIELDS.get(built.body.question) ?? ActivityFields;
  return <Fields {...built} />;
}
