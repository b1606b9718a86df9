import { describe, expect, it } from "vitest";
import { markLines, placeAt, short } from "./mark";

describe("viewer mark", () => {
  it("names the person, the number, the time and the access", () => {
    const lines = markLines({ name: "Ann Operator", number: "user_01jabcdefgh", grant: "grant_01jxyzwvut1" }, "14:03:09");
    expect(lines).toEqual(["Ann Operator ABCDEFGH", "14:03:09 access YZWVUT1".replace("YZWVUT1", short("grant_01jxyzwvut1"))]);
    expect(short("grant_01jxyzwvut1")).toHaveLength(8);
  });

  it("wanders slowly over the whole picture and never leaves it", () => {
    const places = Array.from({ length: 900 }, (_, second) => placeAt(second, 0.3));
    for (const [at, place] of places.entries()) {
      expect(place.x).toBeGreaterThanOrEqual(0);
      expect(place.x).toBeLessThanOrEqual(1);
      expect(place.y).toBeGreaterThanOrEqual(0);
      expect(place.y).toBeLessThanOrEqual(1);
      if (at > 0) expect(Math.abs(place.x - places[at - 1]!.x)).toBeLessThan(0.02);
    }
    for (const side of ["x", "y"] as const) {
      expect(Math.min(...places.map((place) => place[side]))).toBeLessThan(0.05);
      expect(Math.max(...places.map((place) => place[side]))).toBeGreaterThan(0.95);
    }
  });
});
