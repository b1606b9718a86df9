import { describe, expect, it } from "vitest";
import { endOfDay, secondsLeft } from "./DwellAsk";

describe("the dwell guard's question", () => {
  it("counts down to nothing, not below", () => {
    expect(secondsLeft(5_400_000, 0)).toBe(6);
    expect(secondsLeft(0, 9_000_000)).toBe(0);
  });
  it("takes a whole day as the end of an authorisation", () => {
    expect(endOfDay("2026-11-22")).toBe(Date.parse("2026-11-23T00:00:00Z") * 1000);
    expect(endOfDay("22.11.2026")).toBeNull();
    expect(endOfDay("2026-13-40")).toBeNull();
  });
});
