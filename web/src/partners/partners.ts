// What the hub says and takes about partners: other controllers' hubs. Every `*_us` is microseconds: a moment (UTC).

import { useQuery } from "@tanstack/react-query";
import { call } from "../api";
import { withStepUp } from "../passkey/passkey";

export interface Policy {
  answers: boolean;
  reasons: string[];
  bases: string[];
  /** Null: all. */
  cameras: string[] | null;
  longest_minutes: number;
  widest_m: number;
  questions_a_day: number;
  hold_days: number;
  tells_count: boolean;
}

export interface Partner {
  id: string;
  controller: string;
  contact: string;
  address: string;
  fingerprint: string;
  public_tls: boolean;
  added_us: number;
  added_by: string;
  confirmed_by: string;
  policy: Policy;
  revoked_us: number | null;
  reason: string;
  heard_us: number | null;
  fault: string;
  waiting: number;
}

export interface Partners {
  now_us: number;
  on: boolean;
  own: { hub: string; controller: string; contact: string; address: string; fingerprint: string; document: string } | null;
  partners: Partner[];
  reasons: string[];
  bases: string[];
  cameras: string[];
}

export type Place = { shape: "circle"; lat: number; lon: number; radius_m: number } | { shape: "polygon"; points: [number, number][] };

export interface Question {
  id: string;
  partner: string;
  controller: string;
  outgoing: boolean;
  place: Place;
  from_us: number;
  to_us: number;
  reason: string;
  basis: string;
  reference: string;
  asker: string;
  asked_us: number;
  state: "waiting" | "unknown" | "yes" | "no" | "refused";
  code: string;
  told: string;
  answered_us: number | null;
  hold: string;
  until_us: number | null;
  cameras: number | null;
  delivery: string;
}

export interface FormalRequest {
  id: string;
  partner: string;
  controller: string;
  outgoing: boolean;
  question: string;
  number: string;
  wanted: string;
  necessity: string;
  reason: string;
  basis: string;
  reference: string;
  officer: string;
  asker: string;
  made_us: number;
  state: "sent" | "received" | "refused" | "decided" | "ready" | "delivered";
  told: string;
  changed_us: number;
  package_bytes: number | null;
  package_have: number | null;
  package_sha256: string;
  package_fault: string;
}

export interface Asked {
  now_us: number;
  on: boolean;
  partners: { id: string; controller: string }[];
  reasons: string[];
  bases: string[];
  questions: Question[];
  requests: FormalRequest[];
}

export interface Letter {
  id: string;
  outgoing: boolean;
  what: string;
  sha256: string;
  made_us: number;
  state: string;
  tries: number;
  fault: string;
  done_us: number | null;
}

export const MAY = {
  look: ["dpo", "administrator", "manager", "auditor", "supervisor"] as readonly string[],
  add: ["dpo", "administrator"] as readonly string[],
  switch: ["dpo"] as readonly string[],
  revoke: ["dpo", "administrator", "manager"] as readonly string[],
  letters: ["dpo", "auditor"] as readonly string[],
  ask: ["investigator", "supervisor"] as readonly string[],
  asked: ["investigator", "supervisor", "case_approver", "dpo", "auditor"] as readonly string[],
  heard: ["case_approver", "dpo", "auditor"] as readonly string[],
  decide: ["case_approver"] as readonly string[],
};
export const PARTNER_PAGE = [...new Set([...MAY.look, ...MAY.asked])] as readonly string[];

const REASON: Record<string, string> = {
  crime: "A crime",
  missing_person: "A missing person",
  road_collision: "A road collision",
  public_safety: "Public safety",
  legal_claim: "A legal claim",
};
const BASIS: Record<string, string> = {
  dpa2018_part3: "Law enforcement (DPA 2018 part 3)",
  dpa2018_schedule2_2: "Crime exemption (DPA 2018 schedule 2, 2)",
  ukgdpr_6_1_d: "Vital interests (UK GDPR 6(1)(d))",
  ukgdpr_6_1_e: "Public task (UK GDPR 6(1)(e))",
  dpa2018_schedule2_5: "Legal claims (DPA 2018 schedule 2, 5)",
};
export const reasonWords = (code: string): string => REASON[code] ?? code.replaceAll("_", " ");
export const basisWords = (code: string): string => BASIS[code] ?? code.replaceAll("_", " ");

