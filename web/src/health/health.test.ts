import { describe, expect, it } from "vitest";
import { DAY, HOUR, MINUTE, SECOND } from "../time";
import { age, drift, monthName, percent, reasonWords } from "./health";

describe("words of health", () => {
  it("says ages short", () => {
    expect([age(-1), age(40 * SECOND), age(90 * SECOND), age(5.5 * HOUR), age(47 * HOUR), age(3.2 * DAY)]).toEqual(["0 s", "40 s", "1 min", "5 h", "47 h", "3 days"]);
    expect(age(59 * MINUTE)).toBe("59 min");
  });
  it("never rounds a loss away", () => {
    expect([percent(99.9999), percent(100), percent(null), percent(98.126)]).toEqual(["99.99 %", "100 %", "", "98.12 %"]);
  });
  it("says drift by the day", () => {
    expect([drift(null), drift(0.1), drift(40), drift(-23.2)]).toEqual(["", "steady", "gains 3.5 s a day", "loses 2.0 s a day"]);
  });
  it("names months and reasons", () => {
    expect(monthName("2026-11")).toBe("November 2026");
    expect(reasonWords("camera_silent")).toBe("the camera went silent");
    expect(reasonWords("new_reason")).toBe("new reason");
  });
});
