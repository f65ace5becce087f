/** Copies events to other libraries on the page, except page views (which they count themselves) and automatic events. */

import type { Inside, Message } from "./types";

const OWN = new Set(["impression", "engagement", "time_in_view", "web_vital", "error", "Session Ended"]);

// biome-ignore lint/suspicious/noExplicitAny: other people's libraries
type Theirs = any;
const page = window as Theirs;

const copies: Record<string, (message: Message) => void> = {
  track({ event = "", properties }) {
    page.posthog?.capture?.(event, properties);
    page.mixpanel?.track?.(event, properties);
    page.gtag?.("event", event.replace(/\W+/g, "_").toLowerCase(), properties);
  },
  identify({ userId, traits }) {
    if (!userId) return;
    page.posthog?.identify?.(userId, traits);
    page.mixpanel?.identify?.(userId);
    if (traits) page.mixpanel?.people?.set?.(traits);
    page.gtag?.("set", { user_id: userId });
  },
  group({ groupId, traits }) {
    page.posthog?.group?.("group", groupId, traits);
    page.mixpanel?.set_group?.("group", groupId);
  },
  alias({ userId }) {
    page.posthog?.alias?.(userId);
    page.mixpanel?.alias?.(userId);
  },
};

export default function forward(tw: Inside): void {
  const copy = (message: Message) => {
    if (!OWN.has(message.event || "")) copies[message.type]?.(message);
  };
  tw.early.forEach(copy);
  tw.on("message", copy);
  tw.on("reset", () => {
    page.posthog?.reset?.();
    page.mixpanel?.reset?.();
    page.gtag?.("set", { user_id: null });
  });
}
