import { uuid7 } from "../ids";
import { GAP } from "../session";
import type { Inside } from "../types";

const TAB = "tw_tab_";

/**
 * Ends the session when its last tab closes. Tabs write the time of their last use to localStorage; tabs unused for 30
 * minutes, or crashed ones, do not count. Navigation within the site does not end the session.
 */
export function endings(tw: Inside): void {
  const own = TAB + uuid7(Date.now());
  let noted = 0;
  let staying = false;
  let gone: "" | "ending" | "gone" = "";

  /** The number of other open tabs. Each tab has its own key, so that simultaneous changes do not collide. */
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
    // A closing page may still send its last messages after this one; a session that goes on after its end is open again.
    if (gone === "ending" && !staying && tw.user().sessionId)
      tw.track("Session Ended", {}, { timestamp: new Date(Date.now() + 100) });
    gone = gone && "gone";
  };
  tw.on("message", note);
  tw.on("leave", () => {
    try {
      delete localStorage[own];
    } catch {}
    gone = others() ? "gone" : "ending";
    // A closing page is hidden only after this event, and other parts send their last messages then; the end follows.
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
