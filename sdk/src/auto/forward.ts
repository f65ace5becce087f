import type { Inside, Message } from "../types";

/** Copies events to PostHog, Mixpanel and gtag when those are on the page; looked for until it has loaded. */
export function forward(tw: Inside): void {
  let early: Message[] | undefined = [];
  tw.on("message", (message: Message) => early?.push(message));
  const look = () => {
    const messages = early;
    early = undefined;
    if (["posthog", "mixpanel", "gtag"].some((name) => name in window))
      tw.load("forward").then((part) => part.default(tw, messages));
  };
  if (document.readyState === "complete") look();
  else addEventListener("load", look);
}
