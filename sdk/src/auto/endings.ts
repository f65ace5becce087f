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
  let gone: "" | "ending" | "gone" = "";

  function tabs(change: (open: Record<string, number>) => unknown): number {
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
    if (gone || !tw.user().anonymousId || Date.now() - noted < 6e4) return;
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
  const end = () => {
    if (gone === "ending" && !staying && tw.user().sessionId) tw.track("Session Ended");
    gone = gone && "gone";
  };
  tw.on("message", note);
  tw.on("leave", () => {
    gone = tabs((open) => delete open[own]) ? "gone" : "ending";
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
