import type { Inside } from "../types";

/** Page views of single-page applications: the address without `#` changed and nothing was loaded. */
export function pages(tw: Inside): void {
  let last = tw.clean(location.href);
  const look = () => {
    const now = tw.clean(location.href);
    if (now === last) return;
    tw.referrer = last;
    last = now;
    // The title follows the address a moment later.
    setTimeout(() => now === tw.clean(location.href) && tw.page());
  };
  const { navigation } = window as { navigation?: EventTarget };
  if (navigation) navigation.addEventListener("currententrychange", look);
  else {
    for (const name of ["pushState", "replaceState"] as const) {
      const own = history[name];
      history[name] = function (this: History, ...args: Parameters<History["pushState"]>) {
        own.apply(this, args);
        look();
      };
    }
    addEventListener("popstate", look);
    addEventListener("hashchange", look);
  }
}
