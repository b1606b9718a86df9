// What the hub says and takes at the data protection officer's desk. Every `*_us` is an integer of microseconds, UTC.

import { call } from "../api";

export type Kind = "finding" | "weekly" | "notice" | "sample";

export interface Item {
  id: string;
  kind: Kind;
  rule: string;
  title: string;
  text: string;
  /** What to do about it. */
  next: string;
  /** A pseudonym; "" when it is about nobody. */
  person: string;
  facts: Record<string, unknown>;
  entries: number[];
  made_us: number;
  due_us: number | null;
  overdue: boolean;
  reviewed_us: number | null;
  outcome: string;
  words: string;
  mine: boolean;
}

export interface Queue {
  now_us: number;
  may_decide: boolean;
  standing: { open: Partial<Record<Kind, number>>; overdue: number; oldest_us: number | null };
  items: Item[];
  next: string | null;
}

export interface Entry {
  index: number;
  time_us: number;
  kind: string;
  summary: string;
  facts: Record<string, unknown>;
  person: string;
}

export interface Note {
  id: string;
  kind: "immediate" | "ripa";
  person: string;
  cameras: string[];
  number: string;
  text: string;
  held_us: number;
  made_us: number;
  until_us: number;
  ended_us: number | null;
}

export interface Figures {
  days: number;
  grants: number;
  purposes: Record<string, number>;
  refusals: Record<string, number>;
  rules: Record<string, number>;
  pairs: { asker: string; approver: string; given: number; asked: number }[];
  outcomes: Record<string, Record<string, number>>;
  whole: boolean;
}

export interface Dwelling {
  camera: string;
  preset: string;
  note: string;
}

export type Outcome = "explained" | "false_alarm" | "spoken" | "investigate";

export const OUTCOMES: { value: Outcome; label: string }[] = [
  { value: "explained", label: "Explained: unusual, for a good reason" },
  { value: "false_alarm", label: "False alarm: not unusual at all" },
  { value: "spoken", label: "Spoken about with the person" },
  { value: "investigate", label: "Handed to an investigation" },
];
const OUTCOME_WORDS: Record<string, string> = {
  explained: "Explained",
  false_alarm: "False alarm",
  spoken: "Spoken about",
  investigate: "Investigation",
  justified: "Justified",
  unjustified: "Not justified",
};

export const outcomeWords = (outcome: string): string => OUTCOME_WORDS[outcome] ?? outcome;
export const KIND_WORDS: Record<Kind, string> = { finding: "Unusual", weekly: "Weekly list", notice: "Told at once", sample: "Random checks" };

/** "in 3 days", "2 days late"; days are whole, hours under two days. */
export function dueWords(dueUs: number | null, nowUs: number): string {
  if (dueUs === null) return "";
  const hours = Math.floor(Math.abs(dueUs - nowUs) / 3_600_000_000);
  const long = hours < 1 ? "under an hour" : hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
  return dueUs < nowUs ? `${long} late` : `due in ${long}`;
}

const item = (id: string) => `/api/dpo/items/${encodeURIComponent(id)}`;

export const dpo = {
  queue: (reviewed: boolean, kind: string, before = "") =>
    call<Queue>("GET", `/api/dpo/queue?${new URLSearchParams({ reviewed: String(reviewed), kind, before })}`),
  item: (id: string) => call<{ item: Item; entries: Entry[] }>("GET", item(id)),
  review: (id: string, outcome: Outcome, words: string) => call<Item>("POST", `${item(id)}/review`, { outcome, words }),
  name: (id: string, reason: string) => call<{ person: string; name: string }>("POST", `${item(id)}/name`, { reason }),
  figures: (days: number) => call<Figures>("GET", `/api/dpo/figures?days=${days}`),
  purposes: () => call<{ entries: Entry[] }>("GET", "/api/dpo/purposes"),
  notes: (before = "") =>
    call<{ now_us: number; notes: Note[]; total: number; next: string | null }>(
      "GET",
      `/api/dwell/notes?${new URLSearchParams({ before })}`,
    ),
  endNote: (id: string, reason: string) => call<void>("POST", `/api/dwell/notes/${encodeURIComponent(id)}/end`, { reason }),
  dwellings: () => call<{ views: Dwelling[] }>("GET", "/api/dpo/dwellings"),
  setDwellings: (views: Dwelling[]) => call<{ views: Dwelling[] }>("PUT", "/api/dpo/dwellings", { views }),
};

/** Who may open the desk; the hub has the last word. */
export const DPO_READERS = ["dpo", "auditor"] as const;
