/** The question builder: a few fields for each kind of question; the address stores all of them. */

import { useId } from "react";
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

export function Builder({ body, change }: { body: Body; change: (part: Partial<Body>) => void }) {
  const formula = useId();
  const text = (name: string, usual = "") => String(body[name] ?? usual);
  const event = (name: string) => (body[name] as Step | undefined)?.event ?? "";
  const interval = (
    <Choice
      label={t("by")}
      value={text("interval", "day")}
      options={body.question === "trend" ? [["hour", t("hour")], ...INTERVALS] : INTERVALS}
      change={(value) => change({ interval: value })}
    />
  );
  switch (body.question) {
    case "trend": {
      const by = (body.by as string[] | undefined)?.[0] ?? "";
      return (
        <>
          <Rows
            name={t("Series")}
            series
            most={5}
            rows={body.series as Step[]}
            change={(series) => change({ series })}
          />
          <div className="flex flex-wrap gap-3">
            {interval}
            <DimensionChoice
              label={t("broken down by")}
              value={by}
              event={(body.series as Step[])[0]?.event}
              change={(name) => change({ by: name ? [name] : [], top: 6 })}
            />
            <label htmlFor={formula} className="inline-flex items-center gap-2">
              <span className="text-soft">{t("formula")}</span>
              <input
                id={formula}
                className={`${field} w-36`}
                placeholder="A / B * 100"
                defaultValue={(body.formulas as string[] | undefined)?.[0] ?? ""}
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
    case "funnel":
      return (
        <>
          <Rows
            name={t("Step")}
            most={20}
            rows={body.steps as Step[]}
            change={(steps) => change({ steps })}
          />
          <div className="flex flex-wrap gap-3">
            <Choice
              label={t("within")}
              value={text("window_s")}
              options={WINDOWS}
              change={(value) => change({ window_s: Number(value) })}
            />
            <Choice
              label={t("order")}
              value={text("order", "ordered")}
              options={[
                ["ordered", t("in this order")],
                ["strict", t("with nothing between")],
                ["any", t("any order")],
              ]}
              change={(order) => change({ order })}
            />
            <DimensionChoice
              label={t("by")}
              value={text("by")}
              event={(body.steps as Step[])[0]?.event}
              change={(by) => change({ by })}
            />
          </div>
        </>
      );
    case "retention":
      return (
        <div className="flex flex-wrap gap-3">
          <EventChoice
            label={t("People who did")}
            value={event("start")}
            change={(name) => change({ start: { event: name } })}
          />
          <EventChoice
            label={t("and came back to")}
            value={event("return")}
            change={(name) => change({ return: { event: name } })}
          />
          {interval}
          <Choice
            label={t("counting")}
            value={text("kind")}
            options={[
              ["first_time", t("the first time only")],
              ["recurring", t("every time")],
            ]}
            change={(kind) => change({ kind })}
          />
          <Choice
            label={t("came back")}
            value={text("mode", "on")}
            options={[
              ["on", t("in exactly that interval")],
              ["on_or_after", t("in that interval or later")],
            ]}
            change={(mode) => change({ mode })}
          />
        </div>
      );
    case "sources":
      return (
        <Choice
          label={t("by")}
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
            label={t("What people")}
            value={text("direction")}
            options={[
              ["after", t("do after")],
              ["before", t("did before")],
            ]}
            change={(direction) => change({ direction })}
          />
          <label className="inline-flex items-center gap-2">
            <span className="sr-only">{t("Page or event")}</span>
            <input
              className={`${field} w-44`}
              placeholder={body.direction === "before" ? t("the end") : t("the start")}
              defaultValue={text("anchor")}
              onBlur={(typed) => change({ anchor: typed.target.value.trim() })}
            />
          </label>
          <Choice
            label={t("looking at")}
            value={text("nodes")}
            options={[
              ["page", t("pages")],
              ["event", t("events")],
              ["page_or_event", t("pages and events")],
              ["entity", t("entities")],
            ]}
            change={(nodes) => change({ nodes })}
          />
          <Choice
            label={t("steps")}
            value={text("steps")}
            options={[2, 3, 4, 5, 6, 8, 10].map((n): [string, string] => [String(n), String(n)])}
            change={(steps) => change({ steps: Number(steps) })}
          />
          <label className="inline-flex items-center gap-2">
            <span className="text-soft">{t("as one")}</span>
            <input
              className={`${field} w-44`}
              placeholder="/blog/*"
              defaultValue={((body.groups as string[] | undefined) ?? []).join(" ")}
              onBlur={(typed) => change({ groups: typed.target.value.split(/\s+/).filter(Boolean) })}
            />
          </label>
        </div>
      );
    case "active":
      return (
        <EventChoice
          label={t("Active means")}
          value={event("event")}
          change={(name) => change({ event: { event: name } })}
        />
      );
    case "entity_funnel":
      return (
        <p className="text-soft">
          {t(
            "Impression, click, details, interest and ticket of each person with each entity, within 30 days.",
          )}
        </p>
      );
    default:
      return (
        <div className="flex flex-wrap gap-3">
          <EventChoice
            label={t("Active means")}
            value={event("event")}
            change={(name) => change({ event: { event: name } })}
          />
          {interval}
        </div>
      );
  }
}
