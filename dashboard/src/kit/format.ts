/** Numbers, times and places as people read them. */
import type { Money } from "../client/api";
import { locale, t } from "../language";

const whole = new Intl.NumberFormat(locale);
const compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
const percentage = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });

export const count = (value: number) => (value >= 100_000 ? compact.format(value) : whole.format(value));
export const exact = (value: number) => whole.format(value);
const signed = new Intl.NumberFormat(locale, { signDisplay: "exceptZero", maximumFractionDigits: 1 });
/** A difference of shares, in percentage points. */
export const points = (value: number) => signed.format(100 * value);
export const percent = (value: number) => percentage.format(value);
/** The short names of the weekdays, from Monday: 1 January 2024 was one. */
export const WEEKDAYS = Array.from({ length: 7 }, (_, at) =>
  new Intl.DateTimeFormat(locale, { weekday: "short", timeZone: "UTC" }).format(Date.UTC(2024, 0, 1 + at)),
);

export function duration(seconds: number): string {
  const total = Math.round(seconds);
  if (total < 60) return t("{seconds} s", { seconds: total });
  const minutes = Math.floor(total / 60);
  return minutes < 60
    ? t("{minutes} min {seconds} s", { minutes, seconds: total % 60 })
    : t("{hours} h {minutes} min", { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

export function money(amounts: Money[]): string {
  if (amounts.length === 0) return "–";
  return amounts
    .map(({ currency, amount }) =>
      new Intl.NumberFormat(locale, {
        style: "currency",
        currency,
        maximumFractionDigits: 2,
        trailingZeroDisplay: "stripIfInteger",
      } as Intl.NumberFormatOptions).format(Number(amount)),
    )
    .join(" + ");
}

export function moment(iso: string, timezone: string): string {
  return new Intl.DateTimeFormat(locale, {
    dateStyle: "medium",
    timeStyle: "medium",
    timeZone: timezone,
  }).format(new Date(iso));
}

export function day(iso: string, timezone: string, interval: string): string {
  const options: Intl.DateTimeFormatOptions =
    interval === "hour"
      ? { hour: "2-digit", minute: "2-digit", day: "numeric", month: "short" }
      : interval === "month"
        ? { month: "long", year: "numeric" }
        : { weekday: "short", day: "numeric", month: "short" };
  return new Intl.DateTimeFormat(locale, { ...options, timeZone: timezone }).format(new Date(iso));
}

export function ago(iso: string, now = Date.now()): string {
  const seconds = Math.round((Date.parse(iso) - now) / 1000);
  const format = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" });
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [
    ["second", 60],
    ["minute", 60],
    ["hour", 24],
    ["day", 30],
    ["month", 12],
  ];
  let value = seconds;
  for (const [unit, length] of steps) {
    if (Math.abs(value) < length) return format.format(Math.round(value), unit);
    value /= length;
  }
  return format.format(Math.round(value), "year");
}

const regions = new Intl.DisplayNames(locale, { type: "region" });
export function country(code: string): string {
  if (!/^[A-Z]{2}$/.test(code)) return code;
  try {
    return regions.of(code) ?? code;
  } catch {
    return code;
  }
}

/** The change from one number to another; undefined without a number to compare with. */
export function change(now: number, before: number): number | undefined {
  return before === 0 ? undefined : (now - before) / before;
}

/** The name of an interval. */
export const intervalName = (interval: string) =>
  t("{interval, select, hour {hour} day {day} week {week} other {month}}", { interval });
