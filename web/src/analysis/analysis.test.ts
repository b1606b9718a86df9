import { expect, test } from "vitest";
import { orderWords, seconds, share, type Job, type Order } from "./analysis";

const ORDER: Order = {
  dpia: "2026-3",
  reason: "Reports",
  made_by: "Dana",
  made_us: 1,
  review_us: 2,
  from_us: 0,
  ended_us: null,
  ended_by: "",
  ended_words: "",
  lapsed: false,
};
const job = (wanted_s: number, done_s: number, state: Job["state"] = "running") => ({ wanted_s, done_s, state }) as Job;

test("seconds are said as people say them", () => {
  expect([40, 600, 5400, 90_000].map(seconds)).toEqual(["40 s", "10 min", "1.5 h", "25 h"]);
});

test("a share never passes a hundred, and an empty job that is done is done", () => {
  expect([share(job(100, 33)), share(job(100, 140)), share(job(0, 0)), share(job(0, 0, "done"))]).toEqual([33, 100, 0, 100]);
});

test("an order says how it stands", () => {
  expect(orderWords(null)).toContain("Never ordered");
  expect(orderWords(ORDER)).toBe("Ordered by Dana, 2026-3");
  expect(orderWords({ ...ORDER, lapsed: true })).toContain("review is due");
  expect(orderWords({ ...ORDER, ended_us: 5, ended_by: "Dana", ended_words: "Enough." })).toBe("Ended by Dana: Enough.");
});
