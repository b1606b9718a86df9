// Searching: what is asked and told, the address of a search, results put together. Pure but for the calls.

import { call, query, type Away } from "../api";
import { HOUR, MINUTE } from "../time";

export type Corner = [number, number];

/** What is looked for; what is left out does not narrow. Numbers of kinds and colours are the hub's. */
export interface Facets {
  kinds?: number[];
  colours?: number[];
  clothing?: number[];
  together?: number[];
  at_least?: number;
  least_height?: number;
  most_height?: number;
  least_duration_us?: number;
  headings?: number[];
  cameras?: string[];
  zones?: Record<string, Corner[]>;
  from_us?: number | null;
  to_us?: number | null;
  from_minute?: number | null;
  to_minute?: number | null;
}

export interface Chip {
  field: string;
  text: string;
  words: string;
  start: number;
  end: number;
  other_text: string;
  other_from_us: number | null;
  other_to_us: number | null;
}

export interface Understood {
  words: string;
  facets: Facets;
  chips: Chip[];
  unread: { text: string; start: number; end: number }[];
  notes: string[];
  refusal: string;
  refused_words: string;
  /** Why clothing is not searched for here; empty where it may be, or is not asked for. */
  clothing: string;
}

export interface Found {
  camera: string;
  id: number;
  stream: "main" | "sub";
  kind: number;
  kind_text: string;
  colour: string;
  start_us: number;
  end_us: number;
  best_us: number;
  confidence: number;
  sure: string;
  box: [number, number, number, number];
  why: string;
  model: string;
}

export interface Covered {
  camera: string;
  recorded_s: number;
  looked_s: number;
  quiet_s: number;
  waiting_s: number;
}

export interface SiteSeeing {
  site: string;
  name: string;
  state: "off" | "no_model" | "starting" | "running" | "failed" | "unknown";
  text: string;
}

export interface Answer {
  from_us: number;
  to_us: number;
  cameras: string[];
  cut: string[];
  events: Found[];
  covered: Covered[];
  away: Away[];
  next: string;
  text: string;
  sites: SiteSeeing[];
}

export interface Counts {
  from_us: number;
  to_us: number;
  step_us: number;
  cameras: { camera: string; counts: number[] }[];
  away: Away[];
}

export type Order = "best" | "newest" | "oldest";
export interface Ask {
  grant: string;
  words: string;
  facets: Facets;
}

export const search = {
  understood: (words: string, signal?: AbortSignal) => call<Understood>("GET", `/api/search/understood?${query({ words })}`, undefined, signal),
  find: (ask: Ask & { order: Order; next?: string; look?: boolean; limit?: number }, signal?: AbortSignal) =>
    call<Answer>("POST", "/api/search", ask, signal),
  counts: (ask: Ask & { steps: number }, signal?: AbortSignal) => call<Counts>("POST", "/api/search/counts", ask, signal),
  thumbnail: (grant: string, event: Found) =>
    `/api/search/thumbnail/${encodeURIComponent(event.camera)}/${event.id}?${query({ grant, at_us: event.best_us, stream: event.stream })}`,
};

export const KINDS: [number, string][] = [
  [1, "Person"],
  [2, "Bicycle"],
  [3, "Motorcycle or moped"],
  [4, "Car"],
  [5, "Van, truck or bus"],
  [6, "Dog"],
  [7, "Other animal"],
  [8, "Bag"],
];
export const COLOURS: [number, string][] = [
  [1, "Black"],
  [2, "Grey"],
  [3, "White"],
  [4, "Red"],
  [5, "Orange"],
  [6, "Brown"],
  [7, "Yellow"],
  [8, "Green"],
  [9, "Blue"],
  [10, "Purple"],
  [11, "Pink"],
];
export const WAYS: [string, string, number[]][] = [
  ["left", "To the left", [5, 6, 7]],
  ["right", "To the right", [1, 2, 3]],
  ["down", "Towards the camera", [3, 4, 5]],
  ["up", "Away from the camera", [7, 0, 1]],
];
export const SIZES: [string, string, number, number][] = [
  ["any", "Any size", 0, 1],
  ["near", "Large: a third of the picture's height or more", 0.35, 1],
  ["large", "A quarter of the picture's height or more", 0.25, 1],
  ["small", "Small: a fifth of the picture's height or less", 0, 0.2],
  ["far", "Far away: a seventh of the picture's height or less", 0, 0.15],
];

const named = (names: [number, string][], chosen: number[] = []): string =>
  chosen.map((each) => names.find(([number]) => number === each)?.[1] ?? String(each)).join(" or ");
export const kindWords = (kinds?: number[]): string => named(KINDS, kinds);
export const colourWords = (colours?: number[]): string => named(COLOURS, colours).toLowerCase();

export function wayWords(headings: number[] = []): string {
  const found = WAYS.filter(([, , each]) => each.every((heading) => headings.includes(heading)));
  return found.map(([, text]) => text).join(" or ") || "some direction";
}

