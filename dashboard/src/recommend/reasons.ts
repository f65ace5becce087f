/** Why an entity is recommended, as a sentence. */

import type { Recommended } from "../client/api";
import { exact } from "../kit/format";
import { t } from "../language";

type Reason = Recommended["reason"];

/** A sentence for each kind of reason; about a person, or like an entity that was asked about. */
const SENTENCES: Record<string, (reason: Reason, of: "person" | "entity") => string> = {
  because: ({ name, entity_id }, of) =>
    of === "person"
      ? t("because of {name}", { name: name || entity_id })
      : t("by people who interacted with {name} too", { name: name || entity_id }),
  popular: () => t("popular with everybody"),
};

/** The sentence of a reason, with the number of people if it is known. */
export function sentence(reason: Reason, of: "person" | "entity"): string {
  const why = SENTENCES[reason.kind]?.(reason, of) ?? reason.kind.replaceAll("_", " ");
  if (reason.people === undefined) return why;
  return `${why} · ${t("{n, plural, one {# person} other {{people} people}}", { n: reason.people, people: exact(reason.people) })}`;
}

/** Scores as shares of the best one, for bars. Scores can be below zero; none is drawn then. */
export function shares(scores: number[]): number[] {
  const best = Math.max(...scores);
  return scores.map((score) => (best > 0 ? Math.max(0, score / best) : 0));
}

const DIGITS = 3;
/** A score as people read it: whole, or with three digits that count. */
export const score = (value: number) =>
  Number.isInteger(value) ? exact(value) : Number(value.toPrecision(DIGITS)).toString();
