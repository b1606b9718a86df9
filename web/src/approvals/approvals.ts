// What the hub says and takes about requests, break-glass and the roster. Every `*_us` is microseconds: a moment (UTC) or a length.

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { call, query, type Grant } from "../api";
import { withStepUp } from "../passkey/passkey";

export type State = "waiting" | "approved" | "narrowed" | "refused" | "withdrawn" | "lapsed";

export interface Ask {
  purpose: string;
  case: string;
  cameras: string[];
  from_us: number;
  to_us: number;
  actions: string[];
  lasts_us: number;
  reason: string;
  recipient: string;
  renews: string;
}

export interface Exposure {
  low: number | null;
  high: number | null;
  text: string;
  method: string;
}

/** What of an ask an approver may take away from. */
export interface Extent {
  cameras: string[];
  from_us: number;
  to_us: number;
  actions: string[];
  lasts_us: number;
}

export interface Suggestion extends Extent {
  id: string;
  text: string;
  camera_hours: number;
  exposure: Exposure;
}

export interface Weighing {
  camera_hours: number;
  exposure: Exposure;
  cameras: { id: string; moved: "yes" | "no" | "unknown"; moved_s: number }[];
  suggestions: Suggestion[];
}

export interface Approver {
  id: string;
  name: string;
  team: string;
  on_call: boolean;
  here: boolean;
}

export interface AccessRequest {
  id: string;
  account: string;
  user_name: string;
  team: string;
  roles: string[];
  purpose_text: string;
  ask: Ask;
  in_case: string[];
  ask_sha256: string;
  state: State;
  asked_us: number;
  lapses_us: number;
  camera_hours: number;
  weighing: Weighing | null;
  approvers: Approver[];
  approvers_text: string;
  mine: boolean;
  may_decide: boolean;
  why_not: string;
  decided_us: number | null;
  decider: string;
  words: string;
  given: Ask | null;
  grant: string;
}

export interface RequestList {
  now_us: number;
  seq: number;
  requests: AccessRequest[];
  next: string;
}

export interface Glass {
  id: string;
  user_name: string;
  team: string;
  code_text: string;
  words: string;
  again: string;
  cameras: string[];
  from_us: number;
  to_us: number;
  grant: string;
  broken_us: number;
  ends_us: number;
  due_us: number;
  overdue: boolean;
  state: string;
  reviewer: string;
  reviewed_us: number | null;
  review: string;
  lifted: string;
  mine: boolean;
  may_review: boolean;
  why_not: string;
  may_lift: boolean;
}

export interface GlassList {
  now_us: number;
  codes: { code: string; text: string }[];
  may_break: boolean;
  why_not: string;
  needs_again: boolean;
  most_cameras: number;
  most_back_us: number;
  lasts_us: number;
  cases: Glass[];
}

export interface GlassAsk {
  code: string;
  words: string;
  cameras: string[];
  at_us: number;
  back_us: number;
  again: string;
}

export interface Turn {
  account: string;
  name: string;
  from_us: number;
  to_us: number;
}

export interface OnCall {
  turns: Turn[];
  people: { id: string; name: string }[];
}

export type Which = "mine" | "waiting" | "decided";

const at = (id: string) => `/api/requests/${encodeURIComponent(id)}`;
const glassAt = (id: string) => `/api/break-glass/${encodeURIComponent(id)}`;

export const approvals = {
  list: (which: Which, before?: string) => call<RequestList>("GET", `/api/requests?${query({ which, before: before || undefined })}`),
  ask: (ask: Omit<Ask, "renews"> & { renews?: string }) => call<AccessRequest>("POST", "/api/requests", ask),
  changes: (since: number, wait: number, signal: AbortSignal) =>
    call<{ seq: number; changed: boolean; requests: string[] }>(
      "GET",
      `/api/requests/changes?${query({ since, wait_s: wait })}`,
      undefined,
      signal,
      true,
    ),
  withdraw: (id: string) => call<AccessRequest>("POST", `${at(id)}/withdraw`),
  take: (id: string) => call<AccessRequest>("POST", `${at(id)}/take`),
  approve: (request: AccessRequest, less: Partial<Extent>, reason: string) =>
    withStepUp(() => call<AccessRequest>("POST", `${at(request.id)}/approve`, { ask_sha256: request.ask_sha256, reason, ...less })),
  refuse: (request: AccessRequest, reason: string) =>
    call<AccessRequest>("POST", `${at(request.id)}/refuse`, { ask_sha256: request.ask_sha256, reason }),
  approvers: () => call<{ approvers: Approver[]; text: string }>("GET", "/api/approvers"),
  onCall: () => call<OnCall>("GET", "/api/on-call"),
  setOnCall: (turns: Omit<Turn, "name">[]) => call<OnCall>("PUT", "/api/on-call", { turns }),
  glasses: () => call<GlassList>("GET", "/api/break-glass"),
  breakGlass: (ask: GlassAsk) => withStepUp(() => call<Glass>("POST", "/api/break-glass", ask)),
  review: (id: string, justified: boolean, words: string) => call<Glass>("POST", `${glassAt(id)}/review`, { justified, words }),
  lift: (id: string, words: string) => call<Glass>("POST", `${glassAt(id)}/lift`, { words }),
  grants: () => call<{ grants: Grant[] }>("GET", "/api/grants/all").then((answer) => answer.grants),
  revoke: (id: string, reason: string) => call<void>("POST", `/api/grants/${encodeURIComponent(id)}/revoke`, { reason }),
};

