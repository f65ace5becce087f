/**
 * The library as a module: `import { load, trackway } from "@trackway/browser"`. It may be imported on a server, where
 * calls do nothing.
 */

import { start, whenSeen } from "./core";
import type { Call, Load, Options, Trackway } from "./types";

export type { PersonalizeError } from "./person";
export type {
  CallOptions,
  Consent,
  Message,
  OnEntity,
  Options,
  Person,
  PersonalizeOptions,
  Preference,
  Properties,
  Recommendation,
  Recommendations,
  RecommendOptions,
  Suggestion,
  Trackway,
} from "./types";

const here = typeof document !== "undefined";
const calls: Call[] = [];
let started: Trackway | undefined;

const parts: Record<string, () => ReturnType<Load>> = {
  queue: () => import("./queue"),
  auto: () => import("./auto"),
  vitals: () => import("./vitals"),
  forward: () => import("./forward"),
  debug: () => import("./debug"),
  personalize: () => import("./personalize"),
  recommend: () => import("./recommend"),
};

/** The library; calls before `load` are queued. */
export const trackway: Trackway = new Proxy({} as Trackway, {
  get: (_, name: keyof Trackway) =>
    started?.[name] ??
    ((...args: unknown[]) => {
      if (name === "user") return {};
      if (name === "personalize" || name === "recommend")
        return here ? later(name, args[0]) : Promise.resolve(null);
      if (here) calls.push([name, args, Date.now()]);
    }),
});

/** Ask as soon as the library runs. */
function later(name: "personalize" | "recommend", options: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const go = () => (trackway[name] as (asked: unknown) => Promise<unknown>)(options).then(resolve, reject);
    calls.push(["ready", [go], Date.now()]);
  });
}

/** Start recording. A second call changes nothing. */
export function load<Events = Record<string, Record<string, unknown>>>(options: Options): Trackway<Events> {
  if (here && !started)
    whenSeen(() => {
      const tag = (window as unknown as Record<string, Trackway>)[`tw_${options.key}`];
      started ??= start(options, (part) => (parts[part] as () => ReturnType<Load>)(), calls);
      // A script tag of the same page has started the library already: it receives the queued calls.
      // biome-ignore lint/suspicious/noExplicitAny: called by name
      if (tag) for (const [name, args] of calls) (tag as any)[name](...args);
    });
  return trackway as unknown as Trackway<Events>;
}
