import { describe, expect, it } from "vitest";
import type { Lane } from "../api";
import { DAY, fromWall, HOUR, MINUTE, SECOND } from "../time";
import { firstIn, fullestIn, gapAt, joined, lanesOf, merged, newest, nextStart, previousStart, runAt, streamAt } from "./lanes";
import { place, wallAt } from "./pieces";
import { centred, clampSpan, holds, LONGEST, SHORTEST, ticks, zoomed } from "./timescale";

const T0 = Date.UTC(2026, 10, 21, 21, 0, 0) * 1000;
const run = (from: number, to: number, growing = false) => ({
  start_us: T0 + from * SECOND,
  end_us: T0 + to * SECOND,
  imported: false,
  lost_packets: 0,
  growing,
});
const gap = (from: number, to: number) => ({
  start_us: T0 + from * SECOND,
  end_us: T0 + to * SECOND,
  reason: "camera_unreachable",
  text: "The camera could not be reached.",
});
const lane = (id: string, runs: Lane["runs"], gaps: Lane["gaps"] = []): Lane => ({ id, runs, gaps });

describe("timescale", () => {
  const view = { from: T0, span: HOUR };
  it("keeps the moment under the pointer while zooming, and its limits", () => {
    const at = T0 + 20 * MINUTE;
    const near = zoomed(view, 4, at);
    expect((at - near.from) / near.span).toBeCloseTo(1 / 3, 9);
    expect(zoomed(view, 1e9, at).span).toBe(SHORTEST);
    expect(zoomed(view, 1e-9, at).span).toBe(LONGEST);
    expect(clampSpan(3 * HOUR)).toBe(3 * HOUR);
    expect(holds(centred(view, T0 + DAY), T0 + DAY, 0.4)).toBe(true);
  });

  it.each([SECOND, 30 * SECOND, 10 * MINUTE, HOUR, 6 * HOUR, DAY, 7 * DAY])("labels a span of %d apart enough", (span) => {
    const { at, step } = ticks({ from: T0 + 12_345_678, span }, 1200, 90);
    expect(at.length).toBeGreaterThan(0);
    expect(at.length).toBeLessThanOrEqual(1200 / 90 + 2);
    for (const us of at) expect(us).toBeGreaterThanOrEqual(T0 + 12_345_678);
    expect(step).toBeGreaterThanOrEqual((span / 1200) * 90);
  });

  it("puts long ticks on London's clock in summer", () => {
    const day = fromWall(2026, 7, 1, 0, 0, 0);
    const { at } = ticks({ from: day, span: DAY }, 800, 80);
    expect(at[0]).toBe(day);
  });
});

describe("pieces", () => {
  // two runs with 100 s missing between them
  const pieces = [0, 2, 4, 106, 108].map((second, index) => ({
    programDateTime: T0 / 1000 + second * 1000,
    start: index * 2,
    duration: 2,
  }));
  it("finds the media of a moment, and none in a gap", () => {
    expect(place(pieces, T0 + 3 * SECOND)).toEqual({ media: 3, keyframe: 2 });
    expect(place(pieces, T0 + 50 * SECOND)).toBeNull();
    expect(place(pieces, T0 + 107 * SECOND)).toEqual({ media: 7, keyframe: 6 });
    expect(place(pieces, T0 - 10 * SECOND)).toBeNull();
    expect(place(pieces, T0 - SECOND / 10)?.media).toBe(0);
    expect(place(pieces, T0 + 111 * SECOND)).toBeNull();
    expect(place([], T0)).toBeNull();
  });
  it("goes back to the moment", () => {
    for (const second of [0, 1.5, 3, 5.9, 106, 109])
      expect(wallAt(pieces, place(pieces, T0 + second * SECOND)!.media)).toBeCloseTo(T0 + second * SECOND, -2);
  });
});

describe("lanes", () => {
  const a = lane("a", [run(0, 100), run(200, 300, true)], [gap(100, 200)]);
  const b = lane("b", [run(50, 80)]);
  const lanes = lanesOf([a, b], [lane("b", [run(0, 500)])]);
  const now = T0 + 400 * SECOND;
  it("knows runs and gaps", () => {
    expect(runAt(a, T0 + 50 * SECOND, now)).toBe(a.runs[0]);
    expect(runAt(a, T0 + 150 * SECOND, now)).toBeNull();
    expect(runAt(a, T0 + 390 * SECOND, now)).toBe(a.runs[1]); // grows
    expect(runAt(a, T0 + 399 * SECOND, now)).toBeNull(); // too new to be listed
    expect(gapAt(lanes.get("a"), T0 + 150 * SECOND)?.reason).toBe("camera_unreachable");
  });
  it("falls back to the stream that has footage", () => {
    expect(streamAt(lanes.get("a"), "sub", T0 + 50 * SECOND, now)).toBe("main");
    expect(streamAt(lanes.get("b"), "main", T0 + 100 * SECOND, now)).toBe("sub");
    expect(streamAt(lanes.get("a"), "sub", T0 + 150 * SECOND, now)).toBeNull();
  });
  it("jumps between recordings", () => {
    expect(nextStart(lanes, ["a", "b"], T0)).toBe(T0 + 50 * SECOND);
    expect(nextStart(lanes, ["a"], T0 + 201 * SECOND)).toBeNull();
    expect(previousStart(lanes, ["a"], T0 + 201 * SECOND)).toBe(T0);
    expect(newest(lanes, ["b"], now)).toBe(T0 + 80 * SECOND);
    expect(firstIn(lanes, ["a", "b"], T0 + 120 * SECOND, T0 + 290 * SECOND)).toBe(T0 + 200 * SECOND);
    expect(fullestIn(lanes, ["a", "b"], T0, T0 + 400 * SECOND)).toBe(T0 + 50 * SECOND);
    expect(fullestIn(lanes, ["a", "b"], T0 + 500 * SECOND, T0 + 600 * SECOND)).toBeNull();
  });
  it("keeps what was known of cameras whose site is away", () => {
    const away = [{ site: "elm", name: "Elm House", cameras: ["b"] }];
    const none = { from_us: T0, to_us: T0, cameras: [], away: [] };
    const first = merged(null, { ...none, cameras: [a, lane("b", [run(0, 50)])] }, none, T0, T0 + 300 * SECOND);
    const cut = merged(first, { ...none, cameras: [a], away }, none, T0 + 250 * SECOND, T0 + 310 * SECOND);
    expect(cut.main.map((each) => [each.id, each.runs.length])).toEqual([
      ["a", a.runs.length],
      ["b", 1],
    ]);
    expect(cut.away).toEqual(away);
    expect(merged(cut, { ...none, cameras: [a, lane("b", [run(0, 90)])] }, none, T0, T0 + 320 * SECOND).away).toEqual([]);
  });
  it("joins what was known with what is new", () => {
    const cut = T0 + 250 * SECOND;
    const fresh = lane("a", [run(250, 360, true)]);
    const whole = joined(a, fresh, cut);
    expect(whole.runs.map((each) => [(each.start_us - T0) / SECOND, (each.end_us - T0) / SECOND])).toEqual([
      [0, 100],
      [200, 360],
    ]);
    expect(whole.gaps).toHaveLength(1);
    const broken = joined(a, lane("a", [run(250, 310), run(330, 350, true)], [gap(310, 330)]), cut);
    expect(broken.runs).toHaveLength(3);
    expect(broken.gaps).toHaveLength(2);
  });
});
