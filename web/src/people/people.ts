// People, roles, and lists of joiners, movers and leavers: what is asked of the hub.

import { call } from "../api";
import { withStepUp } from "../passkey/passkey";

export interface Person {
  id: string;
  name: string;
  display: string;
  roles: string[];
  team: string;
  sites: string[];
  shifts: [number, number][];
  trained_us: number | null;
  spss_number: string;
  spss_expires_us: number | null;
  has_passkey: boolean;
  disabled: boolean;
  passkeys: number;
  sessions: number;
  seen_us: number | null;
  warnings: string[];
}

export interface RoleRow {
  act: string;
  text: string;
  kinds: string[];
  actions: string[];
  needs: string[];
  longest_us: number | null;
  notes: string;
}

export interface Role {
  role: string;
  name: string;
  text: string;
  sees_pictures: boolean;
  may: RoleRow[];
  people: number;
}

export interface Change {
  turn: "joins" | "moves" | "leaves" | "stays";
  name: string;
  display: string;
  what: string[];
}

export interface Attributes {
  display: string;
  team: string;
  sites: string[];
  shifts: [number, number][];
  trained_us: number | null;
  spss_number: string;
  spss_expires_us: number | null;
}

const at = (name: string) => `/api/people/${encodeURIComponent(name)}`;

export const people = {
  all: () => call<{ people: Person[] }>("GET", "/api/people").then((answer) => answer.people),
  roles: () => call<{ version: string; roles: Role[] }>("GET", "/api/roles"),
  // Without a code where it waits for a second person, who gets the code then; the same of a list.
  add: (person: Attributes & { name: string; roles: string[]; reason: string }) =>
    withStepUp(() => call<{ name: string; code?: string }>("POST", "/api/people", person)),
  change: (name: string, person: Attributes & { roles?: string[]; reason: string }) => withStepUp(() => call<unknown>("PUT", at(name), person)),
  leave: (name: string, reason: string) => withStepUp(() => call<unknown>("POST", `${at(name)}/leave`, { reason })),
  endSessions: (name: string) => call<void>("POST", `${at(name)}/sessions/end`),
  tryList: (csv: string) => call<{ changes: Change[] }>("POST", "/api/people/list/try", { csv }).then((answer) => answer.changes),
  carryOut: (csv: string, reason: string) =>
    withStepUp(() => call<{ changes?: Change[]; codes?: { name: string; code: string }[] }>("POST", "/api/people/list", { csv, reason })),
};

/** Who sees the page; the hub has the last word. */
export const PEOPLE_READERS = ["administrator", "dpo", "auditor", "manager"];
export const PEOPLE_CHANGERS = ["administrator"];
