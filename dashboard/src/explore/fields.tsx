/** The fields of the question builder. */

import type { Property } from "../client/api";
import { useAsk, useProject } from "../client/hooks";
import { Options } from "../kit/fields";
import { t } from "../language";
import { METRICS, OF_PROPERTY } from "./body";

export interface Step {
  event?: string;
  metric?: string;
  property?: string;
}
type Option = [value: string, label: string];

export const field = "min-h-9 min-w-0 max-w-80 truncate rounded-lg border border-line bg-card px-2.5";
const DIMENSIONS: Option[] = [
  ["", t("nothing")],
  ["name", t("event")],
  ["path", t("page")],
  ["channel", t("channel")],
  ["source", t("source")],
  ["campaign", t("campaign")],
  ["country", t("country")],
  ["city", t("city")],
  ["language", t("language")],
  ["device", t("device")],
  ["browser", t("browser")],
  ["system", t("system")],
];

export function Choice(props: {
  label: string;
  value: string;
  options: Option[];
  /** Further options in groups with a heading; empty groups are left out. */
  groups?: [name: string, options: Option[]][];
  change: (value: string) => void;
}) {
  return (
    <label className="inline-flex min-w-0 max-w-full items-center gap-2">
      <span className="shrink-0 text-soft">{props.label}</span>
      <select className={field} value={props.value} onChange={(event) => props.change(event.target.value)}>
        <Options of={props.options} />
        {props.groups?.map(
          ([name, options]) =>
            options.length > 0 && (
              <optgroup key={name} label={name}>
                <Options of={options} />
              </optgroup>
            ),
        )}
      </select>
    </label>
  );
}

const same = (name: string): Option => [name, name];

/** A choice of events by name, goals first; empty means any event. */
export function EventChoice(props: { label: string; value: string; change: (name: string) => void }) {
  const { goals } = useProject();
  const names = useAsk({ question: "event_names", limit: 200 });
  const known = (names.data?.data ?? []).map((event) => event.name).filter((name) => !goals.includes(name));
  const chosen = props.value && ![...goals, ...known].includes(props.value) ? [props.value] : [];
  return (
    <Choice
      label={props.label}
      value={props.value}
      options={[["", t("any event")]]}
      groups={[
        [t("Goals"), goals.map(same)],
        [t("Events"), [...chosen, ...known].map(same)],
      ]}
      change={props.change}
    />
  );
}

/** The properties of an event, or of any event: numeric ones, or all. */
function useProperties(event: string, wanted: boolean): Property[] {
  const asked = useAsk(
    wanted ? { question: "properties", limit: 300, ...(event ? { event } : {}) } : undefined,
  );
  return asked.data?.data ?? [];
}

/** The breakdown: a column, or a property of the event. */
export function DimensionChoice(props: {
  label: string;
  value: string;
  event: string | undefined;
  change: (name: string) => void;
}) {
  const known = useProperties(props.event ?? "", true).map((row) => `properties.${row.property}`);
  const usual = DIMENSIONS.some(([name]) => name === props.value);
  const all = usual || known.includes(props.value) ? known : [props.value, ...known];
  return (
    <Choice
      label={props.label}
      value={props.value}
      options={DIMENSIONS}
      groups={[[t("Properties"), all.map((name) => [name, name.replace("properties.", "")])]]}
      change={props.change}
    />
  );
}

const isNumber = (types: string[]) => types.some((type) => /int|float|decimal/i.test(type));

/** The property of a sum or percentile. */
function PropertyChoice(props: { row: Step; change: (property: string) => void }) {
  const value = (props.row.property ?? "").replace("properties.", "");
  const known = useProperties(props.row.event ?? "", true)
    .filter((row) => isNumber(row.types))
    .map((row) => row.property);
  const all = value && !known.includes(value) ? [value, ...known] : known;
  return (
    <Choice
      label={t("property")}
      value={value}
      options={[
        ...(value ? [] : [["", known.length > 0 ? t("choose one …") : t("none has numbers")] as Option]),
        ...all.map(same),
      ]}
      change={(name) => props.change(`properties.${name}`)}
    />
  );
}

/** A series of a trend: metric, event and property. */
function SeriesRow({ row, change }: { row: Step; change: (row: Step) => void }) {
  const of = OF_PROPERTY.has(row.metric ?? "events");
  return (
    <>
      <Choice
        label={t("count")}
        value={row.metric ?? "events"}
        options={METRICS}
        change={(metric) => {
          const { property, ...rest } = row;
          change(OF_PROPERTY.has(metric) ? { ...row, metric } : { ...rest, metric });
        }}
      />
      {of && <PropertyChoice row={row} change={(property) => change({ ...row, property })} />}
      <EventChoice label={t("of")} value={row.event ?? ""} change={(event) => change({ ...row, event })} />
    </>
  );
}

/** Steps or series: rows that can be added and removed. */
export function Rows(props: {
  name: string;
  rows: Step[];
  most: number;
  series?: boolean;
  change: (rows: Step[]) => void;
}) {
  const replace = (at: number, row: Step) =>
    props.change(props.rows.map((old, position) => (position === at ? row : old)));
  return (
    <ol className="space-y-2">
      {props.rows.map((row, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the position identifies the row
        <li key={at} className={`flex items-center gap-2 ${props.series ? "flex-wrap" : ""}`}>
          <span className="w-6 shrink-0 text-center font-mono text-soft" aria-hidden="true">
            {props.series ? String.fromCharCode(65 + at) : at + 1}
          </span>
          {props.series ? (
            <SeriesRow row={row} change={(changed) => replace(at, changed)} />
          ) : (
            <EventChoice
              label={t("Step {at}", { at: at + 1 })}
              value={row.event ?? ""}
              change={(event) => replace(at, { ...row, event })}
            />
          )}
          {props.rows.length > 1 && (
            <button
              type="button"
              aria-label={t("Remove {name} {at}", { name: props.name, at: at + 1 })}
              onClick={() => props.change(props.rows.filter((_, position) => position !== at))}
              className="size-8 shrink-0 rounded-lg text-soft hover:text-bad"
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
            onClick={() => props.change([...props.rows, props.series ? { metric: "events" } : {}])}
            className="min-h-9 rounded-lg border border-dashed border-line px-3 text-soft hover:border-accent hover:text-ink"
          >
            + {props.name}
          </button>
        </li>
      )}
    </ol>
  );
}
