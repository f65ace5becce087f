/** The schedule of a job in words, and a form to change it, for cron schedules with a time and a day. */
import { Popover } from "radix-ui";
import { type ReactNode, useState } from "react";
import { field, primary } from "../kit/dialog";
import { Options } from "../kit/fields";
import { locale, t } from "../language";

/** A schedule by its parts; `cron` is any other schedule, as a cron expression. */
export interface Due {
  every: "minutes" | "hour" | "day" | "week" | "month" | "cron";
  /** Of `minutes`: how many. */
  step: number;
  /** Hour and minute, UTC; of `hour` the minute counts. */
  time: string;
  /** Of `week`, 0 is Sunday. */
  weekday: number;
  /** Of `month`. */
  day: number;
  cron: string;
}

const two = (part: string | number) => String(part).padStart(2, "0");
const STEPS = [1, 5, 10, 15, 30];

/** Parses a cron expression. */
export function due(cron: string): Due {
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = cron.trim().split(/\s+/);
  const fallback: Due = { every: "cron", step: 10, time: "03:00", weekday: 1, day: 1, cron };
  if (month !== "*") return fallback;
  const step = minute === "*" ? "1" : /^\*\/(\d+)$/.exec(minute)?.[1];
  const rest = `${day} ${weekday}`;
  if (step !== undefined)
    return hour === "*" && rest === "* *" ? { ...fallback, every: "minutes", step: Number(step) } : fallback;
  if (!/^\d+$/.test(minute)) return fallback;
  if (hour === "*")
    return rest === "* *" ? { ...fallback, every: "hour", time: `00:${two(minute)}` } : fallback;
  if (!/^\d+$/.test(hour)) return fallback;
  const at = { ...fallback, time: `${two(hour)}:${two(minute)}` };
  if (rest === "* *") return { ...at, every: "day" };
  if (day === "*" && /^[0-7]$/.test(weekday)) return { ...at, every: "week", weekday: Number(weekday) % 7 };
  if (weekday === "*" && /^\d+$/.test(day)) return { ...at, every: "month", day: Number(day) };
  return fallback;
}

/** Builds the cron expression. */
export function cronOf(due_: Due): string {
  const [hour, minute] = due_.time.split(":").map(Number);
  if (due_.every === "minutes") return due_.step === 1 ? "* * * * *" : `*/${due_.step} * * * *`;
  if (due_.every === "hour") return `${minute} * * * *`;
  if (due_.every === "day") return `${minute} ${hour} * * *`;
  if (due_.every === "week") return `${minute} ${hour} * * ${due_.weekday}`;
  return due_.every === "month" ? `${minute} ${hour} ${due_.day} * *` : due_.cron;
}

/** The name of a day of the week; 0 is Sunday. */
const weekdayName = (weekday: number) =>
  new Intl.DateTimeFormat(locale, { weekday: "long", timeZone: "UTC" }).format(
    Date.UTC(2023, 0, 1 + weekday),
  );

export function inWords(cron: string): string {
  const parsed = due(cron);
  const { time, day, step } = parsed;
  if (parsed.every === "minutes")
    return t("{step, plural, one {every minute} other {every # minutes}}", { step });
  if (parsed.every === "hour") return t("every hour at :{minute}", { minute: time.slice(3) });
  if (parsed.every === "day") return t("every day at {time} UTC", { time });
  if (parsed.every === "week")
    return t("every {weekday} at {time} UTC", { weekday: weekdayName(parsed.weekday), time });
  if (parsed.every === "month") return t("on day {day} of the month at {time} UTC", { day, time });
  return `${cron} UTC`;
}

const KINDS: [Due["every"], string][] = [
  ["minutes", t("every few minutes")],
  ["hour", t("every hour")],
  ["day", t("every day")],
  ["week", t("every week")],
  ["month", t("every month")],
  ["cron", t("as a cron expression")],
];

type Change = (part: Partial<Due>) => void;

