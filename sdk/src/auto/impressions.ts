import type { Inside } from "../types";
import { about, isOff } from "./about";

const MARKED = "[data-tw-entity],[data-tw-shown]";
/** How long at least half of it has to be seen. */
const LONG_ENOUGH = 1000;

interface Watched {
  /** Seen since then; 0 when it is not. */
  since: number;
  timer?: ReturnType<typeof setTimeout>;
  /** How long it was seen and not yet told, where that is asked for. */
  time: number;
}

/**
 * `data-tw-entity="concert:42"` is an impression when at least half of it is seen for a second;
 * `data-tw-shown="view_details"` is that event as soon as it is seen; `data-tw-time` tells for how long. Each once in
 * a page view.
 */
export function impressions(tw: Inside): void {
  const watched = new Map<Element, Watched>();
  const told = new Set<string>();

  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting, intersectionRatio, intersectionRect } of entries) {
        const half = intersectionRatio >= 0.5 || intersectionRect.height >= innerHeight / 2;
        const one = watched.get(target);
        if (!one) continue;
        const seen = isIntersecting && (half || target.hasAttribute("data-tw-shown"));
        if (seen && !one.since) begin(target, one);
        else if (!seen) end(one);
      }
    },
    { threshold: [0, 0.25, 0.5, 0.75] },
  );

  function begin(element: Element, one: Watched): void {
    one.since = performance.now();
    clearTimeout(one.timer);
    if (!document.hidden)
      one.timer = setTimeout(() => tell(element), element.hasAttribute("data-tw-shown") ? 0 : LONG_ENOUGH);
  }

  function end(one: Watched): void {
    clearTimeout(one.timer);
    if (one.since && !document.hidden) one.time += performance.now() - one.since;
    one.since = 0;
  }

  function tell(element: Element): void {
    if (!element.isConnected || isOff(element)) return;
    const event = element.getAttribute("data-tw-shown") || "impression";
    const properties = about(element);
    const key = [
      event,
      properties.source,
      properties.entity_type,
      properties.entity_id,
      properties.query,
    ].join("\n");
    if (told.has(key)) return;
    told.add(key);
    tw.track(event, properties);
  }

  /** Tell how long what is asked for was seen. */
  function times(): void {
    for (const [element, one] of watched) {
      if (one.since) one.time += performance.now() - one.since;
      if (one.since) one.since = performance.now();
      if (element.hasAttribute("data-tw-time") && one.time >= LONG_ENOUGH)
        tw.track("time_in_view", { ...about(element), visible_s: Math.round(one.time / 100) / 10 });
      one.time = 0;
    }
  }

  function watch(root: Element | Document): void {
    const found = [...root.querySelectorAll(MARKED)];
    if (root instanceof Element && root.matches(MARKED)) found.push(root);
    for (const element of found) {
      // Observing anew asks for its state again: the element may stand for another entity now.
      observer.unobserve(element);
      const before = watched.get(element);
      if (before) clearTimeout(before.timer);
      watched.set(element, { since: 0, time: before?.time || 0 });
      observer.observe(element);
    }
  }

  new MutationObserver((changes) => {
    for (const { type, target, addedNodes, removedNodes } of changes) {
      if (type === "attributes") watch(target as Element);
      for (const node of addedNodes) if (node instanceof Element) watch(node);
      if (removedNodes.length)
        for (const element of watched.keys())
          if (!element.isConnected) {
            observer.unobserve(element);
            clearTimeout(watched.get(element)?.timer);
            if (!element.hasAttribute("data-tw-time")) watched.delete(element);
          }
    }
  }).observe(document, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ["data-tw-entity", "data-tw-shown"],
  });

  const rest = () => {
    times();
    for (const one of watched.values()) clearTimeout(one.timer);
  };
  const again = () => {
    for (const [element, one] of watched) if (one.since) begin(element, one);
  };
  tw.on("hide", rest);
  tw.on("leave", rest);
  document.addEventListener("visibilitychange", () => document.hidden || again());
  tw.on("page", () => {
    rest();
    told.clear();
    again();
  });
  watch(document);
}
