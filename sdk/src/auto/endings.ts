import { uuid7 } from "../ids";
import type { Inside } from "../types";

const NAME = "tw_tabs";
const GAP = 18e5;

/**
 * Ends the session when its last tab closes. Tabs note in localStorage when they were last used; one that was not for
 * 30 minutes, or that crashed, is not waited for. Going on within the site ends nothing.
 */
export function endings(tw: Inside): void {
  const own = uuid7(Date.now());
  let noted = 0;
  let staying = false;

  function tabs(change: (open: Record<string, number>) => void): number {
    try {
      const open: Record<string, number> = JSON.parse(localStorage[NAME] || "{}");
      for (const [tab, at] of Object.entries(open)) if (Date.now() - at > GAP) delete open[tab];
      change(open);
      const count = Object.keys(open).length;
      if (count) localStorage[NAME] = JSON.stringify(open);
      else delete localStorage[NAME];
      return count;
    } catch {
      return 0;
    }
  }

  const note = () => {
    if (!tw.user().anonymousId || Date.now() - noted < 6e4) return;
    noted = Date.now();
    tabs((open) => {
      open[own] = noted;
    });
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
  tw.on("message", note);
  addEventListener("pageshow", () => {
    noted = 0;
    staying = false;
    note();
  });
  tw.on("leave", () => {
    noted = 0;
    const others = tabs((open) => {
      delete open[own];
    });
    if (!others && !staying && tw.user().sessionId) tw.track("Session Ended");
    tabs((open) => {
      delete open[own]; // the message just recorded noted it again
    });
  });
  note();
}
