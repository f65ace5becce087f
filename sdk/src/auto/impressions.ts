import type { Inside } from "../types";
import { about, isOff } from "./about";

const MARKED = "[data-tw-entity],[data-tw-shown]";
/** The time that at least half of an element must be visible for an impression, in milliseconds. */
const LONG_ENOUGH = 1000;

interface Watched {
  /** Visible since this time; 0 if it is not visible. */
  since: number;
  timer?: ReturnType<typeof setTimeout>;
  /** The visible time that is not reported yet, for elements with `data-tw-time`. */
  time: number;
}

/**
 * `data-tw-entity="concert:42"` is an impression when at least half of it is seen for a second;
 * `data-tw-shown="view_details"` is that event as soon as it is seen; `data-tw-time` also reports the visible time.
 * Each is recorded once per page view.
 */
export function impressions(tw: Inside): void {
  const watched = new Map<Element, Watched>();
  const reported = new Set<string>();

  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting, intersectionRatio, intersectionRect } of entries) {
        const half = intersectionRatio >= 0.5 || intersectionRect.height >= innerHeight / 2;
        const state = watched.get(target);
        if (!state) continue;
        const seen = isIntersecting && (half || target.hasAttribute("data-tw-shown"));
        if (seen && !state.since) begin(target, state);
        else if (!seen) end(state);
      }
    },
    { threshold: [0, 0.25, 0.5, 0.75] },
  );

  function begin(element: Element, state: Watched): void {
    state.since = performance.now();
    clearTimeout(state.timer);
    if (!document.hidden)
      state.timer = setTimeout(
        () => report(element),
        element.hasAttribute("data-tw-shown") ? 0 : LONG_ENOUGH,
      );
  }

  function end(state: Watched): void {
    clearTimeout(state.timer);
    if (state.since && !document.hidden) state.time += performance.now() - state.since;
    state.since = 0;
  }

  function report(element: Element): void {
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
    if (reported.has(key)) return;
    reported.add(key);
    tw.track(event, properties);
  }

  /** Report the visible time of elements with `data-tw-time`. */
  function times(): void {
    for (const [element, state] of watched) {
      if (state.since) state.time += performance.now() - state.since;
      if (state.since) state.since = performance.now();
      if (element.hasAttribute("data-tw-time") && state.time >= LONG_ENOUGH)
        tw.track("time_in_view", { ...about(element), visible_s: Math.round(state.time / 100) / 10 });
      state.time = 0;
    }
  }

  function watch(root: Element | Document): void {
    const elements = [...root.querySelectorAll(MARKED)];
    if (root instanceof Element && root.matches(MARKED)) elements.push(root);
    for (const element of elements) {
      // Observing again reports the state again: the element may show another entity now.
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

  const pause = () => {
    times();
    for (const state of watched.values()) clearTimeout(state.timer);
  };
  const resume = () => {
    for (const [element, state] of watched) if (state.since) begin(element, state);
  };
  tw.on("hide", pause);
  tw.on("leave", pause);
  document.addEventListener("visibilitychange", () => document.hidden || resume());
  tw.on("page", () => {
    pause();
    reported.clear();
    resume();
  });
  watch(document);
}
