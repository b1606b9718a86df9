// Break-glass cards of sites, as the hub says and takes them. Every `*_us` is microseconds UTC.

import { useQuery } from "@tanstack/react-query";
import { call } from "../api";
import { withStepUp } from "../passkey/passkey";

export interface Card {
  id: string;
  site: string;
  state: "waiting" | "in_force" | "used" | "revoked" | "lapsed";
  /** You began it, so somebody else finishes it. */
  mine: boolean;
  maker: string;
  made_us: number;
  confirmer: string;
  confirmed_us: number | null;
  expires_us: number;
  ended_us: number | null;
}

/** Shown once. `qr`: the path of an SVG, `size` a side, that says the same as `line`. */
export interface Half {
  card: Card;
  letter: string;
  line: string;
  qr: string;
  size: number;
}

export const MAY_CARDS = {
  look: ["manager", "dpo", "supervisor", "auditor", "administrator"] as readonly string[],
  make: ["manager", "dpo", "supervisor"] as readonly string[],
};

export const CARD_STATE: Record<Card["state"], string> = {
  waiting: "Waits for a second person",
  in_force: "In force",
  used: "Used at the site",
  revoked: "Revoked",
  lapsed: "Lapsed",
};

export const cards = {
  all: () => call<{ now_us: number; cards: Card[] }>("GET", "/api/cards"),
  begin: (site: string) => withStepUp(() => call<Half>("POST", `/api/sites/${encodeURIComponent(site)}/cards`, {})),
  finish: (card: Card) => withStepUp(() => call<Half>("POST", `/api/cards/${card.id}/confirm`, {})),
  revoke: (card: Card) => withStepUp(() => call<Card>("POST", `/api/cards/${card.id}/revoke`, {})),
};

export function useCards(wanted: boolean) {
  return useQuery({ queryKey: ["cards"], queryFn: cards.all, enabled: wanted, refetchInterval: 5_000 });
}
