/** The parts that all pages share. */

import { Switch } from "radix-ui";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { InView, useInRow } from "../client/hooks";
import { t } from "../language";
import { percent } from "./format";

export function Card(props: {
  title?: string;
  aside?: ReactNode;
  children: ReactNode;
  className?: string;
  id?: string;
}) {
  return (
    <section
      id={props.id}
      className={`min-w-0 scroll-mt-24 rounded-xl border border-line bg-card ${props.className ?? ""}`}
    >
      {props.title && (
        <div className="flex min-h-12 flex-wrap items-center justify-between gap-x-3 gap-y-1 px-4 pt-2">
          <h2 className="font-semibold">{props.title}</h2>
          <div className="flex flex-wrap items-center gap-2 text-soft">{props.aside}</div>
        </div>
      )}
      {props.children}
    </section>
  );
}

export function Skeleton({ rows = 6 }: { rows?: number }) {
  return (
    <div className="animate-pulse space-y-3 p-4" aria-hidden="true">
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike
        <div key={row} className="h-5 rounded bg-line/60" style={{ width: `${96 - ((row * 17) % 40)}%` }} />
      ))}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="px-4 py-10 text-center">
      <p className="font-medium">{title}</p>
      {children && <div className="mx-auto mt-1 max-w-prose text-soft">{children}</div>}
    </div>
  );
}

export function Failure({ error, again }: { error: Error; again?: () => void }) {
  return (
    <div role="alert" className="px-4 py-8 text-center">
      <p className="font-medium text-bad">{error.message}</p>
      {again && (
        <button type="button" onClick={again} className="mt-3 rounded-lg border border-line px-3 py-1.5">
          {t("Try again")}
        </button>
      )}
    </div>
  );
}

/** The last row of a list that has more rows. */
export function ShowMore({ more }: { more: () => void }) {
  return (
    <button
      type="button"
      onClick={more}
      className="no-print w-full border-t border-line py-2.5 text-soft hover:text-ink"
    >
      {t("Show more")}
    </button>
  );
}

/** The change of a number; `good` is the direction that counts as an improvement. */
export function Change({ value, good = 1 }: { value: number | undefined; good?: 1 | -1 }) {
  if (value === undefined) return <span className="text-xs text-soft">{t("nothing to compare")}</span>;
  const flat = Math.abs(value) < 0.0005;
  const tone = flat ? "text-soft" : value * good > 0 ? "text-good" : "text-bad";
  return (
    <span className={`text-xs font-medium ${tone}`}>
      {flat ? t("no change") : `${value > 0 ? "▲" : "▼"} ${percent(Math.abs(value))}`}
    </span>
  );
}

/** A choice between several views of the same data. */
export function Tabs(props: {
  label: string;
  tabs: readonly (readonly [name: string, label: string])[];
  chosen: string;
  choose: (name: string) => void;
}) {
  const place = useInRow<HTMLDivElement>("[aria-selected=true]", props.chosen);
  return (
    <div
      ref={place}
      role="tablist"
      aria-label={props.label}
      className="no-print mb-3 flex gap-1 overflow-x-auto"
    >
      {props.tabs.map(([name, label]) => (
        <button
          key={name}
          type="button"
          role="tab"
          aria-selected={name === props.chosen}
          onClick={() => props.choose(name)}
          className="min-h-9 rounded-lg px-3 whitespace-nowrap text-soft hover:text-ink aria-selected:bg-accent-soft aria-selected:font-medium aria-selected:text-ink"
        >
          {label}
        </button>
      ))}
    </div>
  );
}

/** Loads its content only when it scrolls into view, so that the top of the page loads first. */
export function WhenSeen({ children }: { children: ReactNode }) {
  const place = useRef<HTMLDivElement>(null);
  const [inView, setInView] = useState(false);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (place.current === null) return;
    const observer = new IntersectionObserver((entries) => {
      const now = entries.at(-1)?.isIntersecting ?? false;
      setInView(now);
      if (now) setSeen(true);
    });
    observer.observe(place.current);
    return () => observer.disconnect();
  }, []);
  return (
    <div ref={place} className={`grid min-w-0 ${seen ? "" : "min-h-[21rem]"}`}>
      <InView value={inView}>{seen && children}</InView>
    </div>
  );
}

/** A list of short facts with their names. */
export function Facts({ facts }: { facts: [string, ReactNode][] }) {
  return (
    <dl className="grid grid-cols-2 gap-x-4 gap-y-3 p-4 sm:grid-cols-3 lg:grid-cols-5">
      {facts.map(([name, value]) => (
        <div key={name} className="min-w-0">
          <dt className="text-xs text-soft">{name}</dt>
          <dd className="line-clamp-3 font-medium [overflow-wrap:anywhere]">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A visitor's avatar: its colours and shape are computed from the name. */
export function Avatar({ id }: { id: string }) {
  let hash = 7;
  for (const letter of id) hash = (hash * 31 + letter.charCodeAt(0)) >>> 0;
  const hue = hash % 360;
  const turn = (hash >> 9) % 360;
  return (
    <svg viewBox="0 0 32 32" className="size-7 shrink-0" aria-hidden="true">
      <circle cx="16" cy="16" r="16" fill={`hsl(${hue} 45% 46%)`} />
      <g fill="#fff" fillOpacity="0.85" transform={`rotate(${turn} 16 16)`}>
        <ellipse cx="11" cy="19" rx="3" ry="4.6" />
        <ellipse cx="20" cy="12" rx="3" ry="4.6" />
        <circle cx="21" cy="22" r={1 + (hash % 3)} />
      </g>
    </svg>
  );
}

/** A switch that takes effect at once. */
export function Toggle(props: {
  label: string;
  on: boolean;
  disabled?: boolean;
  change: (on: boolean) => void;
}) {
  return (
    <Switch.Root
      aria-label={props.label}
      checked={props.on}
      disabled={props.disabled}
      onCheckedChange={props.change}
      className="inline-flex h-6 w-10 shrink-0 items-center rounded-full border border-soft bg-ground p-0.5 align-middle data-[state=checked]:border-accent data-[state=checked]:bg-accent disabled:opacity-60"
    >
      <Switch.Thumb className="size-4 rounded-full bg-soft transition-transform data-[state=checked]:translate-x-4 data-[state=checked]:bg-card rtl:data-[state=checked]:-translate-x-4" />
    </Switch.Root>
  );
}
