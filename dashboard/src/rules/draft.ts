/** The rules while they are edited: lists with an identity for each entry, and texts as they are typed. */

import type { Rules } from "../client/api";

type OfRules = Rules["journey"]["stages"][number];
export type Condition = OfRules["when"][number];
export type Suggestion = Rules["suggestions"][number];
type Kept<Entry> = Entry & { id: number };

export type RuleDraft = Kept<{ name: string; when: Kept<Condition>[] }>;
export type CountDraft = Kept<{ name: string; names: string; types: string }>;
export type SuggestionDraft = Kept<Suggestion>;

export interface Draft {
  journey: Rules["journey"];
  counts: CountDraft[];
  stages: RuleDraft[];
  intents: RuleDraft[];
  suggestions: SuggestionDraft[];
  holdout: number;
}

let last = 0;
export const kept = <Entry>(entry: Entry): Kept<Entry> => ({ ...entry, id: ++last });

function bare<Entry extends { id: number }>({ id: _, ...entry }: Entry): Omit<Entry, "id"> {
  return entry;
}

const listed = (text: string) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);

const edited = (rules: OfRules[]) => rules.map((rule) => kept({ ...rule, when: rule.when.map(kept) }));
const plain = (rules: RuleDraft[]): OfRules[] =>
  rules.map((rule) => ({ name: rule.name, when: rule.when.map(bare) }));

export function draftOf({ journey, suggestions, holdout }: Rules): Draft {
  const counts = Object.entries(journey.counts).map(([name, what]) =>
    kept({ name, names: what.names.join(", "), types: what.entity_types.join(", ") }),
  );
  const [stages, intents] = [edited(journey.stages), edited(journey.intents)];
  return { journey, counts, stages, intents, suggestions: suggestions.map(kept), holdout };
}

export function rulesOf(draft: Draft): Rules {
  const counts = draft.counts.map((count) => [
    count.name,
    { names: listed(count.names), entity_types: listed(count.types) },
  ]);
  return {
    journey: {
      ...draft.journey,
      counts: Object.fromEntries(counts),
      stages: plain(draft.stages),
      intents: plain(draft.intents),
    },
    suggestions: draft.suggestions.map(bare),
    holdout: draft.holdout,
  };
}

/** A list with an entry replaced, removed (`with_` is undefined), or moved by some places. */
export function changed<Entry extends { id: number }>(list: Entry[], id: number, with_?: Entry): Entry[] {
  return list.flatMap((entry) => (entry.id !== id ? [entry] : with_ ? [with_] : []));
}

export function moved<Entry>(list: Entry[], from: number, by: number): Entry[] {
  const rest = list.filter((_, place) => place !== from);
  return [...rest.slice(0, from + by), ...list.slice(from, from + 1), ...rest.slice(from + by)];
}
