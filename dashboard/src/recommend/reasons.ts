/** Why an entity is recommended, as a sentence. */

import type { Pack, Recommended } from "../client/api";
import { exact } from "../kit/format";
import { t } from "../language";

export type Reason = Recommended["reason"];

const words = (name: string) => name.replaceAll("_", " ");

/** A sentence for each kind of reason. */
const SENTENCES: Record<Reason["kind"], (name: string, reason: Reason) => string> = {
  because: (name) => t("because of {name}", { name }),
  like: (name, { key, value }) => t("like {name}: {key} {value}", { name, key: words(key), value }),
  also_viewed: (name) => t("seen in the same visits as {name}", { name }),
  bought_together: (name) => t("bought together with {name}", { name }),
  likes: (_, { key, value }) => t("by a stated preference: {key} {value}", { key: words(key), value }),
  popular: (_, { place }) => (place ? t("popular in {place}", { place }) : t("popular with everybody")),
  trending: (_, { place }) => (place ? t("trending in {place}", { place }) : t("trending at present")),
  pinned: () => t("pinned by the surface"),
};

/** The sentence of a reason, with the numbers of people and orders if they are known. */
export function sentence(reason: Reason): string {
  const { people, orders } = reason;
  const parts = [SENTENCES[reason.kind](reason.name || reason.entity_id, reason)];
  if (people)
    parts.push(t("{n, plural, one {# person} other {{exact} people}}", { n: people, exact: exact(people) }));
  if (orders)
    parts.push(t("{n, plural, one {# order} other {{exact} orders}}", { n: orders, exact: exact(orders) }));
  return parts.join(" · ");
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

export type Surface = NonNullable<NonNullable<Pack["recommend"]>["surfaces"]>[number];
type Condition = NonNullable<Surface["where"]>[number];

/** A condition of a surface in words: `price below 80`. */
export function condition({ attribute, values, over, below, upcoming, within_days }: Condition): string {
  const parts = [
    ...(values?.length ? [values.join("/")] : []),
    ...(typeof over === "number" ? [t("over {n}", { n: exact(over) })] : []),
    ...(typeof below === "number" ? [t("below {n}", { n: exact(below) })] : []),
    ...(upcoming ? [t("in the future")] : []),
    ...(within_days ? [t("within {n} days", { n: exact(within_days) })] : []),
  ];
  return `${words(attribute)} ${parts.join(", ")}`;
}
