// Asking for access: what stands in the form at first, what is sent, what a link carries. Pure.

import type { Considered, Grant, GrantAsk } from "../api";
import type { CaseDetail } from "../cases/cases";
import type { Purpose } from "../purposes/purposes";
import { HOUR, MINUTE } from "../time";

export interface Draft {
  purpose: string;
  case: string;
  cameras: string[];
  /** null: from the purpose, or for live pictures now. */
  from_us: number | null;
  to_us: number | null;
  actions: string[];
  lasts_us: number;
  reason: string;
  recipient: string;
  /** Id of one's access that this asks more time for. */
  renews: string;
}

export const EMPTY: Draft = { purpose: "", case: "", cameras: [], from_us: null, to_us: null, actions: [], lasts_us: HOUR, reason: "", recipient: "", renews: "" };

/** What lies around an incident's time and needs nobody else: half an hour in all. */
export const BEFORE = 10 * MINUTE;
export const AROUND = 30 * MINUTE;
const LENGTHS = [30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR];
const RECORDED = ["playback", "search", "export"];
/** Kinds of purposes under which a person asks on this form. Break-glass has its own. */
const KINDS = ["duty", "incident"];

export const usable = (purposes: Purpose[]): Purpose[] => purposes.filter((each) => each.mine && KINDS.includes(each.kind));

/** Whether recordings are asked for, so that the time matters. */
export const recorded = (actions: string[]): boolean => actions.some((each) => RECORDED.includes(each));

export function lengths(purpose: Purpose | undefined, actions: string[]): number[] {
  // Unmasked pictures and live ones for an incident are open for two hours at most.
  const short = purpose?.kind === "incident" && actions.some((each) => ["unmask", "live", "ptz"].includes(each));
  const most = Math.min(purpose?.longest_us ?? 8 * HOUR, actions.includes("search") ? HOUR : short ? 2 * HOUR : 8 * HOUR);
  const fit = LENGTHS.filter((each) => each <= most);
  return fit.length > 0 ? fit : [most];
}

/** What can be asked for under a purpose, in the order that people think of it. */
export function actionsOf(purpose: Purpose | undefined): string[] {
  const order = ["playback", "live", "ptz", "still", "export", "search", "unmask", "analyse"];
  return order.filter((each) => purpose?.actions.includes(each));
}

export function firstActions(purpose: Purpose | undefined): string[] {
  const can = actionsOf(purpose);
  const first = purpose?.kind === "duty" ? "live" : "playback";
  return can.includes(first) ? [first] : can.slice(0, 1);
}

/** The cameras and the time that a case suggests: those near the place, from ten minutes before it began, half an hour in all. */
export function aroundCase(found: Pick<CaseDetail, "footage" | "near" | "incident">, nowUs: number): Pick<Draft, "cameras" | "from_us" | "to_us"> {
  const inCase = [...new Set(found.footage.map((each) => each.camera))];
  const near = found.near.filter((each) => inCase.includes(each));
  const cameras = near.length > 0 ? near : inCase;
  const spans = found.footage.filter((each) => cameras.includes(each.camera));
  if (spans.length === 0) return { cameras, from_us: null, to_us: null };
  const start = Math.max(...spans.map((each) => each.from_us));
  const end = Math.min(Math.min(...spans.map((each) => each.to_us)), Math.max(nowUs, start + MINUTE));
  if (end <= start) return { cameras: [spans[0]!.camera], from_us: spans[0]!.from_us, to_us: spans[0]!.to_us };
  const happened = found.incident.from_us;
  if (happened === null || happened < start || happened >= end) return { cameras, from_us: start, to_us: Math.min(end, start + AROUND) };
  const from = Math.max(start, happened - BEFORE);
  return { cameras, from_us: from, to_us: Math.min(end, from + AROUND) };
}

/** What POST /api/grants takes. */
export function grantAsk(draft: Draft): GrantAsk {
  const timed = recorded(draft.actions);
  return {
    purpose: draft.purpose,
    case: draft.case || undefined,
    cameras: draft.cameras,
    actions: draft.actions,
    from_us: timed ? (draft.from_us ?? undefined) : undefined,
    to_us: timed ? (draft.to_us ?? undefined) : undefined,
    reason: draft.reason.trim() || undefined,
    recipient: draft.actions.includes("export") ? draft.recipient.trim() || undefined : undefined,
    lasts_us: draft.lasts_us,
  };
}

/** What POST /api/requests takes: live pictures run from now for as long as the access lasts. */
export function requestAsk(draft: Draft, nowUs: number) {
  const live = !recorded(draft.actions);
  return {
    purpose: draft.purpose,
    case: draft.case,
    cameras: draft.cameras,
    from_us: live || draft.from_us === null ? nowUs : draft.from_us,
    to_us: live || draft.to_us === null ? nowUs + draft.lasts_us : draft.to_us,
    actions: draft.actions,
    lasts_us: draft.lasts_us,
    reason: draft.reason.trim(),
    recipient: draft.actions.includes("export") ? draft.recipient.trim() : "",
    renews: draft.renews,
  };
}

