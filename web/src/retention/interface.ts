// What the hub says and takes about retention. Every `*_us` is an integer of microseconds, UTC.

import { call } from "../api";

export interface RetentionClass {
  name: string;
  days: number;
  reference: string;
}

export interface PlanLine {
  camera: string;
  class_name: string;
  days: number;
  segments: number;
  bytes: number;
  oldest_us: number;
  newest_us: number;
  held_segments: number;
  held_bytes: number;
}

export interface Plan {
  night: number;
  at_us: number;
  lines: PlanLine[];
  segments: number;
  bytes: number;
  held_segments: number;
  held_bytes: number;
  forecast_bytes: number;
  exceeds: boolean;
  state: string;
}

export interface Hold {
  id: string;
  cameras: string[];
  from_us: number;
  to_us: number;
  owner: string;
  reason: string;
  reference: string;
  placed_us: number;
  expires_us: number;
  ended_us: number | null;
  ended_why: string;
  review_due: boolean;
  /** What its sites have of it, as they said last; null before any did. */
  segments: number | null;
  bytes: number | null;
  quarantined: number | null;
  /** The sites of its cameras; `here`: the site has taken it in. */
  sites: { site: string; here: boolean; segments: number | null; bytes: number | null; quarantined: number | null }[];
}

export interface DiskRoom {
  name: string;
  bytes_total: number;
  bytes_free: number;
  bytes_a_day: number;
  days: number | null;
  known: boolean;
  alarm: boolean;
}

/** How retention stands at one site, as it said at `heard_us`. */
export interface SiteRetention {
  site: string;
  name: string;
  own: boolean;
  state: "ok" | "behind" | "away";
  heard_us: number | null;
  default_days: number | null;
  clock_trusted: boolean;
  alarms: string[];
  tonight: Plan | null;
  stopped: Plan | null;
  quarantine: { night: number; segments: number; bytes: number; left_us: number; decided: string }[];
  disks: DiskRoom[];
}

/** A hold that sites go by and this hub does not know. `sites`: their names. */
export interface LostHold {
  id: string;
  sites: string[];
  cameras: string[];
  from_us: number;
  to_us: number;
  owner: string;
  reason: string;
  reference: string;
  placed_us: number;
  expires_us: number;
  segments: number;
  bytes: number;
}

export interface Retention {
  now_us: number;
  ceiling_days: number;
  classes: RetentionClass[];
  /** Camera: name of its class. */
  cameras: Record<string, string>;
  holds: Hold[];
  ended: Hold[];
  lost: LostHold[];
  sites: SiteRetention[];
}

export interface Certificate {
  id: string;
  site: string;
  site_name: string;
  made_us: number;
  cameras: number;
  segments: number;
  bytes: number;
  from_us: number;
  to_us: number;
  whys: string;
}

const hold = (id: string) => `/api/holds/${encodeURIComponent(id)}`;

export const retention = {
  get: () => call<Retention>("GET", "/api/retention"),
  putClasses: (classes: RetentionClass[], cameras: Record<string, string>, reason: string) =>
    call<Retention>("PUT", "/api/retention/classes", { classes, cameras, reason }),
  place: (ask: { cameras: string[]; from_us: number; to_us: number; expires_us: number; reason: string; reference: string }) =>
    call<Retention>("POST", "/api/holds", ask),
  extend: (id: string, expires_us: number, reason: string) => call<Retention>("POST", `${hold(id)}/extend`, { expires_us, reason }),
  end: (id: string, reason: string) => call<Retention>("POST", `${hold(id)}/end`, { reason }),
  found: (id: string, answer: "end" | "adopt", reason: string) => call<Retention>("POST", `${hold(id)}/found`, { answer, reason }),
  restore: (id: string, reason: string) => call<Retention>("POST", `${hold(id)}/restore`, { reason }),
  decide: (site: string, night: number, bytes: number, answer: "go" | "no", reason: string) =>
    call<Retention>("POST", "/api/retention/decision", { site, night, bytes, answer, reason }),
  certificates: () => call<{ certificates: Certificate[] }>("GET", "/api/certificates").then((answer) => answer.certificates),
  file: (id: string) => `/api/certificates/${encodeURIComponent(id)}`,
};

/** Roles that may do a thing; the hub has the last word. */
export const MAY = {
  see: ["auditor", "dpo", "investigator", "manager", "supervisor"],
  hold: ["supervisor", "manager", "dpo", "investigator"],
  end: ["supervisor", "dpo"],
  decide: ["supervisor", "dpo"],
  restore: ["dpo"],
};
