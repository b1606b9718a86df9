import { describe, expect, it } from "vitest";
import { dueWords } from "./dpo";

const HOUR = 3_600_000_000;

describe("when something is due", () => {
  it("says how long is left, or how late it is", () => {
    expect(dueWords(10 * HOUR, 5 * HOUR)).toBe("due in 5 h");
    expect(dueWords(100 * HOUR, 0)).toBe("due in 4 days");
    expect(dueWords(0, 50 * HOUR)).toBe("2 days late");
    expect(dueWords(0, HOUR / 2)).toBe("under an hour late");
    expect(dueWords(null, 0)).toBe("");
  });
});
