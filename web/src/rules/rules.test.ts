import { describe, expect, it } from "vitest";
import { aboutPeople, aDay, emptyWatch, falseRate, hoursInWords, missing, shadowDays, watchInWords, type Rule, type RuleWords } from "./rules";

const words = (kind: Parameters<typeof emptyWatch>[0], more: Partial<RuleWords> = {}): RuleWords => ({
  camera: "gate",
  base: 0,
  name: "At the gate",
  on: true,
  reason: "Cars come in here",
  watch: emptyWatch(kind),
  ...more,
});
const NOW = 1_000_000_000_000;

describe("what is missing before a rule can be saved", () => {
  it("asks for a shape where one is needed", () => {
    expect(missing(words("line"), NOW)).toContain("two points");
    expect(missing(words("court"), NOW)).toContain("court");
    expect(missing(words("zone"), NOW)).toBe("");
    expect(missing(words("tamper"), NOW)).toBe("");
  });
  it("asks for a reason and a day of review where people stay", () => {
    expect(aboutPeople(emptyWatch("dwell"))).toBe(true);
    expect(aboutPeople({ ...emptyWatch("dwell"), objects: [4] })).toBe(false);
    expect(missing(words("dwell"), NOW)).toContain("whole sentences");
    const reasoned = words("dwell", { reason: "Cycles were taken from this shed on nine nights since May." });
    expect(missing(reasoned, NOW)).toContain("bias");
    expect(missing({ ...reasoned, watch: { ...reasoned.watch, review_us: NOW + 1 } }, NOW)).toBe("");
  });
});

describe("words", () => {
  const rule = { state: "shadow", shadow: 21, raised: 0, days: 7, false_rate: null, judged_true: 0, judged_false: 0 } as Rule;
  it("say what a rule would have raised, and then what it raises", () => {
    expect(aDay(rule)).toBe("would have raised 3 a day");
    expect(aDay({ ...rule, state: "on", raised: 84, days: 7 })).toBe("12 a day");
    expect(shadowDays({ ...rule, shadow_until_us: NOW + 86_400_000_001 }, NOW)).toBe(2);
  });
  it("say how often it was wrong", () => {
    expect(falseRate(rule)).toBe("none judged yet");
    expect(falseRate({ ...rule, false_rate: 0.25, judged_true: 3, judged_false: 1 })).toBe("25 % of 4 judged were wrong");
  });
  it("say what and when", () => {
    expect(watchInWords(emptyWatch("crowd"))).toBe("5 or more (person) for 30 s");
    expect(hoursInWords([])).toBe("always");
    expect(hoursInWords([{ days: [0, 1, 2, 3, 4, 5, 6], from_minute: 1320, to_minute: 360 }])).toBe("every day 22:00 to 06:00");
  });
});
