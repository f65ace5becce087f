/** `trackway.recommend({ token, entity_type })`: entities for the signed-in person, or like another entity. */

import { send } from "./person";
import type { Inside, Recommendation, RecommendationData, Recommendations, RecommendOptions } from "./types";
import { whenVisible } from "./visible";

/** Recommendations of which this page has reported that they were shown. */
const shown = new Set<string>();

export default async function recommend(tw: Inside, options: RecommendOptions): Promise<Recommendations> {
  const { token, host = tw.options.host || "", ...asked } = options || {};
  if (!token) throw new TypeError("recommend needs a token, or a function that returns one");
  const given = Object.entries(asked).filter(([, value]) => value !== undefined);
  const answer = await send(
    `${host}/v1/recommend?${new URLSearchParams(given as [string, string][])}`,
    token,
  );
  const found = await answer.json();
  const { surface, kind, model, version } = found;
  found.items = found.items.map((item: RecommendationData) =>
    reporting(item, { surface, kind, model, version }, tw),
  );
  return found;
}

/** Return a recommendation with the calls that report what became of it. */
function reporting(data: RecommendationData, about: Record<string, unknown>, tw: Inside): Recommendation {
  const { entity_type, entity_id, position, propensity } = data;
  const report = (what: string) =>
    tw.track(`Recommendation ${what}`, { entity_type, entity_id, position, propensity, ...about });
  const name = JSON.stringify([about.surface, about.kind, entity_type, entity_id]);
  return {
    ...data,
    show: (element) =>
      whenVisible(element, () => {
        if (shown.has(name)) return;
        shown.add(name);
        report("Shown");
      }),
    clicked: () => report("Clicked"),
  };
}
