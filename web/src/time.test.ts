import { describe, expect, it } from "vitest";
import { clock, dayClock, exact, fromWall, HOUR, isoDay, midnight, MINUTE, parseTime, SECOND, span, zone } from "./time";

const winter = Date.UTC(2026, 10, 21, 21, 3, 12) * 1000; // GMT
const summer = Date.UTC(2026, 6, 1, 20, 0, 0) * 1000; // 21:00 BST

describe("London time", () => {
  it("shows the clock on the wall", () => {
    expect(clock(winter)).toBe("21:03:12");
    expect(clock(summer)).toBe("21:00:00");
    expect(zone(winter)).toBe("GMT");
    expect(zone(summer)).toBe("BST");
    expect(dayClock(winter)).toBe("Sat 21 Nov, 21:03:12");
    expect(exact(summer)).toContain("2026-07-01 20:00:00 UTC");
  });

  it("goes there and back across both clock changes", () => {
    for (const [month, day] of [
      [3, 28],
      [3, 29],
      [3, 30],
      [10, 24],
      [10, 25],
      [10, 26],
    ] as const) {
      const us = fromWall(2026, month, day, 12, 34, 56);
      expect(clock(us)).toBe("12:34:56");
      expect(midnight(us)).toBe(fromWall(2026, month, day, 0, 0, 0));
    }
    const short = midnight(fromWall(2026, 3, 29, 12, 0, 0));
    expect(midnight(short, 1) - short).toBe(23 * HOUR);
    const long = midnight(fromWall(2026, 10, 25, 12, 0, 0));
    expect(midnight(long, 1) - long).toBe(25 * HOUR);
  });

  it("takes the first of the hour that happens twice", () => {
    expect(fromWall(2026, 10, 25, 1, 30, 0)).toBe(Date.UTC(2026, 9, 25, 0, 30, 0) * 1000);
  });
});

describe("go to time", () => {
  const go = (text: string) => parseTime(text, winter, winter + HOUR);
  it.each([
    ["21:03", fromWall(2026, 11, 21, 21, 3, 0)],
    ["9:05:07", fromWall(2026, 11, 21, 9, 5, 7)],
    ["210312", winter],
    ["21:03:12.5", winter + SECOND / 2],
    ["2026-11-20 23:59:59", fromWall(2026, 11, 20, 23, 59, 59)],
    ["20/11 08:00", fromWall(2026, 11, 20, 8, 0, 0)],
    ["yesterday 21:03", fromWall(2026, 11, 20, 21, 3, 0)],
    ["+30", winter + 30 * SECOND],
    ["-2m", winter - 2 * MINUTE],
    ["now", winter + HOUR],
  ])("reads %s", (text, us) => expect(go(text)).toBe(us));

  it.each(["", "25:00", "21:60", "soon", "12/13/2026", "2026-11-20"])("refuses %s", (text) =>
    expect(go(text)).toBeNull(),
  );
});

it("says spans", () => {
  expect(span(3.24 * SECOND)).toBe("3.2 s");
  expect(span(42 * SECOND)).toBe("42 s");
  expect(span(12 * MINUTE + 5 * SECOND)).toBe("12 min 05 s");
  expect(span(HOUR + 3 * MINUTE)).toBe("1 h 03 min");
  expect(isoDay(winter)).toBe("2026-11-21");
});
