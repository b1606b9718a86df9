import { expect, it } from "vitest";
import { bestColumns, moved, reconcile, type WallState } from "./wall";

const state: WallState = { order: [], closed: [], layout: 16, view: "both", split: 0.6 };

it("fills the box", () => {
  expect(bestColumns(12, 1340, 800)).toBe(4);
  expect(bestColumns(12, 366, 700)).toBeLessThanOrEqual(3);
  expect(bestColumns(1, 900, 500)).toBe(1);
  expect(bestColumns(4, 1300, 800)).toBe(2);
  expect(bestColumns(9, 1300, 800)).toBe(3);
  expect(bestColumns(0, 100, 100)).toBe(1);
});

it("moves within the wall and never loses a tile", () => {
  expect(moved(["a", "b", "c"], "c", -1)).toEqual(["a", "c", "b"]);
  expect(moved(["a", "b", "c"], "a", -5)).toEqual(["a", "b", "c"]);
  expect(moved(["a", "b", "c"], "a", 9)).toEqual(["b", "c", "a"]);
  expect(moved(["a", "b"], "x", 1)).toEqual(["a", "b"]);
});

it("keeps the order, drops what is gone, adds what is new, leaves out what was closed", () => {
  expect(reconcile({ ...state, order: ["c", "gone", "a"], closed: ["d"] }, ["a", "b", "c", "d"])).toEqual(["c", "a", "b"]);
});
