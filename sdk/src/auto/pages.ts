import type { Inside } from "../types";

/**
 * The page of an address: its path without a trailing slash, and what is behind `#` where that is kept, as a route. Of
 * both the query is no part.
 */
function pageOf(address: string): string {
  const { origin, pathname, hash } = new URL(address);
  const route = hash.split("?")[0]?.replace(/[#!/]+$/, "") ?? "";
  return origin + pathname.replace(/\/+$/, "") + route;
}

/** Page views of single-page applications: another page is at the address, and nothing was loaded. */
export function pages(tw: Inside): void {
  const now = () => tw.clean(location.href);
  const [first] = tw.early.filter((message) => message.type === "page").slice(-1);
  /** The page that was recorded last: its address as it became, and where it came from. */
  let address = (first?.context.page as { url?: string })?.url || now();
  let referrer = tw.referrer;
  const moved = () => pageOf(now()) !== pageOf(address);
  const look = () => {
    tw.referrer = moved() ? address : referrer;
    if (!moved()) address = now();
    // The title follows the address a moment later, and an address may be put right before that.
    else setTimeout(() => moved() && tw.page());
  };
  tw.on("page", () => {
    address = now();
    referrer = tw.referrer;
  });
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
  // What moved before this part was loaded.
  look();
}