export const ANSWER: Record<Question["state"], string> = {
  waiting: "Not answered yet",
  unknown: "Unknown yet",
  yes: "Yes, it is held",
  no: "No",
  refused: "Not answered",
};
export const REQUEST: Record<FormalRequest["state"], string> = {
  sent: "On its way",
  received: "Received",
  refused: "Refused",
  decided: "Agreed",
  ready: "Package ready",
  delivered: "Package delivered",
};

/** `51.5012, -0.1419`: latitude and longitude in what a person typed or pasted, or null. */
export function coordinates(text: string): { lat: number; lon: number } | null {
  const found = /^\s*(-?\d{1,2}(?:\.\d+)?)\s*[,; ]\s*(-?\d{1,3}(?:\.\d+)?)\s*$/.exec(text);
  if (!found) return null;
  const [lat, lon] = [Number(found[1]), Number(found[2])];
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? { lat, lon } : null;
}

export function placeWords(place: Place): string {
  if (place.shape === "polygon") return `An area of ${place.points.length} corners`;
  return `${Math.round(place.radius_m)} m round ${place.lat.toFixed(5)}, ${place.lon.toFixed(5)}`;
}

/** A ring of [longitude, latitude] about `radius_m` round a point, closed. */
export function circleRing(lat: number, lon: number, radius_m: number): [number, number][] {
  const north = 111_195;
  const east = north * Math.cos((lat * Math.PI) / 180);
  return Array.from({ length: 49 }, (_, step): [number, number] => {
    const angle = (step / 48) * 2 * Math.PI;
    return [lon + (Math.sin(angle) * radius_m) / east, lat + (Math.cos(angle) * radius_m) / north];
  });
}

const at = (partner: string) => `/api/partners/${encodeURIComponent(partner)}`;

export const partners = {
  all: () => call<Partners>("GET", "/api/partners"),
  add: (document: string, fingerprint: string, reason: string) => withStepUp(() => call<unknown>("POST", "/api/partners", { document, fingerprint, reason })),
  policy: (partner: string, policy: Policy, reason: string) => withStepUp(() => call<unknown>("PUT", `${at(partner)}/policy`, { policy, reason })),
  revoke: (partner: string, reason: string) => call<unknown>("POST", `${at(partner)}/revoke`, { reason }),
  tryNow: (partner: string) => call<void>("POST", `${at(partner)}/try`),
  letters: (partner: string) => call<{ letters: Letter[] }>("GET", `${at(partner)}/letters`),
  asked: () => call<Asked>("GET", "/api/partner-questions"),
  ask: (question: { partner: string; place: Place; from_us: number; to_us: number; reason: string; basis: string; reference: string }) =>
    call<Asked>("POST", "/api/partner-questions", question),
  request: (request: { partner: string; question: string; wanted: string; necessity: string; reason: string; basis: string; reference: string; officer: string }) =>
    call<Asked>("POST", "/api/partner-requests", request),
  decide: (request: FormalRequest, approve: boolean, reason: string) =>
    call<Asked>("POST", `/api/partner-requests/${encodeURIComponent(request.partner)}/${encodeURIComponent(request.id)}/decision`, { approve, reason }),
};

const EVERY_MS = 5_000;

export function usePartners(enabled: boolean) {
  return useQuery({ queryKey: ["partners"], queryFn: partners.all, refetchInterval: 15_000, enabled });
}

export function useAsked(enabled: boolean) {
  return useQuery({ queryKey: ["partner-questions"], queryFn: partners.asked, refetchInterval: EVERY_MS, enabled });
}
