// What the hub says and takes about purposes. Every `*_us` is microseconds: a moment (UTC) or a length.

import { useQuery } from "@tanstack/react-query";
import { call, query } from "../api";
import { withStepUp } from "../passkey/passkey";
import { DAY, HOUR, MINUTE } from "../time";

export interface Terms {
  text: string;
  wording: string;
  kind: string;
  regime: string;
  basis: string;
  condition: string;
  actions: string[];
  roles: string[];
  longest_us: number;
  usual_reach_us: number;
  /** null: the case decides. */
  longest_reach_us: number | null;
  longest_span_us: number | null;
  most_cameras: number | null;
  needs_case: boolean;
  ends_with_shift: boolean;
  masked: boolean;
  for_new_cameras: boolean;
}

export interface Purpose extends Terms {
  code: string;
  state: "draft" | "in_force" | "withdrawn";
  in_force_us: number | null;
  withdrawn_us: number | null;
  version: number;
  changed_us: number;
  /** One of your roles may use it, and it is in force. */
  mine: boolean;
}

export interface Purposes {
  purposes: Purpose[];
  kinds: string[];
  regimes: Record<string, string>;
  actions: string[];
  /** False where the hub works by a table with purposes of its own. */
  asked: boolean;
}

export interface Change {
  id: string;
  version: number;
  at_us: number;
  by: string;
  reason: string;
  changes: Record<string, [unknown, unknown]>;
  audit_index: number;
}

export interface CameraList {
  camera: string;
  purposes: string[];
  changed_us: number;
  changed_by: string;
  reason: string;
}

export interface CameraLists {
  /** What cameras accept that nobody has decided about. */
  others: string[];
  cameras: CameraList[];
}

const at = (code: string) => `/api/purposes/${encodeURIComponent(code)}`;

export const purposes = {
  all: () => call<Purposes>("GET", "/api/purposes"),
  add: (code: string, terms: Terms, reason: string) =>
    withStepUp(() => call<Purpose>("POST", "/api/purposes", { code, terms, reason })),
  change: (purpose: Purpose, terms: Terms, reason: string) =>
    withStepUp(() => call<Purpose>("PUT", at(purpose.code), { version: purpose.version, terms, reason })),
  putInForce: (purpose: Purpose, reason: string) =>
    withStepUp(() => call<Purpose>("POST", `${at(purpose.code)}/in-force`, { version: purpose.version, reason })),
  withdraw: (purpose: Purpose, reason: string) =>
    withStepUp(() =>
      call<Purpose & { grants_ended: number }>("POST", `${at(purpose.code)}/withdraw`, { version: purpose.version, reason }),
    ),
  history: (code: string, before?: number) =>
    call<{ changes: Change[]; next: number | null }>("GET", `${at(code)}/history?${query({ before })}`),
  cameras: () => call<CameraLists>("GET", "/api/camera-purposes"),
  setCameras: (cameras: string[], codes: string[] | null, reason: string) =>
    withStepUp(() => call<CameraLists & { grants_ended: number }>("PUT", "/api/camera-purposes", { cameras, purposes: codes, reason })),
};

/** All purposes there are; `mine` tells those that one may ask under now. */
export function usePurposes() {
  return useQuery({ queryKey: ["purposes"], queryFn: purposes.all, staleTime: 30_000 });
}

export function useCameraPurposes() {
  return useQuery({ queryKey: ["camera-purposes"], queryFn: purposes.cameras, staleTime: 30_000 });
}

export function acceptedBy(lists: CameraLists, camera: string): string[] {
  return lists.cameras.find((each) => each.camera === camera)?.purposes ?? lists.others;
}

/** Roles that may do a thing; the hub has the last word. */
export const MAY = { decide: ["dpo"], history: ["dpo", "auditor", "supervisor", "manager"] };

export const STATE = { draft: "Draft", in_force: "In force", withdrawn: "Withdrawn" };

export const ACTION: Record<string, string> = {
  live: "Live pictures",
  playback: "Recordings",
  search: "Search in recordings",
  still: "Still pictures",
  export: "Export",
  ptz: "Move the camera",
  unmask: "See people unmasked",
  analyse: "Have footage looked at by machine",
};

export const KIND: Record<string, string> = {
  duty: "Duty shift",
  incident: "Incident or case",
  break_glass: "Threat to life (break-glass)",
  request: "Signed request of another agency",
  ticket: "Work on the system",
};

export const ROLES = [
  "operator",
  "investigator",
  "supervisor",
  "case_approver",
  "manager",
  "installer",
  "register_editor",
  "agency_liaison",
  "dpo",
  "auditor",
];

const ABBREVIATED: Record<string, string> = { dpo: "data protection officer" };

export function roleWords(role: string): string {
  return ABBREVIATED[role] ?? role.replace(/_/g, " ");
}

/** `8 hours`, `31 days`; whole units where they are whole. */
export function length(us: number): string {
  const pick = us >= 2 * DAY || us === DAY ? ([DAY, "day"] as const) : us >= HOUR ? ([HOUR, "hour"] as const) : ([MINUTE, "minute"] as const);
  const count = Math.round((us / pick[0]) * 10) / 10;
  return `${count} ${pick[1]}${count === 1 ? "" : "s"}`;
}

export const FIELD: Record<string, string> = {
  text: "Name",
  wording: "Wording",
  kind: "Kind",
  regime: "Regime",
  basis: "Lawful basis",
  condition: "Law it rests on",
  actions: "Opens",
  roles: "For",
  longest_us: "Lasts at most",
  usual_reach_us: "Usually reaches back",
  longest_reach_us: "Reaches back at most",
  longest_span_us: "Footage at once",
  most_cameras: "Cameras at once",
  needs_case: "Needs a case",
  ends_with_shift: "Ends with the shift",
  masked: "Masked",
  for_new_cameras: "On new cameras",
  in_force_us: "In force from",
  withdrawn_us: "Withdrawn",
  purposes: "Accepts",
};

/** What a purpose opens, as one sentence. */
export function actionWords(actions: string[]): string {
  if (actions.length === 0) return "No pictures";
  const words = actions.map((each) => ACTION[each] ?? each).join(", ").toLowerCase();
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

/** One value of a purpose, in words. */
export function valueWords(field: string, value: unknown): string {
  if (field === "in_force_us" || field === "withdrawn_us")
    return typeof value === "number" ? (value === 0 ? "as delivered" : new Date(value / 1000).toISOString().slice(0, 16).replace("T", " ") + " UTC") : "not";
  if (value === null || value === undefined)
    return field === "longest_reach_us" ? "as the case says" : field === "longest_span_us" || field === "most_cameras" ? "any" : "nothing";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) {
    const words = value.map((each) => (field === "actions" ? (ACTION[String(each)] ?? String(each)) : field === "roles" ? roleWords(String(each)) : String(each)));
    return words.length > 0 ? words.join(", ") : "nothing";
  }
  if (typeof value === "number" && field.endsWith("_us")) return length(value);
  if (field === "kind") return KIND[String(value)] ?? String(value);
  return String(value) || "nothing";
}

export function termsOf(purpose: Purpose): Terms {
  const { code: _code, state: _state, in_force_us: _from, withdrawn_us: _until, version: _version, changed_us: _changed, mine: _mine, ...terms } = purpose;
  return terms;
}
