import type { Inside } from "../types";

/** Copies events to PostHog, Mixpanel and gtag if they are on the page once it has loaded. */
export function forward(tw: Inside): void {
  const look = () => {
    if (["posthog", "mixpanel", "gtag"].some((name) => name in window))
      tw.load("forward").then((part) => part.default(tw));
  };
  if (document.readyState === "complete") look();
  else addEventListener("load", look);
}
