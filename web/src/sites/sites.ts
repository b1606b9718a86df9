// What the hub says and takes about sites. Every `*_us` is microseconds: a moment (UTC) or a length.

import { useQuery } from "@tanstack/react-query";
import { call } from "../api";
import { withStepUp } from "../passkey/passkey";

/** What a site may send to the hub, in kbit/s; 0: as much as the line carries. `night`: minutes of the UTC day. */
export interface Limits {
  kbit: number;
  night_kbit: number;
  night: [number, number] | null;
}

export interface Line {
  /** What holds there, as the site said at `heard_us`; null before it was heard. */
  now: Limits | null;
  /** What the box's own settings say. */
  own: Limits | null;
  heard_us: number | null;
  /** Of the configuration that the site goes by; 0: its own settings. */
  version: number | null;
  /** The newest that was ordered; 0: none. */
  ordered: number;
  fault: string;
}

export interface Configuration {
  line: Line;
  /** What was ordered last; null: as the box's own settings say. */
  ordered: Limits | null;
  versions: {
    version: number;
    issued_us: number;
    by: string;
    reason: string;
    changes: { what: string; before: string; after: string }[];
    taken_us: number | null;
  }[];
}

export interface Site {
  id: string;
  name: string;
  /** The one on the hub's own machine. */
  own: boolean;
  state: "here" | "connected" | "away" | "shut_out";
  cameras: number;
  software: string;
  address: string;
  since_us: number | null;
  heard_us: number | null;
  /** The site's clock minus the hub's. */
  clock_error_us: number | null;
  /** From the site to here and back. */
  round_trip_us: number | null;
  /** Records that wait there. */
  waiting: number | null;
  /** Age of the oldest of them. */
  lag_us: number | null;
  /** Until none waits; null: can't be told. */
  caught_up_in_us: number | null;
  falling_behind: boolean;
  /** Records that were dropped before they came. */
  missing: number;
  certificate_until_us: number | null;
  /** Null for the hub's own machine. */
  line: Line | null;
  /** Cameras whose id belongs to another site here. */
  clashes: string[];
}

export interface Sites {
  now_us: number;
  /** False where the hub lets no site call. */
  listening: boolean;
  sites: Site[];
}

export interface Enrolment {
  id: string;
  site: string;
  name: string;
  state: "open" | "lapsed" | "waiting" | "in" | "refused";
  made_by: string;
  /** You made its token: somebody else has to confirm it. */
  mine: boolean;
  made_us: number;
  expires_us: number;
  asked_us: number | null;
  fingerprint: string;
  address: string;
  machine: string;
  software: string;
  decided_by: string;
  decided_us: number | null;
  reason: string;
}

export const MAY = {
  look: ["administrator", "manager", "installer", "dpo", "supervisor"] as readonly string[],
  decide: ["administrator", "manager"] as readonly string[],
};

const at = (site: string) => `/api/sites/${encodeURIComponent(site)}`;

export const sites = {
  all: () => call<Sites>("GET", "/api/sites"),
  enrolments: () => call<{ enrolments: Enrolment[] }>("GET", "/api/sites/enrolments"),
  token: (site: string, name: string) =>
    withStepUp(() => call<{ token: string; enrolment: Enrolment }>("POST", "/api/sites/tokens", { site, name })),
  letIn: (enrolment: Enrolment, fingerprint: string) =>
    withStepUp(() => call<Enrolment>("POST", `/api/sites/enrolments/${enrolment.id}/decision`, { let_in: true, fingerprint })),
  refuse: (enrolment: Enrolment, reason: string) =>
    withStepUp(() => call<Enrolment>("POST", `/api/sites/enrolments/${enrolment.id}/decision`, { let_in: false, reason })),
  configuration: (site: string) => call<Configuration>("GET", `${at(site)}/configuration`),
  configure: (site: string, line: Limits | null, reason: string) =>
    withStepUp(() => call<Configuration>("PUT", `${at(site)}/configuration`, { line, reason })),
  shutOut: (site: Site, reason: string) =>
    withStepUp(() => call<{ certificates: number }>("POST", `${at(site.id)}/revocation`, { reason })),
};

const EVERY_MS = 5_000;

export function useSites() {
  return useQuery({ queryKey: ["sites"], queryFn: sites.all, refetchInterval: EVERY_MS });
}

export function useEnrolments() {
  return useQuery({ queryKey: ["enrolments"], queryFn: sites.enrolments, refetchInterval: EVERY_MS });
}

export const STATE: Record<Site["state"], string> = {
  here: "On this machine",
  connected: "Connected",
  away: "Away",
  shut_out: "Shut out",
};

/** A site's id out of its name, as the hub takes it. */
export function idOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 48);
}

/** 22:00, of a minute of the day. */
export function hour(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
}

/** The minute of the day of 22:00; null for what is no time. */
export function minuteOf(text: string): number | null {
  const found = /^(\d{1,2}):?(\d{2})$/.exec(text.trim());
  const minute = found ? Number(found[1]) * 60 + Number(found[2]) : -1;
  return found && Number(found[1]) < 24 && Number(found[2]) < 60 ? minute : null;
}

export function rate(kbit: number): string {
  return kbit === 0 ? "no limit" : `${kbit.toLocaleString("en-GB")} kbit/s`;
}

/** Limits in words, as the hub words them. */
export function limitWords(limits: Limits | null): { Limit: string; "Other hours": string } {
  if (limits === null) return { Limit: "as the box's own settings say", "Other hours": "as the box's own settings say" };
  const night = limits.night;
  return {
    Limit: rate(limits.kbit),
    "Other hours": night ? `${hour(night[0])} to ${hour(night[1])} UTC: ${rate(limits.night_kbit)}` : "none",
  };
}
