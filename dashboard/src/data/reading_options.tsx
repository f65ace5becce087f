/** Options for reading a file, to correct what was detected: those of `trackway import`. */
import { type ReactNode, useId } from "react";
import type { ImportPreview } from "../client/api";
import { field } from "../kit/dialog";
import { Options } from "../kit/fields";
import { t } from "../language";

/** The options in the form of the API; missing or empty ones are detected. */
export interface How {
  host?: string;
  log_format?: string;
  encoding?: string;
  delimiter?: string;
  columns?: Record<string, string>;
  fixed?: Record<string, string>;
  timezone?: string;
  dates?: string;
  decimal?: string;
}

const FIELDS: [field: string, label: string][] = [
  ["event", t("Event")],
  ["timestamp", t("When")],
  ["user_id", t("User id")],
  ["anonymous_id", t("Visitor id")],
  ["session_id", t("Session id")],
  ["url", t("URL of the page")],
];
const MORE: [field: string, label: string][] = [
  ["path", t("Path of the page")],
  ["title", t("Title of the page")],
  ["referrer", t("Referrer")],
  ["country", t("Country")],
  ["region", t("Region")],
  ["city", t("City")],
  ["ip", t("IP address")],
  ["user_agent", t("User agent")],
  ["name", t("Name of the page")],
  ["type", t("Type of message")],
  ["group_id", t("Group id")],
  ["previous_id", t("Previous id")],
  ["message_id", t("Message id")],
];
const DELIMITERS = [",", ";", "tab", "|"];
const DATES: [string, string][] = [
  ["dmy", t("day, month, year")],
  ["mdy", t("month, day, year")],
];
const DECIMALS: [string, string][] = [
  [".", t("1,234.50")],
  [",", t("1.234,50")],
];
const FORMATS = ["common", "combined", "vhost_combined"];
const ENCODINGS = [
  "utf-8",
  "utf-16",
  "windows-1250",
  "windows-1251",
  "windows-1252",
  "iso-8859-15",
  "shift_jis",
];

interface Props {
  form: string;
  how: How;
  read: ImportPreview["read"];
  timezone: string;
  change: (how: How) => void;
}

export function Reading(props: Props) {
  const { how, change } = props;
  const set = (name: keyof How) => (value: string) => change({ ...how, [name]: value });
  return props.form === "access-log" ? (
    <LogReading {...props} set={set} />
  ) : (
    <>
      <Columns {...props} />
      <TableReading {...props} set={set} />
    </>
  );
}

type Setter = (name: keyof How) => (value: string) => void;

function LogReading({ set, ...props }: Props & { set: Setter }) {
  const { how, read } = props;
  return (
    <Group title={t("How the file is read")}>
      <Typed
        label={t("Format of a line, as in the configuration of nginx or Apache")}
        value={how.log_format ?? ""}
        known={FORMATS}
        hint={t("detected")}
        change={set("log_format")}
      />
      <Typed
        label={t("The site's own host")}
        value={how.host ?? ""}
        known={[]}
        hint={read.host || t("detected")}
        change={set("host")}
      />
      <Encoding {...props} set={set("encoding")} />
    </Group>
  );
}

function Columns(props: Props) {
  const { how, change } = props;
  return (
    <Group title={t("Which column is what")}>
      {FIELDS.map((option) => (
        <Column key={option[0]} {...props} of={option} />
      ))}
      <Typed
        label={t("Every row is the event")}
        value={how.fixed?.event ?? ""}
        known={[]}
        hint={t("from a column")}
        change={(event) => change({ ...how, fixed: event ? { event } : {} })}
      />
      <details className="sm:col-span-2 lg:col-span-3">
        <summary className="cursor-pointer py-1 text-soft hover:text-ink">{t("More fields")}</summary>
        <div className="grid gap-3 pt-2 sm:grid-cols-2 lg:grid-cols-3">
          {MORE.map((option) => (
            <Column key={option[0]} {...props} of={option} />
          ))}
        </div>
      </details>
    </Group>
  );
}

function TableReading({ set, ...props }: Props & { set: Setter }) {
  const { how, read } = props;
  return (
    <Group title={t("How the file is read")}>
      <Select
        label={t("Delimiter")}
        value={how.delimiter ?? ""}
        options={DELIMITERS.map((delimiter) => [delimiter, delimiter === "tab" ? t("tab") : delimiter])}
        detected={read.delimiter === "\t" ? t("tab") : read.delimiter}
        change={set("delimiter")}
      />
      <Encoding {...props} set={set("encoding")} />
      <Typed
        label={t("Time zone of times without one")}
        value={how.timezone ?? ""}
        known={[props.timezone, ...Intl.supportedValuesOf("timeZone")]}
        hint="UTC"
        change={set("timezone")}
      />
      <Select
        label={t("Order of dates such as 02/01/2020")}
        value={how.dates ?? ""}
        options={DATES}
        detected={t("refused")}
        change={set("dates")}
      />
      <Select
        label={t("Number format of amounts")}
        value={how.decimal ?? ""}
        options={DECIMALS}
        detected={t("detected, or refused")}
        change={set("decimal")}
      />
    </Group>
  );
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <fieldset className="grid min-w-0 gap-3 border-t border-line pt-3 sm:col-span-2 sm:grid-cols-2 lg:grid-cols-3">
      <legend className="pe-2 font-medium">{title}</legend>
      {children}
    </fieldset>
  );
}

/** The choice of the column for a field. */
function Column({ of: [name, label], how, read, change }: Props & { of: [string, string] }) {
  const chosen = how.columns?.[name] ?? "";
  const detected = chosen ? "" : read.columns?.[name];
  return (
    <Select
      label={label}
      value={chosen}
      options={(read.header ?? (chosen ? [chosen] : [])).map((column) => [column, column])}
      detected={detected || (chosen ? t("detected") : t("none"))}
      change={(column) => {
        const { [name]: _, ...others } = how.columns ?? {};
        change({ ...how, columns: column ? { ...others, [name]: column } : others });
      }}
    />
  );
}

function Select(props: {
  label: string;
  value: string;
  options: [string, string][];
  /** The detected value, used when nothing is chosen. */
  detected: string | undefined;
  change: (value: string) => void;
}) {
  return (
    <label className="min-w-0">
      {props.label}
      <select value={props.value} onChange={(event) => props.change(event.target.value)} className={field}>
        <option value="">{props.detected || t("detected")}</option>
        <Options of={props.options} />
      </select>
    </label>
  );
}

function Encoding({ how, read, set }: Props & { set: (value: string) => void }) {
  return (
    <Typed
      label={t("Encoding")}
      value={how.encoding ?? ""}
      known={ENCODINGS}
      hint={read.encoding ?? t("detected")}
      change={set}
    />
  );
}

/** A text field with suggestions; the value applies when the field loses the focus. */
function Typed(props: {
  label: string;
  value: string;
  known: string[];
  hint: string;
  change: (value: string) => void;
}) {
  const list = useId();
  return (
    <label className="min-w-0">
      {props.label}
      <input
        list={list}
        autoComplete="off"
        defaultValue={props.value}
        placeholder={props.hint}
        className={field}
        onBlur={(event) => {
          const text = event.target.value.trim();
          if (text !== props.value) props.change(text);
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          event.currentTarget.blur();
        }}
      />
      <datalist id={list}>
        {props.known.map((value) => (
          <option key={value} value={value} />
        ))}
      </datalist>
    </label>
  );
}
