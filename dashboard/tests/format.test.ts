import { expect, test } from "vitest";
import { ago, change, count, country, day, duration, money, percent } from "../src/kit/format";

test.each([
  [0, "0"],
  [99_999, "99,999"],
  [100_000, "100K"],
  [1_234_567, "1.2M"],
])("a count of %d is %s", (value, text) => expect(count(value)).toBe(text));

test.each([
  [0, "0 s"],
  [59.4, "59 s"],
  [59.6, "1 min 0 s"],
  [3599, "59 min 59 s"],
  [3600, "1 h 0 min"],
  [90_061, "25 h 1 min"],
])("%d seconds are %s", (seconds, text) => expect(duration(seconds)).toBe(text));

test("amounts of several currencies stand side by side, whole ones without cents", () => {
  expect(money([])).toBe("–");
  expect(money([{ currency: "EUR", amount: "20" }])).toBe("€20");
  expect(
    money([
      { currency: "EUR", amount: "1234.5" },
      { currency: "USD", amount: "0.1" },
    ]),
  ).toBe("€1,234.50 + $0.10");
});

test("a share is shown with at most one decimal", () => {
  expect([0, 0.5, 1 / 3, 1].map(percent)).toEqual(["0%", "50%", "33.3%", "100%"]);
});

test("a day is that of the project's time zone", () => {
  expect(day("2026-03-28T23:30:00Z", "Europe/Berlin", "day")).toBe("Sun, Mar 29");
  expect(day("2026-03-28T23:30:00Z", "America/New_York", "day")).toBe("Sat, Mar 28");
  expect(day("2026-03-01T00:00:00Z", "UTC", "month")).toBe("March 2026");
});

test("how long ago something was is said in its largest unit", () => {
  const now = Date.parse("2026-03-10T12:00:00Z");
  const before = (seconds: number) => ago(new Date(now - seconds * 1000).toISOString(), now);
  expect([30, 100, 7200, 86_400, 40 * 86_400, 800 * 86_400].map(before)).toEqual([
    "30 sec. ago",
    "2 min. ago",
    "2 hr. ago",
    "yesterday",
    "last mo.",
    "2 yr. ago",
  ]);
});

test("a change is a share of what was before, and none where there was nothing", () => {
  expect(change(15, 10)).toBe(0.5);
  expect(change(5, 10)).toBe(-0.5);
  expect(change(5, 0)).toBeUndefined();
});

test("a country has its name, and what is no code stays", () => {
  expect([country("DE"), country("ZZ"), country("Germany"), country("")]).toEqual([
    "Germany",
    "Unknown Region",
    "Germany",
    "",
  ]);
});
