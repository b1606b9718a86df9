// Analysis as the hub tells it: how it stands at each site, its order, models, and analyses for cases. Times are microseconds UTC.

import { call } from "../api";
import { withStepUp } from "../passkey/passkey";

export interface Order {
  dpia: string;
  reason: string;
  made_by: string;
  made_us: number;
  review_us: number;
  /** Footage before it is not opened. */
  from_us: number;
  ended_us: number | null;
  ended_by: string;
  ended_words: string;
  lapsed: boolean;
}

export interface SiteAnalysis {
  id: string;
  name: string;
  state: "off" | "no_model" | "starting" | "running" | "failed" | "away";
  text: string;
  model: string;
  provider: string;
  ms_a_picture: number;
  waiting_s: number;
  cameras: { camera: string; state: string; newest_us: number; waiting_s: number }[];
  order: Order | null;
  grant: { cameras: number; expires_us: number; told_us: number | null } | null;
}

export interface Card {
  name: string;
  text: string;
  source: string;
  licence: string;
  sha256: string;
  data: string;
  measured: string;
  failures: string[];
  not_measured: string[];
}

export interface Analysis {
  now_us: number;
  may_switch: boolean;
  may_ask: boolean;
  /** How much is missed, in words. */
  missed: string;
  sites: SiteAnalysis[];
  cards: Card[];
}

export interface Job {
  id: string;
  name: string;
  case: string;
  made_by: string;
  made_us: number;
  cameras: string[];
  from_us: number;
  to_us: number;
  state: "running" | "paused" | "ended" | "done" | "failed";
  over_us: number | null;
  mine: boolean;
  wanted_s: number;
  done_s: number;
  /** Seconds of work; -1: not known. */
  left_s: number;
  found: number;
  parts: { site: string; state: string; text: string }[];
}

export const ANALYSIS_READERS: readonly string[] = [
  "investigator", "supervisor", "operator", "manager", "dpo", "auditor", "administrator", "installer",
];

const at = (id: string) => encodeURIComponent(id);

export const analysis = {
  all: () => call<Analysis>("GET", "/api/analysis"),
  jobs: () => call<{ now_us: number; jobs: Job[] }>("GET", "/api/analysis/jobs"),
  switchOn: (site: string, order: { dpia: string; reason: string; review_us: number; reach_days: number }) =>
    withStepUp(() => call<Order>("PUT", `/api/analysis/sites/${at(site)}`, order)),
  switchOff: (site: string, reason: string) => call<Order>("POST", `/api/analysis/sites/${at(site)}/off`, { reason }),
  begin: (job: { grant: string; name: string; cameras: string[]; from_us: number; to_us: number }) =>
    call<Job>("POST", "/api/analysis/jobs", job),
  pause: (job: string) => call<Job>("POST", `/api/analysis/jobs/${at(job)}/pause`, {}),
  resume: (job: string, grant = "") => call<Job>("POST", `/api/analysis/jobs/${at(job)}/resume`, { grant }),
  end: (job: string) => call<Job>("POST", `/api/analysis/jobs/${at(job)}/end`, {}),
};

/** Seconds as people say them: 40 s, 12 min, 2.5 h. */
export function seconds(of: number): string {
  if (of < 60) return `${Math.round(of)} s`;
  if (of < 3600) return `${Math.round(of / 60)} min`;
  return `${(of / 3600).toFixed(of < 36_000 ? 1 : 0)} h`;
}

/** How far a job is, 0 to 100. */
export function share(job: Job): number {
  return job.wanted_s > 0 ? Math.min(100, Math.floor((100 * job.done_s) / job.wanted_s)) : job.state === "done" ? 100 : 0;
}

export const STATE_WORDS: Record<SiteAnalysis["state"], string> = {
  off: "Switched off at the site",
  no_model: "No model yet",
  starting: "Starting",
  running: "Looking",
  failed: "Failed",
  away: "Does not answer",
};

/** How an order stands, in words. */
export function orderWords(order: Order | null): string {
  if (order === null) return "Never ordered: only what passes live, and what somebody with access asks for";
  if (order.ended_us !== null) return `Ended by ${order.ended_by || "the hub"}: ${order.ended_words}`;
  if (order.lapsed) return "Its review is due: nothing older is opened until it is ordered anew";
  return `Ordered by ${order.made_by}, ${order.dpia}`;
}
