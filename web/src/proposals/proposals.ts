// Changes that wait for a second person: what the hub says and takes about them. Every `*_us` is microseconds, UTC.

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { call, query } from "../api";
import type { Approver } from "../approvals/approvals";
import { withStepUp } from "../passkey/passkey";

export type ProposalState = "waiting" | "confirmed" | "refused" | "withdrawn" | "lapsed" | "stale" | "failed";

export interface Proposal {
  id: string;
  act: string;
  act_text: string;
  title: string;
  lines: { what: string; before: string; after: string }[];
  reason: string;
  user_name: string;
  team: string;
  sha256: string;
  made_us: number;
  lapses_us: number;
  state: ProposalState;
  mine: boolean;
  may_decide: boolean;
  why_not: string;
  approvers: Approver[];
  approvers_text: string;
  decided_us: number | null;
  decider: string;
  words: string;
  done: boolean;
}

export interface ProposalList {
  now_us: number;
  proposals: Proposal[];
  next_us: number | null;
}

export interface Confirmed {
  proposal: Proposal;
  codes: { name: string; code: string }[];
}

const at = (id: string) => `/api/proposals/${encodeURIComponent(id)}`;

export const proposals = {
  list: (which: "mine" | "waiting" | "decided", beforeUs?: number) => call<ProposalList>("GET", `/api/proposals?${query({ which, before_us: beforeUs })}`),
  confirm: (one: Proposal) => withStepUp(() => call<Confirmed>("POST", `${at(one.id)}/confirm`, { sha256: one.sha256 })),
  refuse: (one: Proposal, reason: string) => call<Proposal>("POST", `${at(one.id)}/refuse`, { sha256: one.sha256, reason }),
  withdraw: (id: string) => call<Proposal>("POST", `${at(id)}/withdraw`),
};

// Under "requests", so that the news of requests renews them too.
const KEY = ["requests", "proposals"];

export function useWaitingProposals(enabled = true) {
  return useQuery({ queryKey: [...KEY, "waiting"], queryFn: () => proposals.list("waiting"), enabled, retry: 1, refetchInterval: 60_000 });
}

export function useMyProposals(enabled = true) {
  return useQuery({ queryKey: [...KEY, "mine"], queryFn: () => proposals.list("mine"), enabled, retry: 1 });
}

export function useDecidedProposals() {
  return useInfiniteQuery({
    queryKey: [...KEY, "decided"],
    queryFn: ({ pageParam }) => proposals.list("decided", pageParam),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (last) => last.next_us ?? undefined,
  });
}

export const PROPOSAL_STATE: Record<ProposalState, string> = {
  waiting: "Waits for a second person",
  confirmed: "Confirmed",
  refused: "Refused",
  withdrawn: "Withdrawn",
  lapsed: "Lapsed: nobody confirmed in time",
  stale: "To be proposed anew",
  failed: "Confirmed, but could not be carried out",
};

/** Says it of a press that did nothing yet: `call` tells it, whichever page asked. */
export const WAITS = "belvedere-waits";

export function proposalOf(event: Event): Proposal | null {
  return event instanceof CustomEvent ? ((event.detail as Proposal | undefined) ?? null) : null;
}
