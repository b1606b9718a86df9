// What the hub says and takes about cases. Every `*_us` is an integer of microseconds, UTC.

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { call, query } from "../api";

export interface Incident {
  place: string;
  lat: number | null;
  lon: number | null;
  from_us: number | null;
  to_us: number | null;
}

export interface Case {
  id: string;
  reference: string;
  kind: string;
  kind_text: string;
  regime: string;
  title: string;
  owner: string;
  state: "open" | "closed";
  opened_us: number;
  closed_us: number | null;
  closed_by: string;
  closed_why: string;
  review_us: number;
  review_due: boolean;
  incident: Incident;
}

export interface Member {
  name: string;
  display: string;
  part: "lead" | "works" | "advises";
  joined_us: number;
}

export interface Span {
  camera: string;
  from_us: number;
  to_us: number;
}

export interface Footage extends Span {
  id: string;
  added_us: number;
  added_by: string;
}

export interface CaseDetail extends Case {
  people: Member[];
  footage: Footage[];
  /** Cameras at the incident's place; empty while place or time is unknown. */
  near: string[];
  may_work: boolean;
  may_close: boolean;
  may_reopen: boolean;
  /** Accesses that this very act ended. */
  grants_ended: number;
}

export interface CaseGrant {
  id: string;
  by: string;
  purpose: string;
  purpose_text: string;
  issued_us: number;
  expires_us: number;
  ended_us: number | null;
}

export interface CaseAct {
  id: string;
  at_us: number;
  by: string;
  kind: string;
  facts: Record<string, unknown>;
  reason: string;
  audit_index: number;
}

export interface CaseAsk {
  state?: string;
  kind?: string;
  mine?: string;
  find?: string;
}

export interface NewCase {
  reference: string;
  kind: string;
  regime: string;
  title: string;
  incident: Incident;
  footage: Span[];
  reason: string;
}

export interface CasePage {
  now_us: number;
  cases: Case[];
  next: string | null;
  kinds: Record<string, string>;
  may_open: boolean;
}

const at = (id: string) => `/api/cases/${encodeURIComponent(id)}`;

export const cases = {
  list: (ask: CaseAsk, after?: string) => call<CasePage>("GET", `/api/cases?${query({ ...ask, after })}`),
  open: (body: NewCase) => call<CaseDetail>("POST", "/api/cases", body),
  get: (id: string) => call<CaseDetail>("GET", at(id)),
  change: (id: string, body: { kind: string; regime: string; title: string; review_us: number; reason: string }) =>
    call<CaseDetail>("PUT", at(id), body),
  incident: (id: string, incident: Incident, reason: string) => call<CaseDetail>("PUT", `${at(id)}/incident`, { incident, reason }),
  give: (id: string, name: string, reason: string) => call<CaseDetail>("PUT", `${at(id)}/owner`, { name, reason }),
  putPerson: (id: string, name: string, part: string, reason: string) => call<CaseDetail>("POST", `${at(id)}/people`, { name, part, reason }),
  removePerson: (id: string, name: string, reason: string) =>
    call<CaseDetail>("POST", `${at(id)}/people/${encodeURIComponent(name)}/remove`, { reason }),
  addFootage: (id: string, footage: Span[], reason: string) => call<CaseDetail>("POST", `${at(id)}/footage`, { footage, reason }),
  removeFootage: (id: string, footage: string, reason: string) =>
    call<CaseDetail>("POST", `${at(id)}/footage/${encodeURIComponent(footage)}/remove`, { reason }),
  close: (id: string, reason: string) => call<CaseDetail>("POST", `${at(id)}/close`, { reason }),
  reopen: (id: string, reason: string) => call<CaseDetail>("POST", `${at(id)}/reopen`, { reason }),
  grants: (id: string) => call<{ grants: CaseGrant[] }>("GET", `${at(id)}/grants`).then((answer) => answer.grants),
  history: (id: string, before?: number) => call<{ acts: CaseAct[]; next: number | null }>("GET", `${at(id)}/history?${query({ before })}`),
  colleagues: () => call<{ people: { name: string; display: string; roles: string[] }[] }>("GET", "/api/cases/colleagues").then((answer) => answer.people),
};

/** Cases that one may see, the one opened last first. */
export function useCases(ask: CaseAsk = {}) {
  return useInfiniteQuery({
    queryKey: ["cases", ask],
    queryFn: ({ pageParam }) => cases.list(ask, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
  });
}

export function useCase(id: string) {
  return useQuery({ queryKey: ["case", id], queryFn: () => cases.get(id), enabled: id !== "" });
}

export const PART = { lead: "leads it", works: "works on it", advises: "advises, without access" };

export const REGIME: Record<string, string> = {
  uk_gdpr: "UK GDPR and DPA 2018 Part 2",
  part_3: "DPA 2018 Part 3 (law enforcement)",
};

export const ACT: Record<string, string> = {
  "case.opened": "Opened",
  "case.changed": "Changed",
  "case.incident": "Place and time of the incident",
  "case.owner": "Given to another lead",
  "case.person_added": "Person added",
  "case.person_removed": "Person left",
  "case.footage_added": "Footage added",
  "case.footage_removed": "Footage taken out",
  "case.closed": "Closed",
  "case.reopened": "Opened again",
};
