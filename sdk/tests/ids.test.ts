import { expect, test } from "vitest";
import { entity } from "../src/entity";
import { timeOf, uuid7 } from "../src/ids";

test("an id is a UUID of version 7 and variant 10", () => {
  for (let count = 0; count < 200; count++)
    expect(uuid7(1_790_000_000_000 + count)).toMatch(
      /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/,
    );
});

test("an id has its time, and ids are ordered as their times are", () => {
  const times = [0, 1, 86_400_000, 1_790_000_000_000, 1_790_000_000_001, 2 ** 47];
  const ids = times.map(uuid7);
  expect(ids.map(timeOf)).toEqual(times);
  expect([...ids].sort()).toEqual(ids);
});

test("two ids of one millisecond differ", () => {
  expect(new Set(Array.from({ length: 1000 }, () => uuid7(1_790_000_000_000))).size).toBe(1000);
});

test("the attributes of an entity are those that automatic tracking reads", () => {
  expect(entity("concert", 42)).toEqual({ "data-tw-entity": "concert:42" });
  expect(entity("concert", "a:b", { price: 12 }, "seen", true)).toEqual({
    "data-tw-entity": "concert:a:b",
    "data-tw-props": '{"price":12}',
    "data-tw-shown": "seen",
    "data-tw-time": "",
  });
});
