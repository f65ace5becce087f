import { expect, test } from "vitest";
import {
  literal,
  only,
  parseFilter,
  question,
  readView,
  said,
  type View,
  writeView,
} from "../src/client/view_state";

const USUAL: View = {
  period: "30d",
  from: undefined,
  to: undefined,
  compare: "previous",
  filter: [],
  bots: false,
};

test("an address without parameters shows the usual, and the usual needs no parameters", () => {
  expect(readView({})).toEqual(USUAL);
  expect(Object.values(writeView(USUAL)).every((value) => value === undefined)).toBe(true);
});

test("a view is read back from what was written", () => {
  const view: View = {
    period: "7d",
    from: "2026-03-01",
    to: "2026-03-07",
    compare: "year",
    filter: ["path:is:/"],
    bots: true,
  };
  expect(readView(writeView(view))).toEqual(view);
});

test("what an address should not have is the usual", () => {
  const strange = { period: 7, from: "", compare: "never", filter: ["path:is:/", 1, null], bots: "yes" };
  expect(readView(strange)).toEqual({ ...USUAL, filter: ["path:is:/"] });
  expect(readView({ filter: "path:is:/" }).filter).toEqual(["path:is:/"]);
});

test("the query string repeats each filter", () => {
  const view = { ...USUAL, filter: ["path:is:/a b", "source:is:x|y"], bots: true };
  const query = new URLSearchParams(question(view, { limit: 5 }));
  expect(query.getAll("filter")).toEqual(view.filter);
  expect([query.get("period"), query.get("bots"), query.get("limit")]).toEqual(["30d", "true", "5"]);
});

test.each([["a"], ["a|b"], ["a\\"], ["\\|"], ["Prices | Acme"], ["https://a.example/?x=1:2"], ["a\\\\|b"]])(
  "the value %s comes back from the text of a filter",
  (value) => {
    expect(parseFilter(`source:is:${literal(value)}`)).toEqual({
      column: "source",
      operator: "is",
      values: [value],
    });
    expect(parseFilter(only("source", value)).values).toEqual([value]);
  },
);

test("a | separates values, and a missing operator is `is`", () => {
  expect(parseFilter("source:is_not:x|y\\|z")).toEqual({
    column: "source",
    operator: "is_not",
    values: ["x", "y|z"],
  });
  expect(parseFilter("source")).toEqual({ column: "source", operator: "is", values: [""] });
  expect(only("source", "")).toBe("source:not_set");
});

test("a filter is said in words", () => {
  expect(said("source:is:news|partner")).toBe("Source is news or partner");
  expect(said("properties.plan:contains_not:free")).toBe("plan does not contain free");
  expect(said("segment:is:1", "Buyers")).toBe("in Buyers");
});
