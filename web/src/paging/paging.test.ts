import { describe, expect, it } from "vitest";
import { fromClock, hoursInWords, sentInWords, toClock, type Sent } from "./paging";

describe("hours", () => {
  it("are told in words", () => {
    expect(hoursInWords({ days: [0, 1, 2, 3, 4, 5, 6], from_minute: 0, to_minute: 0 })).toBe("every day");
    expect(hoursInWords({ days: [4, 0, 1, 2, 3], from_minute: 1080, to_minute: 480 })).toBe("Mon to Fri, 18:00 to 08:00");
    expect(hoursInWords({ days: [5, 6], from_minute: 0, to_minute: 0 })).toBe("Sat, Sun");
    expect(hoursInWords({ days: [], from_minute: 0, to_minute: 0 })).toBe("never");
  });
  it("go into a field and come back", () => {
    for (const minute of [0, 61, 1439]) expect(fromClock(toClock(minute))).toBe(minute);
    expect(fromClock("")).toBeNull();
  });
});

describe("messages", () => {
  const sent: Sent = { what: "call", name: "Ann", channel: "email", state: "sent", round: 0, step: 0, tries: 1, made_us: 1, done_us: 2, fault: "" };
  it("say how that went", () => {
    expect(sentInWords(sent)).toBe("Ann called by e-mail");
    expect(sentInWords({ ...sent, channel: "sms", state: "failed", fault: "It answered 500." })).toBe("Ann called by SMS: could not be sent. It answered 500.");
  });
});