export function sizeWords(facets: Facets): string {
  const least = facets.least_height ?? 0;
  const most = facets.most_height ?? 1;
  const same = SIZES.find(([, , low, high]) => low === least && high === most);
  return same ? same[1] : `${Math.round(least * 100)} to ${Math.round(most * 100)} % of the picture's height`;
}

export const minuteWords = (minute: number): string => `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;

/** Minutes of "21:30"; null when it can't be read. */
export function minuteOf(text: string): number | null {
  const match = /^(\d{1,2}):(\d{2})$/.exec(text.trim());
  if (!match) return null;
  const minutes = Number(match[1]) * 60 + Number(match[2]);
  return Number(match[2]) < 60 && minutes <= 1440 ? minutes : null;
}

const DEFAULTS: Record<string, unknown> = { at_least: 1, least_height: 0, most_height: 1, least_confidence: 0, least_duration_us: 0 };

/** Without what does not narrow, so that addresses stay short and equal searches are equal. */
export function bare(facets: Facets): Facets {
  const kept = Object.entries(facets).filter(([name, value]) => {
    if (value === null || value === undefined || DEFAULTS[name] === value) return false;
    return typeof value !== "object" || Object.keys(value as object).length > 0;
  });
  return Object.fromEntries(kept.sort(([one], [other]) => one.localeCompare(other))) as Facets;
}

/** A search in the address bar. */
export interface Address {
  words: string;
  facets: Facets | null;
  order: Order;
}

export function readAddress(params: URLSearchParams): Address {
  const order = params.get("order");
  let facets: Facets | null = null;
  try {
    const found: unknown = JSON.parse(params.get("facets") ?? "null");
    if (found && typeof found === "object" && !Array.isArray(found)) facets = found as Facets;
  } catch {
    // a link that was cut: the words are read again
  }
  return { words: params.get("q") ?? "", facets, order: order === "newest" || order === "oldest" ? order : "best" };
}

export function writeAddress({ words, facets, order }: Address): URLSearchParams {
  const params = new URLSearchParams();
  if (words) params.set("q", words);
  if (facets) params.set("facets", JSON.stringify(bare(facets)));
  if (order !== "best") params.set("order", order);
  return params;
}

export const keyOf = (event: Found): string => `${event.camera}:${event.id}`;

/** Without events that are there already. */
export function joined(old: Found[], more: Found[]): Found[] {
  const known = new Set(old.map(keyOf));
  return [...old, ...more.filter((event) => !known.has(keyOf(event)))];
}

const SAME_MOMENT = 30_000_000;

/** Events of one kind at one moment on several cameras, as one; each camera's own events of a moment stand behind its first. */
export interface Moment {
  first: Found;
  others: Found[];
}

export function moments(events: Found[]): Moment[] {
  const found: Moment[] = [];
  for (const event of events) {
    const near = found.find(
      ({ first }) =>
        first.kind === event.kind && event.start_us <= first.end_us + SAME_MOMENT && first.start_us <= event.end_us + SAME_MOMENT,
    );
    if (near) near.others.push(event);
    else found.push({ first: event, others: [] });
  }
  return found;
}

/** Cameras of a review: the event's own first, then others of the moment, then those standing nearest. */
export function reviewCameras(moment: Moment, places: { id: string; lon: number | null; lat: number | null }[], most = 4): string[] {
  const chosen = [...new Set([moment.first.camera, ...moment.others.map((each) => each.camera)])];
  const own = places.find((each) => each.id === moment.first.camera);
  if (own?.lon != null && own.lat != null) {
    const away = (each: { lon: number | null; lat: number | null }): number =>
      each.lon === null || each.lat === null ? Infinity : Math.hypot((each.lon - own.lon!) * Math.cos((own.lat! * Math.PI) / 180), each.lat - own.lat!);
    const near = places.filter((each) => away(each) < 0.0012).sort((one, other) => away(one) - away(other)); // some 130 m
    for (const each of near) if (!chosen.includes(each.id)) chosen.push(each.id);
  }
  return chosen.slice(0, most);
}

/** Review's own address: the moment's clearest second, with some minutes around it. */
export function reviewAddress(moment: Moment, cameras: string[]): string {
  const at = new Date(Math.floor(Math.max(moment.first.start_us, moment.first.best_us - 2_000_000) / 1000)).toISOString();
  return `/review?${new URLSearchParams({ cameras: cameras.join(","), at, span: String((20 * MINUTE) / 1e6) }).toString()}`;
}

export interface Sum {
  recorded: number;
  looked: number;
  quiet: number;
  waiting: number;
}

export function sum(covered: Covered[]): Sum {
  const total = { recorded: 0, looked: 0, quiet: 0, waiting: 0 };
  for (const each of covered) {
    total.recorded += each.recorded_s;
    total.looked += each.looked_s;
    total.quiet += each.quiet_s;
    total.waiting += each.waiting_s;
  }
  return total;
}

/** 3 h 20 min of footage. */
export function longWords(seconds: number): string {
  const us = seconds * 1e6;
  if (us < 2 * MINUTE) return `${Math.round(seconds)} s`;
  if (us < 2 * HOUR) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(seconds < 36_000 ? 1 : 0)} h`;
}
