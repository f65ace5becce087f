import type { Inside } from "../types";

/**
 * The page of a URL: its path without a trailing slash, and the part after `#`, if kept, as a route; both without
 * the query.
 */
function pageOf(address: string): string {
  const { origin, pathname, hash } = new URL(address);
  const route = hash.split("?")[0]?.replace(/[#!/]+$/, "") ?? "";
  return origin + pathname.replace(/\/+$/, "") + route;
}

/** Page views of single-page applications: the address changes to another page without a load. */
export function pages(tw: Inside): void {
  const now = () => tw.clean(location.href);
  const [first] = tw.early.filter((message) => message.type === "page").slice(-1);
  /** The address and the referrer of the last recorded page. */
  let address = (first?.context.page as { url?: string })?.url || now();
  let referrer = tw.referrer;
  const moved = () => pageOf(now()) !== pageOf(address);
  const look = () => {
    tw.referrer = moved() ? address : referrer;
    if (!moved()) address = now();
    // The title changes a moment after the address, and the address may be corrected before that.
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
  // The address may have changed before this part was loaded.
  look();
}
