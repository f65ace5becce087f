import type { Inside } from "../types";

/** The time without activity after which somebody counts as inactive, in milliseconds. */
const IDLE = 30_000;
const SIGNS = ["pointermove", "pointerdown", "keydown", "wheel", "touchstart", "scroll"];

/**
 * The time that a page was visible and actively used, in seconds, and the scroll depth, in percent: one event whenever
 * the page is hidden or replaced. Several events of a page add up.
 */
export function engagement(tw: Inside): void {
  const page = tw.here;
  let current = page();
  let visibleSince = 0;
  let activeSince = 0;
  let visible = 0;
  let active = 0;
  let depth = 0;

  const now = () => performance.now();
  const scrolled = () => {
    const { scrollHeight } = document.documentElement;
    depth = Math.max(
      depth,
      Math.min(100, Math.round((100 * (scrollY + innerHeight)) / Math.max(scrollHeight, 1))),
    );
  };
  const begin = () => {
    visibleSince = document.hidden ? 0 : now();
    activeSince = visibleSince;
    scrolled();
  };
  const act = () => {
    if (!visibleSince) return;
    active += Math.min(now() - activeSince, IDLE);
    activeSince = now();
  };
  const end = () => {
    if (!visibleSince) return;
    act();
    visible += now() - visibleSince;
    visibleSince = 0;
    if (visible > 99) {
      const seconds = (time: number) => Math.round(time / 100) / 10;
      const far = tw.options.scroll === "off" ? {} : { scroll_depth: depth };
      const times = { visible_s: seconds(visible), engaged_s: seconds(active) };
      tw.track("engagement", { ...times, ...far }, { context: { page: current } });
    }
    visible = active = 0;
  };

  for (const name of SIGNS) document.addEventListener(name, act, { capture: true, passive: true });
  document.addEventListener("scroll", scrolled, { capture: true, passive: true });
  document.addEventListener("visibilitychange", () => document.hidden || begin());
  addEventListener("pageshow", (event) => event.persisted && begin());
  tw.on("hide", end);
  tw.on("leave", end);
  tw.on("page", () => {
    end();
    current = page();
    depth = 0;
    begin();
  });
  begin();
}
