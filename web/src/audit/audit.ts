// The log of everybody, for those who read it: what is asked of the hub, and filters as they stand in the address bar.

import { call, query } from "../api";

export interface LogLine {
  index: number;
  time_us: number;
  kind: string;
  /** Account id, or the hub's part or site that acted. */
  account: string;
  who: string;
  summary: string;
  facts: Record<string, unknown>;
  erased: boolean;
}

export interface LogPage {
  entries: LogLine[];
  next: number | null;
  size: number;
}

export interface Counts {
  width_us: number;
  buckets: { start_us: number; count: number; refused: number }[];
  total: number;
}

export interface Choices {
  kinds: string[];
  people: { id: string; name: string; display: string }[];
}

/** One record with everything that proves it: the very file that the verifiers take. */
export interface EntryProof {
  format: number;
  index: number;
  record: string;
  salt: string;
  entry: string;
  path: string[];
  checkpoint: string;
  key: string;
  witnesses: string;
  witnessed: boolean;
}

export interface Alarms {
  alarms: { what: string; name: string; text: string; since_us: number }[];
  looked_us: number | null;
  checked: number;
  size: number;
}

export const FILTERS = ["person", "kind", "camera", "case", "grant", "about", "from_us", "to_us", "refused"] as const;
export type Filters = Partial<Record<(typeof FILTERS)[number], string>>;

/** The filters in an address; others of its words are not ours. */
export function filtersOf(params: URLSearchParams): Filters {
  const found: Filters = {};
  for (const name of FILTERS) {
    const value = params.get(name);
    if (value) found[name] = value;
  }
  return found;
}

export const log = {
  page: (filters: Filters, before?: number) => call<LogPage>("GET", `/api/audit/entries?${query({ ...filters, before })}`),
  counts: (filters: Filters) => call<Counts>("GET", `/api/audit/histogram?${query({ ...filters })}`),
  choices: () => call<Choices>("GET", "/api/audit/choices"),
  csv: (filters: Filters) => `/api/audit/entries.csv?${query({ ...filters })}`,
  whole: "/api/audit/log.zip",
  proof: (index: number) => call<EntryProof>("GET", `/api/audit/entries/${index}/proof`),
  alarms: () => call<Alarms>("GET", "/api/audit/alarms"),
};

/** Who reads the log of everybody; the hub has the last word. */
export const LOG_READERS = ["dpo", "auditor"];