/** The fields that the kinds of schedules have, with their labels. */
const FIELDS: [kinds: Due["every"][], label: string, show: (due_: Due, set: Change) => ReactNode][] = [
  [
    ["minutes"],
    t("Minutes between"),
    (due_, set) => (
      <select
        value={due_.step}
        onChange={(event) => set({ step: Number(event.target.value) })}
        className={field}
      >
        {[...new Set([...STEPS, due_.step])].map((step) => (
          <option key={step}>{step}</option>
        ))}
      </select>
    ),
  ],
  [
    ["hour"],
    t("Minute of the hour"),
    (due_, set) => (
      <NumberField
        min={0}
        max={59}
        value={Number(due_.time.slice(3))}
        change={(minute) => set({ time: `00:${two(minute)}` })}
      />
    ),
  ],
  [
    ["week"],
    t("Day of the week"),
    (due_, set) => (
      <select
        value={due_.weekday}
        onChange={(event) => set({ weekday: Number(event.target.value) })}
        className={field}
      >
        {[1, 2, 3, 4, 5, 6, 0].map((weekday) => (
          <option key={weekday} value={weekday}>
            {weekdayName(weekday)}
          </option>
        ))}
      </select>
    ),
  ],
  [
    ["month"],
    t("Day of the month"),
    (due_, set) => (
      <NumberField min={1} max={31} value={due_.day} change={(day) => set({ day: Number(day) })} />
    ),
  ],
  [
    ["day", "week", "month"],
    t("Time (UTC)"),
    (due_, set) => (
      <input
        type="time"
        required
        value={due_.time}
        onChange={(event) => set({ time: event.target.value })}
        className={field}
      />
    ),
  ],
  [
    ["cron"],
    t("Minute, hour, day, month, weekday (UTC)"),
    (due_, set) => (
      <input
        required
        value={due_.cron}
        onChange={(event) => set({ cron: event.target.value })}
        className={`${field} font-mono`}
      />
    ),
  ],
];

function NumberField(props: { min: number; max: number; value: number; change: (typed: string) => void }) {
  return (
    <input
      type="number"
      min={props.min}
      max={props.max}
      required
      value={props.value}
      onChange={(event) => props.change(event.target.value)}
      className={field}
    />
  );
}

/** A schedule in words, as a button that opens the form. */
export function Schedule(props: { name: string; schedule: string; change: (schedule: string) => void }) {
  const [open, setOpen] = useState(false);
  const [choice, setOne] = useState(due(props.schedule));
  return (
    <Popover.Root
      open={open}
      onOpenChange={(now) => {
        setOne(due(props.schedule));
        setOpen(now);
      }}
    >
      <Popover.Trigger
        title={`${props.schedule} (UTC)`}
        className="min-h-9 rounded-lg border border-line bg-card px-2.5 text-sm hover:border-accent"
      >
        <span className="sr-only">{t("When {name} runs", { name: props.name })}: </span>
        {inWords(props.schedule)} <span aria-hidden="true">▾</span>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          align="start"
          sideOffset={6}
          collisionPadding={8}
          aria-label={t("When {name} runs", { name: props.name })}
          className="z-30 w-72 rounded-xl border border-line bg-raised p-3 shadow-lg"
        >
          <form
            className="space-y-2"
            onSubmit={(event) => {
              event.preventDefault();
              props.change(cronOf(choice));
              setOpen(false);
            }}
          >
            <Fields choice={choice} set={(part) => setOne({ ...choice, ...part })} />
            <button type="submit" className={`${primary} w-full py-2`}>
              {t("Save")}
            </button>
          </form>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

function Fields({ choice, set }: { choice: Due; set: Change }) {
  return (
    <>
      <label className="block">
        {t("How often")}
        <select
          value={choice.every}
          onChange={(event) => set({ every: event.target.value as Due["every"], cron: cronOf(choice) })}
          className={field}
        >
          <Options of={KINDS} />
        </select>
      </label>
      {FIELDS.filter(([kinds]) => kinds.includes(choice.every)).map(([, label, show]) => (
        // biome-ignore lint/a11y/noLabelWithoutControl: `show` returns the control
        <label key={label} className="block">
          {label}
          {show(choice, set)}
        </label>
      ))}
    </>
  );
}
