// Releases of the software and how they reach the sites. Every `*_us` is microseconds UTC.

import { useQuery } from "@tanstack/react-query";
import { call } from "../api";

export interface Release {
  version: string;
  since: string;
  bytes: number;
  sha256: string;
  key: string;
  added_us: number;
}

export interface RolloutSite {
  site: string;
  name: string;
  first: boolean;
  state: "waiting" | "ordered" | "healthy" | "failed" | "gone";
  /** As the site told last. */
  phase: string;
  /** The version that it had before. */
  former: string;
  have_bytes: number;
  ordered_us: number | null;
  told_us: number | null;
  ended_us: number | null;
  why: string;
}

export interface Rollout {
  id: string;
  version: string;
  state: "running" | "done" | "failed" | "stopped";
  by: string;
  confirmed_by: string;
  reason: string;
  wait_minutes: number;
  at_once: number;
  night: boolean;
  bytes: number;
  started_us: number;
  ended_us: number | null;
  why: string;
  /** When the rest may begin, while that is what it waits for. */
  rest_us: number | null;
  sites: RolloutSite[];
}

export interface Rollouts {
  now_us: number;
  /** False where the hub trusts no release key. */
  trusted: boolean;
  releases: Release[];
  rollouts: Rollout[];
}

export interface Order {
  version: string;
  first: string[];
  without: string[];
  wait_minutes: number;
  at_once: number;
  night: boolean;
  reason: string;
}

export const rollouts = {
  all: () => call<Rollouts>("GET", "/api/rollouts"),
  start: (order: Order) => call<unknown>("POST", "/api/rollouts", order),
  stop: (id: string, reason: string) => call<void>("POST", `/api/rollouts/${encodeURIComponent(id)}/stop`, { reason }),
};

export function useRollouts() {
  return useQuery({ queryKey: ["rollouts"], queryFn: rollouts.all, refetchInterval: 5_000, retry: 1 });
}

export const ROLLOUT_STATE: Record<Rollout["state"], string> = {
  running: "Under way",
  done: "Every site has it",
  failed: "Ended by a failure",
  stopped: "Stopped",
};

const PHASE: Record<string, string> = {
  fetching: "Fetching it",
  building: "Building it",
  switching: "Switching to it",
  trial: "On trial",
  refused: "Refused it",
  failed: "Failed",
  rolled_back: "Went back",
};

/** How a site does in a roll-out, in words. `size`: bytes of the release. */
export function doing(site: RolloutSite, size: number): string {
  if (site.state === "healthy") return "Healthy";
  if (site.state === "gone") return "Shut out";
  if (site.state === "waiting") return site.first ? "Waits until it is back" : "Waits its turn";
  const word = PHASE[site.phase] ?? "Ordered";
  const share = size > 0 && site.phase === "fetching" ? `, ${Math.floor((100 * site.have_bytes) / size)} %` : "";
  return word + share;
}

/** Minutes as people say them. */
export function waitWords(minutes: number): string {
  if (minutes === 0) return "at once";
  if (minutes % 1440 === 0) return minutes === 1440 ? "a day later" : `${minutes / 1440} days later`;
  if (minutes % 60 === 0) return minutes === 60 ? "an hour later" : `${minutes / 60} hours later`;
  return `${minutes} minutes later`;
}
