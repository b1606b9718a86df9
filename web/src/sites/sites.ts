// What the hub says and takes about sites. Every `*_us` is microseconds: a moment (UTC) or a length.

import { useQuery } from "@tanstack/react-query";
import { call } from "../api";
import { withStepUp } from "../passkey/passkey";

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
  /** Records that wait there. */
  waiting: number | null;
  certificate_until_us: number | null;
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
