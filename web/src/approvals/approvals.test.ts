import { expect, test } from "vitest";
import { HOUR, MINUTE } from "../time";
import { awaits, cameraHours, hoursWords, lessThan, newsOf, notWithin, type AccessRequest, type Extent } from "./approvals";

const ask: Extent = { cameras: ["gate", "yard"], from_us: 10 * HOUR, to_us: 12 * HOUR, actions: ["playback", "export"], lasts_us: 2 * HOUR };

test("only what is less is sent", () => {
  expect(lessThan(ask, { ...ask, cameras: ["yard", "gate"] })).toEqual({});
  expect(lessThan(ask, { ...ask, cameras: ["gate"], lasts_us: HOUR })).toEqual({ cameras: ["gate"], lasts_us: HOUR });
});

test("less can be given, more can't", () => {
  expect(notWithin(ask, ask)).toBe("");
  expect(notWithin(ask, { ...ask, from_us: 11 * HOUR })).toBe("");
  for (const wrong of [{ from_us: 9 * HOUR }, { to_us: 13 * HOUR }, { cameras: [] }, { actions: [] }, { lasts_us: 3 * HOUR }, { to_us: 10 * HOUR }])
    expect(notWithin(ask, { ...ask, ...wrong })).not.toBe("");
});

test("camera-hours in words", () => {
  expect(hoursWords(cameraHours(ask))).toBe("4 camera-hours");
  expect(hoursWords(1)).toBe("1 camera-hour");
  expect(hoursWords((2 * 10 * MINUTE) / HOUR)).toBe("20 camera-minutes");
});

test("the page listens until the access that was approved is there, but not for ever", () => {
  const one = { state: "approved", grant: "", decided_us: 1_000 } as AccessRequest;
  expect(awaits({ ...one, state: "waiting" }, 0)).toBe(true);
  expect(awaits(one, 2_000)).toBe(true);
  expect(awaits({ ...one, grant: "g" }, 2_000)).toBe(false);
  expect(awaits(one, HOUR)).toBe(false);
  expect(awaits({ ...one, state: "refused" }, 2_000)).toBe(false);
});

test("who asked hears of a decision once, and of nothing else", () => {
  const one = { state: "narrowed", mine: true, decider: "Sam", words: "One camera will do" } as AccessRequest;
  expect(newsOf("waiting", one)).toBe("Sam approved your access, for less than you asked. “One camera will do”");
  expect(newsOf("narrowed", one)).toBe("");
  expect(newsOf(undefined, one)).toBe("");
  expect(newsOf("waiting", { ...one, mine: false })).toBe("");
  expect(newsOf("waiting", { ...one, state: "withdrawn" })).toBe("");
});
