import { beforeEach, expect, test } from "vitest";
import { current, forget, GAP, LEFT, reopen, SIGNED_OUT, sessionOf } from "../src/session";

const AT = 1_790_000_000_000;

beforeEach(forget);

test("a session goes on for as long as nothing is 30 minutes apart", () => {
  const first = sessionOf(AT);
  expect(sessionOf(AT + GAP - 1)).toBe(first);
  expect(sessionOf(AT + 2 * GAP - 2)).toBe(first);
});

test("30 minutes without an event end a session", () => {
  const first = sessionOf(AT);
  expect(sessionOf(AT + GAP)).not.toBe(first);
});

test("signing in does not split a session, another user does", () => {
  const first = sessionOf(AT);
  expect(sessionOf(AT + 1000, "ann")).toBe(first);
  expect(sessionOf(AT + 2000)).toBe(first);
  expect(current()?.[2]).toBe("ann");
  expect(sessionOf(AT + 3000, "bob")).not.toBe(first);
});

test("the event of a sign-out belongs to the session that it ends", () => {
  const first = sessionOf(AT, "ann");
  expect(sessionOf(AT + 1000, "ann", SIGNED_OUT)).toBe(first);
  expect(sessionOf(AT + 2000)).not.toBe(first);
});

test("a session that the last closed tab ended is opened again, one that a sign-out ended is not", () => {
  const first = sessionOf(AT);
  sessionOf(AT + 1000, "", LEFT);
  reopen();
  expect(sessionOf(AT + 2000)).toBe(first);
  sessionOf(AT + 3000, "", SIGNED_OUT);
  reopen();
  expect(sessionOf(AT + 4000)).not.toBe(first);
});
