import { expect, test } from "vitest";
import type { Considered } from "../api";
import type { Purpose } from "../purposes/purposes";
import { HOUR, MINUTE } from "../time";
import { AROUND, aroundCase, askAddress, backOf, draftOf, EMPTY, endedWords, grantAsk, lengths, missing, needWords, requestAsk, type Draft } from "./ask";

const T = 1_800_000_000_000_000;
const incident = { place: "", lat: null, lon: null, from_us: T, to_us: T + MINUTE };
const spanOf = (camera: string, from_us: number, to_us: number) => ({ id: camera, camera, from_us, to_us, added_us: 0, added_by: "" });
const purpose = { code: "investigation", needs_case: true, kind: "incident", longest_us: 8 * HOUR, actions: ["playback", "export", "unmask"] } as unknown as Purpose;

test("a case suggests the cameras near and half an hour that touches what happened", () => {
  const footage = [spanOf("gate", T - HOUR, T + HOUR), spanOf("yard", T - HOUR, T + HOUR)];
  const found = aroundCase({ footage, near: ["gate", "elsewhere"], incident }, T + 5 * HOUR);
  expect(found.cameras).toEqual(["gate"]);
  expect(found.from_us!).toBeLessThan(T);
  expect(found.to_us!).toBeGreaterThan(T);
  expect(found.to_us! - found.from_us!).toBeLessThanOrEqual(AROUND);
});

test("what a case suggests lies in the case, for every camera of it, and not in the future", () => {
  for (const [a, b, c, d] of [[0, 60, 10, 50], [-5, 8, -20, 20], [-90, -30, -60, 0], [5, 10, 6, 90]] as const) {
    const footage = [spanOf("gate", T + a * MINUTE, T + b * MINUTE), spanOf("yard", T + c * MINUTE, T + d * MINUTE)];
    const found = aroundCase({ footage, near: [], incident }, T + 40 * MINUTE);
    for (const each of footage.filter((one) => found.cameras.includes(one.camera))) {
      expect(found.from_us!).toBeGreaterThanOrEqual(each.from_us);
      expect(found.to_us!).toBeLessThanOrEqual(each.to_us);
    }
    expect(found.to_us!).toBeGreaterThan(found.from_us!);
  }
  const apart = aroundCase({ footage: [spanOf("gate", T, T + 10), spanOf("yard", T + 20, T + 30)], near: [], incident }, T + HOUR);
  expect(apart.cameras).toEqual(["gate"]);
  expect(aroundCase({ footage: [], near: [], incident }, T).cameras).toEqual([]);
});

test("a link carries the whole ask, and leads back to a page of this site only", () => {
  const draft: Draft = { ...EMPTY, purpose: "investigation", case: "2026-1", cameras: ["gate", "yard"], from_us: T, to_us: T + HOUR, actions: ["playback"], lasts_us: 2 * HOUR, reason: "Who & why?" };
  const params = new URLSearchParams(askAddress(draft, "/review?cameras=gate").split("?")[1]);
  expect({ ...EMPTY, ...draftOf(params) }).toEqual(draft);
  expect(backOf(params)).toBe("/review?cameras=gate");
  for (const bad of ["//evil.example", "https://evil.example", "/\\evil", "javascript:1"]) expect(backOf(new URLSearchParams({ back: bad }))).toBe("");
});

test("live pictures are asked for without a span, and as a request from now on", () => {
  const draft: Draft = { ...EMPTY, purpose: "duty", cameras: ["gate"], actions: ["live"], from_us: 5, to_us: 6 };
  expect(grantAsk(draft).from_us).toBeUndefined();
  expect(requestAsk(draft, T)).toMatchObject({ from_us: T, to_us: T + HOUR });
  expect(requestAsk({ ...draft, actions: ["playback"] }, T)).toMatchObject({ from_us: 5, to_us: 6 });
});

test("an export names its recipient; nothing else sends one", () => {
  const draft: Draft = { ...EMPTY, purpose: "investigation", case: "1", cameras: ["gate"], actions: ["export"], from_us: 5, to_us: 6 };
  expect(missing(draft, purpose)).toHaveProperty("recipient");
  expect(missing({ ...draft, recipient: "Police" }, purpose)).toEqual({});
  expect(grantAsk({ ...draft, actions: ["playback"], recipient: "Police" }).recipient).toBeUndefined();
});

test("how long it may be open follows what is asked", () => {
  expect(Math.max(...lengths(purpose, ["playback"]))).toBe(8 * HOUR);
  expect(Math.max(...lengths(purpose, ["playback", "unmask"]))).toBe(2 * HOUR);
});

test("what it takes is said, and who ended what", () => {
  const considered: Considered = { outcome: "allow", rule: "", reason: "No.", advice: "", passkey: "none", approvers: [], masked: true };
  expect(needWords(considered, "")).toContain("Nobody else has to agree, and it opens at once. Pictures are masked.");
  expect(needWords({ ...considered, passkey: "bound" }, "")).toContain("passkey");
  expect(needWords({ ...considered, outcome: "approval" }, "Sam can decide now.")).toContain("Sam can decide now.");
  expect(needWords({ ...considered, outcome: "refuse" }, "")).toBe("No.");
  expect(endedWords({ by: "Sam", mine: false, reason: "It is over", renewed: false })).toBe("Sam ended it. “It is over”");
  expect(endedWords({ by: "", mine: false, reason: "", renewed: false })).toContain("session");
  expect(endedWords({ by: "Ann", mine: true, reason: "", renewed: true })).toBe("You renewed it.");
});
