import { describe, expect, it } from "vitest";
import "./browser";
import type { ModelVersion } from "../src/client/api";
import { bestOf, byType, overTime, parameters, popularityOf, type Tried } from "../src/recommend/quality";

const { condition, score, sentence, shares } = await import("../src/recommend/reasons");

const measured = (ndcg: number) =>
  ({
    people: 50,
    hit_rate: 0.5,
    ndcg,
    recall: 0.5,
    map: 0.5,
    coverage: 1,
    novelty: 1,
    diversity: 1,
  }) as const;
const tried = (kind: string, ndcg?: number): Tried => ({
  kind,
  parameters: {},
  seconds: 1,
  warm: ndcg === undefined ? null : measured(ndcg),
  cold: null,
  last: false,
});
const version = (entity_type: string, day: number, all: Tried[], interactions = 10) =>
  ({
    entity_type,
    version: `2026110${day}T043012.123456Z`,
    in_use: day === 2,
    kind: "ease",
    interactions,
    tried: all,
  }) as ModelVersion;

describe("the quality of models", () => {
  const first = version("concert", 1, [tried("popularity", 0.3), tried("ease", 0.35), tried("als", 0.4)]);
  const second = version("concert", 2, [tried("popularity", 0.31), tried("ease", 0.2)]);

  it("is that of the best model beside popularity", () => {
    expect(bestOf(first)?.kind).toBe("als");
    expect(popularityOf(first)?.warm?.ndcg).toBe(0.3);
    expect(bestOf(version("artist", 1, [tried("popularity")]))).toBeUndefined();
  });

  it("is listed from the oldest training to the newest", () => {
    expect(overTime([second, first])).toEqual({
      at: ["2026-11-01T04:30:12.123Z", "2026-11-02T04:30:12.123Z"],
      model: [0.4, 0.2],
      popularity: [0.3, 0.31],
    });
    expect(overTime([version("artist", 1, [tried("popularity")])]).model).toEqual([null]);
  });

  it("is grouped by type, those with more interactions first, with the version in use", () => {
    const [concert, artist] = byType([version("artist", 1, [], 5), first, second]);
    expect([concert?.type, artist?.type]).toEqual(["concert", "artist"]);
    expect(concert?.versions).toEqual([second, first]);
    expect([concert?.inUse, artist?.inUse]).toEqual([second, undefined]);
    expect(byType([])).toEqual([]);
  });

  it("names parameters as people read them", () => {
    expect(parameters({ factors: 64, some_rate: 0.5 })).toBe("factors 64, some rate 0.5");
  });
});

describe("a reason", () => {
  const none = { entity_id: "", name: "", key: "", value: "", place: "" };

  it("names the entity, or its id without a name", () => {
    const because = { ...none, kind: "because", entity_id: "c1", name: "Tide" } as const;
    expect(sentence(because)).toBe("because of Tide");
    expect(sentence({ ...because, kind: "bought_together", name: "" })).toBe("bought together with c1");
  });

  it("says what both have, what was stated, and where it is popular", () => {
    const of = { ...none, name: "Tide", key: "music_genre", value: "jazz" };
    expect(sentence({ ...of, kind: "like" })).toBe("like Tide: music genre jazz");
    expect(sentence({ ...of, kind: "likes" })).toBe("by a stated preference: music genre jazz");
    expect(sentence({ ...none, kind: "trending", place: "Oslo" })).toBe("trending in Oslo");
  });

  it("has the numbers of people and orders, unless they are hidden", () => {
    const popular = { ...none, kind: "popular" } as const;
    expect(sentence({ ...popular, people: 1200 })).toBe("popular with everybody · 1,200 people");
    expect(sentence({ ...popular, orders: 1 })).toBe("popular with everybody · 1 order");
    expect(sentence(popular)).toBe("popular with everybody");
  });
});

describe("scores", () => {
  it("are drawn as shares of the best one, and never below nothing", () => {
    expect(shares([2, 1, -1])).toEqual([1, 0.5, 0]);
    expect(shares([-1, -2])).toEqual([0, 0]);
    expect(shares([])).toEqual([]);
  });

  it("have three digits that count", () => {
    expect([score(1477), score(0.0653215), score(12.3456)]).toEqual(["1,477", "0.0653", "12.3"]);
  });
});

it("says the conditions of a surface in words", () => {
  expect(condition({ attribute: "price", over: 10, below: 80 })).toBe("price over 10, below 80");
  expect(condition({ attribute: "starts_at", upcoming: true, within_days: 90 })).toBe(
    "starts at in the future, within 90 days",
  );
  expect(condition({ attribute: "genre", values: ["jazz", "soul"] })).toBe("genre jazz/soul");
});
