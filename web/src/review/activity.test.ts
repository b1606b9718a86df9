import { describe, expect, it } from "vitest";
import { HOUR, MINUTE, SECOND } from "../time";
import { bucketUs, busiest, tellActivity, valueAt, wanted, type Strip } from "./activity";

const T0 = Date.UTC(2026, 10, 21, 21, 0, 0) * 1000;
const strip = (values: number[], checked: number[] = values.map(() => 0), ordered = true): Strip => ({
  id: "gate",
  stream: "sub",
  from_us: T0,
  to_us: T0 + values.length * SECOND,
  values,
  checked,
  rate_control: "vbr",
  confidence: 0.9,
  ordered,
  text: "",
});

describe("activity", () => {
  it("finds the value of a moment and nothing outside", () => {
    const made = strip([0, 1, 255]);
    expect(bucketUs(made)).toBe(SECOND);
    expect([-1, 0, 1, 2.9, 3].map((at) => valueAt(made, T0 + at * SECOND))).toEqual([0, 0, 1, 255, 0]);
    expect(valueAt(undefined, T0)).toBe(0);
  });

  it("says what a value rests on", () => {
    const made = strip([0, 1, 255, 255], [0, 0, 0, 255]);
    expect(tellActivity(made, T0)).toBe("");
    expect(tellActivity(made, T0 + SECOND)).toBe("Quiet by packet sizes, which only order.");
    expect(tellActivity(made, T0 + 3 * SECOND)).toBe("Very busy, keyframes compared.");
    expect(tellActivity(strip([255], [0], false), T0)).toBe("Packet sizes of this camera say little.");
  });

  it("joins neighbours and puts the busiest first", () => {
    const made = strip([1, 120, 130, 1, 250, 1, 0, 120], [0, 255, 255, 0, 255, 0, 0, 0]);
    const found = busiest(made, T0, T0 + HOUR, 3);
    expect(found.map((each) => [(each.from - T0) / SECOND, (each.to - T0) / SECOND, each.value, each.looked])).toEqual([
      [4, 5, 250, true],
      [1, 3, 130, true],
      [7, 8, 120, false],
    ]);
    expect(busiest(made, T0 + 4 * SECOND, T0 + 5 * SECOND, 3)).toHaveLength(1);
  });

  it("asks for the same part while a view moves a little, and never outside the limits", () => {
    const limits = { from: T0 - HOUR, to: T0 + 2 * HOUR };
    const now = T0 + HOUR;
    const one = wanted({ from: T0 + MINUTE, span: 10 * MINUTE }, limits, now);
    expect(wanted({ from: T0 + MINUTE + 20 * SECOND, span: 10 * MINUTE }, limits, now)).toEqual(one);
    expect(one.from).toBeLessThanOrEqual(T0 - 4 * MINUTE);
    expect(one.to).toBeGreaterThanOrEqual(T0 + 16 * MINUTE);
    expect(wanted({ from: T0, span: 7 * 24 * HOUR }, limits, now)).toEqual({ from: limits.from, to: now });
  });
});
