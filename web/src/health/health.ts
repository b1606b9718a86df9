// Health as the hub tells it, and in words. Every `*_us` is an integer of microseconds, UTC.

import { call, query, type CameraState, type SiteHealth, type Stream } from "../api";
import { DAY, HOUR, MINUTE, SECOND } from "../time";

export interface StreamNow extends Stream {
  stream: string;
}

export interface CameraNow {
  id: string;
  name: string;
  enabled: boolean;
  state: CameraState;
  streams: StreamNow[];
}

export interface Now {
  now_us: number;
  sites: SiteHealth[];
  cameras: CameraNow[];
}

export interface GapSeen {
  start_us: number;
  end_us: number;
  reason: string;
}

export interface StreamDay {
  stream: string;
  gaps_today: number;
  missing_today_us: number;
  gaps_day: number;
  missing_day_us: number;
  gaps: GapSeen[];
  reasons: Record<string, number>;
  reconnects_day: number;
  lost_day: number;
  clock_error_us: number | null;
  drift_ppm: number | null;
}

export interface Hint {
  kind: string;
  since_us: number;
  rests_on: string;
  title: string;
}

export interface CameraDay {
  id: string;
  streams: StreamDay[];
  hints: Hint[];
  outage: string;
}

export interface Outage {
  id: string;
  camera: string;
  start_us: number;
  end_us: number;
  reason: string;
  declared_by: string;
  declared_us: number;
}

export interface Day {
  answered: boolean;
  cameras: CameraDay[];
  disks: { name: string; days_left: number | null; kept_days: number | null; pending_bytes: number }[];
  outages: Outage[];
}

export interface Month {
  month: string;
  expected_us: number;
  recorded_us: number;
  planned_us: number;
  missing_us: number;
  reasons: Record<string, number>;
  percent: number | null;
}

export interface Uptime {
  now_us: number;
  cameras: { id: string; stream: string; months: Month[] }[];
}

export interface Ticket {
  id: string;
  subject: string;
  subject_id: string;
  kind: string;
  detail: string;
  first_us: number;
  last_us: number;
  times: number;
  closed_us: number | null;
  closed_why: string;
  closed_by: string;
  reason: string;
  owner: string;
  visit_us: number | null;
  name: string;
  title: string;
  advice: string;
  hint: boolean;
}

export interface TicketDetail extends Ticket {
  notes: { id: string; time_us: number; by: string; text: string }[];
}

export interface TicketPage {
  now_us: number;
  tickets: Ticket[];
  next: string | null;
  open_by_kind: Record<string, number>;
}

export interface TicketAsk {
  state: string;
  kind?: string;
  camera?: string;
  owner?: string;
}

/** What a ticket is about, as people call it. */
export const subjectName = (ticket: Pick<Ticket, "subject" | "name">): string =>
  ticket.subject === "disk" ? `Disk ${ticket.name}` : ticket.subject === "hub" ? "This hub" : ticket.name;

const ticketPath = (id: string): string => `/api/tickets/${encodeURIComponent(id)}`;

export const health = {
  now: () => call<Now>("GET", "/api/health"),
  day: () => call<Day>("GET", "/api/health/day"),
  uptime: (months: number) => call<Uptime>("GET", `/api/health/uptime?${query({ months })}`),
  tickets: (ask: TicketAsk, after?: string) => call<TicketPage>("GET", `/api/tickets?${query({ ...ask, after })}`),
  ticketsTable: (ask: TicketAsk) => `/api/tickets.csv?${query({ ...ask })}`,
  ticket: (id: string) => call<TicketDetail>("GET", ticketPath(id)),
  assign: (id: string, owner: string, visit_us: number | null) => call<TicketDetail>("PUT", ticketPath(id), { owner, visit_us }),
  note: (id: string, text: string) => call<TicketDetail>("POST", `${ticketPath(id)}/notes`, { text }),
  close: (id: string, reason: string) => call<TicketDetail>("POST", `${ticketPath(id)}/close`, { reason }),
  declare: (ask: { camera: string; start_us: number; end_us: number; reason: string }) => call<Outage>("POST", "/api/outages", ask),
  endOutage: (id: string) => call<void>("DELETE", `/api/outages/${encodeURIComponent(id)}`),
};

export const MAY_DECIDE = new Set(["operator", "supervisor", "manager", "installer"]);
export const MAY_PLAN = new Set(["supervisor", "manager", "installer"]);

/** How long something has lasted, short: 40 s, 12 min, 5 h, 3 days. */
export function age(us: number): string {
  if (us < MINUTE) return `${Math.max(0, Math.round(us / SECOND))} s`;
  if (us < HOUR) return `${Math.floor(us / MINUTE)} min`;
  if (us < 2 * DAY) return `${Math.floor(us / HOUR)} h`;
  return `${Math.floor(us / DAY)} days`;
}

const REASONS: Record<string, string> = {
  camera_closed: "the camera ended the connection",
  camera_unreachable: "the camera could not be reached",
  camera_denied: "the password was refused",
  camera_silent: "the camera went silent",
  camera_protocol: "the camera sent nonsense",
  timestamp_jump: "the camera's time stamps jumped",
  parameters_changed: "the camera changed its settings",
  clock_changed: "this machine's clock was set",
  restart: "the software was restarted",
  crash: "the software or the power failed",
  disk_full: "the disk was full",
  disk_fault: "the disk failed",
  removed: "it was switched off",
  off_line: "nothing came before",
  many_short: "many short gaps",
};

export const reasonWords = (reason: string): string => REASONS[reason] ?? reason.replaceAll("_", " ");

/** 99.98 %: rounded down, so that only a whole month reads 100. */
export function percent(value: number | null): string {
  if (value === null) return "";
  if (value >= 100) return "100 %";
  return `${(Math.floor(value * 100) / 100).toFixed(2)} %`;
}

/** 2026-11 as November 2026. */
export function monthName(month: string): string {
  return new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: "UTC" }).format(new Date(`${month}-01T00:00:00Z`));
}

/** 12 ppm is about 1.0 s a day. */
export function drift(ppm: number | null): string {
  if (ppm === null) return "";
  const perDay = (ppm * 86_400) / 1e6;
  if (Math.abs(perDay) < 0.05) return "steady";
  return `${perDay > 0 ? "gains" : "loses"} ${Math.abs(perDay).toFixed(1)} s a day`;
}

/** The camera of an address that names none, by what is worst: those in trouble first, then by name. */
export function worstFirst(a: CameraNow, b: CameraNow): number {
  const well = (camera: CameraNow): number => (camera.state === "recording" ? 1 : camera.enabled ? 0 : 2);
  return well(a) - well(b) || a.name.localeCompare(b.name);
}
