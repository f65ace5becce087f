/** What became of a suggestion, as events from which Trackway learns when it rests, and what it changes. */

import type { Properties, Suggestion, SuggestionData } from "./types";
import { whenVisible } from "./visible";

/** Suggestions of which this page has reported that they were shown, whether by the SDK's part or by the element. */
// biome-ignore lint/suspicious/noAssignInExpressions: the shortest way to create it once
const shown: Set<string> = ((window as unknown as { tw_shown?: Set<string> }).tw_shown ||= new Set());

/** Return a suggestion with the calls that report what became of it. */
export function reporting(
  data: SuggestionData,
  track: (event: string, properties: Properties) => void,
): Suggestion {
  const report = (what: string) => () =>
    track(`Suggestion ${what}`, { entity_type: "suggestion", entity_id: data.action });
  return {
    ...data,
    show(element) {
      if (shown.has(data.action)) return;
      whenVisible(element, () => {
        if (shown.has(data.action)) return;
        shown.add(data.action);
        report("Shown")();
      });
    },
    clicked: report("Clicked"),
    dismissed: report("Dismissed"),
    done: report("Done"),
  };
}
