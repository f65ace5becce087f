import type { Inside } from "../types";

/** Copies events to PostHog, Mixpanel and gtag when those are on the page; looked for until it has loaded. */
export function forward(tw: Inside): void {
  const look = () => {
    if (["posthog", "mixpanel", "gtag"].some((name) => name in window))
      tw.load("forward").then((part) => part.default(tw));
  };
  if (document.readyState === "complete") look();
  else addEventListener("load", look);
}