/** What is missing before it can be asked, by field. */
export function missing(draft: Draft, purpose: Purpose | undefined): Partial<Record<keyof Draft, string>> {
  const found: Partial<Record<keyof Draft, string>> = {};
  if (!purpose) found.purpose = "Say what it is for";
  if (purpose?.needs_case && !draft.case) found.case = "Choose the case this is for";
  if (draft.cameras.length === 0) found.cameras = "Choose at least one camera";
  if (draft.actions.length === 0) found.actions = "Say what you want to do";
  if (recorded(draft.actions)) {
    if (draft.from_us === null) found.from_us = "This time can’t be read";
    if (draft.to_us === null) found.to_us = "This time can’t be read";
    else if (draft.from_us !== null && draft.to_us <= draft.from_us) found.to_us = "Must be after the start";
  }
  if (draft.actions.includes("export") && !draft.recipient.trim()) found.recipient = "Say who gets it";
  return found;
}

/** What asking takes, in a sentence; `words` says who could decide now. */
export function needWords(found: Considered, words: string): string {
  if (found.outcome === "refuse") return found.reason;
  if (found.outcome === "approval") return `A colleague of another team has to agree. ${words}`.trim();
  const key = found.passkey === "none" ? "Nobody else has to agree, and it opens at once." : "Nobody else has to agree. You confirm it with your passkey.";
  return found.masked === null ? key : `${key} Pictures are ${found.masked ? "masked" : "not masked"}.`;
}

export function buttonWords(found: Considered | undefined): string {
  if (found?.outcome === "approval") return "Send the request";
  return found?.outcome === "allow" && found.passkey !== "none" ? "Open with a passkey" : "Open";
}

const FIELDS = ["purpose", "case", "reason", "recipient", "renews"] as const;

/** The page that asks, with everything filled in: a link. */
export function askAddress(draft: Partial<Draft>, back = ""): string {
  const words = new URLSearchParams();
  for (const field of FIELDS) if (draft[field]) words.set(field, draft[field]);
  if (draft.cameras?.length) words.set("cameras", draft.cameras.join(","));
  if (draft.actions?.length) words.set("actions", draft.actions.join(","));
  if (draft.from_us != null) words.set("from", String(Math.floor(draft.from_us)));
  if (draft.to_us != null) words.set("to", String(Math.ceil(draft.to_us)));
  if (draft.lasts_us) words.set("lasts", String(draft.lasts_us));
  if (back) words.set("back", back);
  const text = words.toString();
  return text ? `/access/ask?${text}` : "/access/ask";
}

export function draftOf(params: URLSearchParams): Partial<Draft> {
  const found: Partial<Draft> = {};
  for (const field of FIELDS) {
    const value = params.get(field);
    if (value) found[field] = value;
  }
  for (const field of ["cameras", "actions"] as const) {
    const value = params.get(field);
    if (value) found[field] = value.split(",").filter(Boolean);
  }
  for (const [field, name] of [["from_us", "from"], ["to_us", "to"], ["lasts_us", "lasts"]] as const) {
    const value = Number(params.get(name));
    if (Number.isSafeInteger(value) && value > 0) found[field] = value;
  }
  return found;
}

/** Where to go once it is open: a page of this site only. */
export function backOf(params: URLSearchParams): string {
  const back = params.get("back") ?? "";
  return /^\/(?!\/)[\w\-/?=&%.,]*$/.test(back) ? back : "";
}

/** Asks the same as a grant that one holds, with `more` in it. */
export function askLike(grant: Grant, more: Partial<Draft> = {}): Partial<Draft> {
  return {
    purpose: grant.purpose,
    case: grant.case,
    cameras: grant.cameras,
    from_us: recorded(grant.actions) ? grant.from_us : null,
    to_us: recorded(grant.actions) ? Math.min(grant.to_us, grant.issued_us) : null,
    actions: grant.actions,
    ...more,
  };
}

/** Asks to export what is marked, under the same case, beside what one sees already. */
export function askToExport(grant: Grant, cameras: string[], from_us: number | null, to_us: number | null): Partial<Draft> {
  const actions = ["playback", ...(grant.masked ? [] : ["unmask"]), "export"];
  return { purpose: grant.purpose, case: grant.case, cameras, from_us, to_us, actions };
}

/** Why an access is over, in plain words. */
export function endedWords(ended: { by: string; mine: boolean; reason: string; renewed: boolean }): string {
  const why = ended.reason ? ` “${ended.reason}”` : "";
  if (ended.renewed) return "You renewed it.";
  if (ended.mine) return `You ended it.${why}`;
  return ended.by ? `${ended.by} ended it.${why}` : "It ended with your session, or because your account was changed.";
}
