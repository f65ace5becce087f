/** Automatic recording; each part can be switched off by the option of its name. */

import { clicks } from "./auto/clicks";
import { endings } from "./auto/endings";
import { engagement } from "./auto/engagement";
import { errors } from "./auto/errors";
import { forms } from "./auto/forms";
import { forward } from "./auto/forward";
import { impressions } from "./auto/impressions";
import { pages } from "./auto/pages";
import type { Inside, Options } from "./types";

const PARTS: [keyof Options, (tw: Inside) => void][] = [
  ["engagement", engagement],
  ["impressions", impressions],
  ["endings", endings],
  ["pages", pages],
  ["clicks", clicks],
  ["forms", forms],
  ["errors", errors],
  ["forward", forward],
  ["vitals", (tw) => whenIdle(() => tw.load("vitals").then((part) => part.default(tw)))],
];

function whenIdle(work: () => void): void {
  const idle = () => ("requestIdleCallback" in self ? requestIdleCallback(work) : setTimeout(work, 200));
  if (document.readyState === "complete") idle();
  else addEventListener("load", idle);
}

export default function auto(tw: Inside): void {
  tw.on("dropped", (count: number) => tw.track("messages_dropped", { count }));
  for (const [name, part] of PARTS) if (tw.options[name] !== "off") part(tw);
}
