import { uuid7 } from "../ids";
import { GAP } from "../session";
import type { Inside } from "../types";

const TAB = "tw_tab_";

/**
 * Ends the session when its last tab closes. Tabs note in localStorage when they were last used; one that was not for
 * 30 minutes, or that crashed, is not waited for. Going on within the site ends nothing.
 */
export function endings(tw: Inside): void {
  const own = TAB + uuid7(Date.now());
  let noted = 0;
  let staying = false;
  let gone: "" | "ending" | "gone" = "";

  /** Each tab has a key of its own, so that two that change at once do not undo each other. */
  function others(): number {
    try {
      const keys = Object.keys(localStorage).filter((name) => name.startsWith(TAB) && name !== own);
      const open = keys.filter((name) => Date.now() - localStorage[name] < GAP);
      for (const name of keys) if (!open.includes(name)) delete localStorage[name];
      return open.length;
    } catch {
      return 0;
    }
  }

  const note = () => {
    if (gone || !tw.user().anonymousId || Date.now() - noted < 6e4) return;
    noted = Date.now();
    try {
      localStorage[own] = noted;
    } catch {}
  };

  const { navigation } = window as { navigation?: EventTarget };
  navigation?.addEventListener("navigate", (event) => {
    const { destination, hashChange, downloadRequest } = event as Event & {
      destination: { url: string; sameDocument: boolean };
      hashChange: boolean;
      downloadRequest: string | null;
    };
    if (!hashChange && !destination.sameDocument && downloadRequest === null)
      staying = new URL(destination.url).origin === location.origin;
  });
  const end = () => {
    if (gone === "ending" && !staying && tw.user().sessionId) tw.track("Session Ended");
    gone = gone && "gone";
  };
  tw.on("message", note);
  tw.on("leave", () => {
    try {
      delete localStorage[own];
    } catch {}
    gone = others() ? "gone" : "ending";
    // A page that is closed is hidden only afterwards, and others tell their last then: the end comes behind that.
    if (document.hidden) end();
  });
  tw.on("hide", end);
  addEventListener("pageshow", () => {
    gone = "";
    staying = false;
    noted = 0;
    note();
  });
  note();
}
