import { describe, expect, it } from "vitest";
import { hour, idOf, limitWords, minuteOf } from "./sites";

describe("sites", () => {
  it("makes an id of a name", () => expect(idOf("  Rowan Court, North ")).toBe("rowan-court-north"));
  it("reads and writes hours", () => {
    expect(["22:00", "6:05", "0000", "24:00", "12:60", "noon", ""].map(minuteOf)).toEqual([1320, 365, 0, null, null, null, null]);
    expect([0, 365, 1320].map(hour)).toEqual(["00:00", "06:05", "22:00"]);
  });
  it("words limits as the hub does", () => {
    expect(limitWords({ kbit: 2000, night_kbit: 0, night: [1320, 360] })).toEqual({
      Limit: "2,000 kbit/s",
      "Other hours": "22:00 to 06:00 UTC: no limit",
    });
    expect(limitWords({ kbit: 0, night_kbit: 0, night: null })).toEqual({ Limit: "no limit", "Other hours": "none" });
  });
});
