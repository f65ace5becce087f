/** The quality of models, from the versions that are kept of them. */

import type { ModelVersion } from "../client/api";

export type Tried = ModelVersion["tried"][number];
export type Quality = NonNullable<Tried["warm"]>;

/** When a version was trained, by its name: `20261130T043012.123456Z`. */
export const trainedAt = ({ version }: ModelVersion) =>
  version.replace(
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\.\d{3})?\d*Z$/,
    (_, year, month, day, hour, minute, second, part = "") =>
      `${year}-${month}-${day}T${hour}:${minute}:${second}${part}Z`,
  );

/** The versions of the model for one type of entities, the newest first, and the one in use. Types with more interactions
 * come first. */
export interface OfType {
  type: string;
  versions: ModelVersion[];
  inUse: ModelVersion | undefined;
}

export function byType(versions: ModelVersion[]): OfType[] {
  const types = [...new Set(versions.map((version) => version.entity_type))].sort();
  const found = types.map((type) => {
    const own = versions
      .filter((version) => version.entity_type === type)
      .sort((one, other) => other.version.localeCompare(one.version));
    return { type, versions: own, inUse: own.find((version) => version.in_use) };
  });
  const size = ({ versions: [newest] }: OfType) => newest?.interactions ?? 0;
  return found.sort((one, other) => size(other) - size(one));
}

const ndcg = (tried: Tried | undefined) => tried?.warm?.ndcg ?? null;

/** The popularity that a training measured its models against. */
export const popularityOf = (version: ModelVersion): Tried | undefined =>
  version.tried.find(({ kind }) => kind === "popularity");

/** The best model that a training tried besides popularity; undefined if there was none. */
export function bestOf(version: ModelVersion): Tried | undefined {
  const models = version.tried.filter(({ kind }) => kind !== "popularity");
  return models.reduce<Tried | undefined>(
    (best, one) => (best === undefined || (ndcg(one) ?? 0) > (ndcg(best) ?? 0) ? one : best),
    undefined,
  );
}

/** Whether people get more than popularity from this version. */
export const isModel = (version: ModelVersion) => version.kind !== "popularity";

/** NDCG of the best model and of popularity at each training, the oldest first. */
export function overTime(versions: ModelVersion[]): {
  at: string[];
  model: (number | null)[];
  popularity: (number | null)[];
} {
  const rising = [...versions].sort((one, other) => one.version.localeCompare(other.version));
  return {
    at: rising.map(trainedAt),
    model: rising.map((version) => ndcg(bestOf(version))),
    popularity: rising.map((version) => ndcg(popularityOf(version))),
  };
}

/** Parameters as text: `factors 64, regularization 80`. */
export const parameters = (of: Record<string, number>) =>
  Object.entries(of)
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`)
    .join(", ");
