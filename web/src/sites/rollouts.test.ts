import { expect, test } from "vitest";
import { doing, waitWords, type RolloutSite } from "./rollouts";

const site: RolloutSite = {
  site: "elm",
  name: "Elm",
  first: true,
  state: "ordered",
  phase: "fetching",
  former: "0.1.0",
  have_bytes: 50,
  ordered_us: 1,
  told_us: 1,
  ended_us: null,
  why: "",
};

test("a site's part in a roll-out is said in words", () => {
  expect(doing(site, 200)).toBe("Fetching it, 25 %");
  expect(doing({ ...site, phase: "" }, 200)).toBe("Ordered");
  expect(doing({ ...site, state: "failed", phase: "rolled_back" }, 200)).toBe("Went back");
  expect(doing({ ...site, state: "waiting", first: false }, 0)).toBe("Waits its turn");
  expect([0, 60, 90, 1440, 4320].map(waitWords)).toEqual(["at once", "an hour later", "90 minutes later", "a day later", "3 days later"]);
});
