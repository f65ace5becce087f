import { expect, test } from "vitest";
import { trackway } from "../src/index";

test("on a server, nothing is known of anybody and calls do nothing", async () => {
  expect(await trackway.personalize({ token: "t" })).toBeNull();
  expect(await trackway.recommend({ token: "t", entity_type: "concert" })).toBeNull();
  expect(trackway.user()).toEqual({});
  expect(trackway.track("Signed Up")).toBeUndefined();
});