/** The hub has the last word; these decide what is shown. */
export const DECIDERS = ["supervisor", "case_approver", "manager", "dpo"];
export const READERS = [...DECIDERS, "auditor"];
export const REVOKERS = ["supervisor", "manager", "dpo"];
export const REVIEWERS = ["supervisor", "manager", "dpo"];
export const ROSTER = ["manager"];
export const BREAKERS = ["operator", "supervisor"];

export function useWaiting(enabled = true) {
  return useQuery({ queryKey: ["requests", "waiting"], queryFn: () => approvals.list("waiting"), enabled, retry: 1 });
}

export function useMine(enabled = true) {
  return useQuery({ queryKey: ["requests", "mine"], queryFn: () => approvals.list("mine"), enabled, retry: 1 });
}

export function useDecided() {
  return useInfiniteQuery({
    queryKey: ["requests", "decided"],
    queryFn: ({ pageParam }) => approvals.list("decided", pageParam),
    initialPageParam: "",
    getNextPageParam: (last) => last.next || undefined,
  });
}

export const useGlasses = (enabled = true) =>
  useQuery({ queryKey: ["glasses"], queryFn: approvals.glasses, enabled, retry: 1, refetchInterval: 30_000 });

export const STATE: Record<State, string> = {
  waiting: "Waiting",
  approved: "Approved",
  narrowed: "Approved, for less",
  refused: "Refused",
  withdrawn: "Withdrawn",
  lapsed: "Lapsed: nobody decided in time",
};

export function given(request: AccessRequest): boolean {
  return request.state === "approved" || request.state === "narrowed";
}

const SOON = 600_000_000;

/** Whether something of this request is still to come within moments: a decision, or the access that was approved. */
export function awaits(request: AccessRequest, nowUs: number): boolean {
  if (request.state === "waiting") return true;
  return given(request) && !request.grant && request.decided_us !== null && nowUs - request.decided_us < SOON;
}

/** What of `wanted` is less than what was asked: the fields to send, nothing where it is the same. */
export function lessThan(ask: Extent, wanted: Extent): Partial<Extent> {
  const less: Partial<Extent> = {};
  const same = (a: string[], b: string[]) => [...a].sort().join() === [...b].sort().join();
  if (!same(ask.cameras, wanted.cameras)) less.cameras = wanted.cameras;
  if (!same(ask.actions, wanted.actions)) less.actions = wanted.actions;
  if (ask.from_us !== wanted.from_us) less.from_us = wanted.from_us;
  if (ask.to_us !== wanted.to_us) less.to_us = wanted.to_us;
  if (ask.lasts_us !== wanted.lasts_us) less.lasts_us = wanted.lasts_us;
  return less;
}

/** Why `wanted` can't be given in place of `ask`; "" where it can. */
export function notWithin(ask: Extent, wanted: Extent): string {
  if (wanted.cameras.length === 0) return "Leave at least one camera.";
  if (wanted.actions.length === 0) return "Leave at least one thing that it allows.";
  if (wanted.from_us < ask.from_us || wanted.to_us > ask.to_us) return "Less than was asked can be given, not more: keep inside the time asked for.";
  if (wanted.to_us <= wanted.from_us) return "The end must be after the start.";
  if (wanted.lasts_us > ask.lasts_us) return "It can't stay open for longer than was asked.";
  return "";
}

export function cameraHours(ask: Extent): number {
  return (ask.cameras.length * (ask.to_us - ask.from_us)) / 3_600_000_000;
}

/** `1.5 camera-hours`, `20 camera-minutes`. */
export function hoursWords(hours: number): string {
  if (hours < 1) return `${Math.max(1, Math.round(hours * 60))} camera-minutes`;
  const shown = Math.round(hours * 10) / 10;
  return `${shown} camera-hour${shown === 1 ? "" : "s"}`;
}

/** Under which its news is shown. */
export const newsId = (request: AccessRequest): string => `request-${request.id}`;

/** What a request became, told to the person who asked; "" while there is nothing to tell. */
export function newsOf(before: State | undefined, request: AccessRequest): string {
  if (before === undefined || before === request.state || !request.mine) return "";
  const said = request.words ? ` “${request.words}”` : "";
  switch (request.state) {
    case "approved":
      return `${request.decider} approved your access.${said}`;
    case "narrowed":
      return `${request.decider} approved your access, for less than you asked.${said}`;
    case "refused":
      return `${request.decider} refused your request.${said}`;
    case "lapsed":
      return "Nobody decided on your request in time, so it lapsed. Ask again if you still need it.";
    default:
      return "";
  }
}
