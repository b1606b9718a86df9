// The hub's HTTP interface in one place: types and calls as docs/design/contracts.md has them.
// Every `*_us` is an integer of microseconds, UTC.

import { noteClock } from "./hubClock";

export { hubNowUs } from "./hubClock";

export type StreamKind = "main" | "sub";

export type CameraState =
  | "connecting"
  | "recording"
  | "waiting"
  | "denied"
  | "refused"
  | "off"
  | "imported"
  | "unknown";

export interface User {
  id: string;
  /** What one signs in with. */
  name: string;
  /** What others read. */
  display: string;
  role: string;
  /** All of them, `role` among them. */
  roles: string[];
}

export interface Session {
  user: User;
  csrf: string;
  must_change_password: boolean;
  /** Nothing else works before: the role's passwords open nothing. */
  must_add_passkey?: boolean;
  has_passkey?: boolean;
  /** The demo: a passkey would spare its person the codes from the terminal, and may wait. */
  offer_passkey?: boolean;
  /** After so long without a touch the hub ends the session. */
  idle_us?: number;
}

export interface Grant {
  id: string;
  purpose: string;
  purpose_text: string;
  case: string;
  cameras: string[];
  from_us: number;
  to_us: number;
  actions: string[];
  issued_us: number;
  expires_us: number;
  masked: boolean;
  user_name: string;
  /** Account id of who approved it, "" where nobody had to. */
  approver?: string;
}

/** One's access that ended before its time. */
export interface EndedGrant {
  id: string;
  purpose_text: string;
  case: string;
  cameras: string[];
  ended_us: number;
  expires_us: number;
  /** "" where it ended with a session or an account. */
  by: string;
  mine: boolean;
  reason: string;
  /** Another took its place. */
  renewed: boolean;
}

/** What the policy says to an ask that was not made yet. */
export interface Considered {
  outcome: "allow" | "approval" | "refuse";
  rule: string;
  reason: string;
  advice: string;
  passkey: "none" | "recent" | "bound";
  approvers: string[];
  masked: boolean | null;
}

export interface GrantAsk {
  purpose: string;
  cameras?: string[];
  case?: string;
  from_us?: number;
  to_us?: number;
  actions?: string[];
  reason?: string;
  recipient?: string;
  lasts_us?: number;
}

export interface Stream {
  state: CameraState;
  message: string;
  codec: string;
  width: number;
  height: number;
  fps: number;
  bits_per_second: number;
  gop_seconds: number;
  last_frame_us: number;
  reconnects: number;
  lost_packets: number;
  clock_error_us: number | null;
  rate_control?: string;
  /** What the clock error is from: rtcp, onvif, or "". */
  clock_source?: string;
}

export interface Camera {
  id: string;
  name: string;
  site: string;
  place: string;
  lat: number | null;
  lon: number | null;
  bearing_deg: number | null;
  fov_deg: number | null;
  range_m: number | null;
  height_m: number | null;
  view: GeoJSON.Polygon | GeoJSON.MultiPolygon | null;
  main: Stream | null;
  sub: Stream | null;
  state: CameraState;
  message: string;
  first_us: number | null;
  bytes_kept: number;
}

export interface Cameras {
  site: { id: string; name: string; state: string };
  cameras: Camera[];
}

export interface Disk {
  name: string;
  bytes_total: number;
  bytes_free: number;
  state: string;
  message: string;
}

export interface SiteHealth {
  id: string;
  name: string;
  state: string;
  version: string;
  started_us: number | null;
  disks: Disk[];
  confinement?: string;
  confinement_words?: string;
}

export interface Health {
  now_us: number;
  sites: SiteHealth[];
}

export interface TownMap {
  centre: [number, number] | null;
  zoom: number;
  /** Address of the PMTiles; null where no map was brought in. */
  tiles: string | null;
  attribution: string;
  places: GeoJSON.FeatureCollection;
}

export interface Run {
  start_us: number;
  end_us: number;
  imported: boolean;
  lost_packets: number;
  growing: boolean;
}

export interface Gap {
  start_us: number;
  end_us: number;
  reason: string;
  text: string;
}

export interface Lane {
  id: string;
  runs: Run[];
  gaps: Gap[];
}

/** A site that did not answer; its cameras are missing from the answer. */
export interface Away {
  site: string;
  name: string;
  cameras: string[];
}

export interface Timeline {
  from_us: number;
  to_us: number;
  cameras: Lane[];
  away: Away[];
}

/** One camera's activity. `values`: 0 not known, 1 quiet to 255 busy; `checked`: 0 to 255, how much of it rests on compared keyframes. */
export interface Strip {
  id: string;
  stream: StreamKind;
  from_us: number;
  to_us: number;
  values: number[];
  checked: number[];
  rate_control: string;
  confidence: number;
  ordered: boolean;
  text: string;
}

export interface Activity {
  from_us: number;
  to_us: number;
  cameras: Strip[];
  away: Away[];
}

export interface Movement {
  id: string;
  answer: "yes" | "no" | "unclear";
  method: string;
  text: string;
  moved: { start_us: number; end_us: number; share: number }[];
  recorded_s: number;
  checked_s: number;
  missing_s: number;
}

export interface Export {
  id: string;
  name: string;
  /** A masked working copy is never evidence. */
  kind?: "evidence" | "working_copy";
  state: "working" | "ready" | "failed" | "cancelled";
  progress: number;
  cameras: string[];
  start_us: number;
  end_us: number;
  made_us: number;
  made_by: string;
  bytes: number;
  sha256: string;
  message: string;
  /** Of one that is working. */
  step?: "" | "waiting" | "making";
  /** An earlier attempt was cut off; this goes on from what it brought. */
  resumed?: boolean;
}

export interface ExportAsk {
  grant: string;
  name: string;
  cameras: string[];
  start_us: number;
  end_us: number;
  note?: string;
  kind?: "evidence" | "working_copy";
}

export interface AuditEntry {
  index: number;
  time_us: number;
  kind: string;
  summary: string;
  facts: Record<string, unknown>;
}

export interface AuditPage {
  entries: AuditEntry[];
  next: number | null;
  checkpoint: { size: number; root: string; signed_us: number } | null;
}

/** What the hub said when it said no. `message` and `advice` are written for the person at the screen. */
export class HubError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly advice: string,
    /** What has to be confirmed with a passkey first (`step_up_needed`). */
    readonly act?: Record<string, unknown>,
  ) {
    super(message);
  }
}

const AWAY_AFTER_MS = 60_000;
let touchedMs = Date.now();
for (const kind of ["pointerdown", "pointermove", "keydown", "wheel"])
  globalThis.window?.addEventListener(kind, () => (touchedMs = Date.now()), { passive: true, capture: true });

/** When somebody last touched this page, in this machine's ms. */
export function lastTouchMs(): number {
  return touchedMs;
}

let csrf = "";
let onSignedOut: (() => void) | null = null;

/** Called whenever the hub answers that nobody is signed in. */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener;
}

async function problem(answer: Response): Promise<HubError> {
  try {
    const body = (await answer.json()) as { error?: { code?: string; message?: string; advice?: string; act?: Record<string, unknown> } };
    if (body.error?.message)
      return new HubError(answer.status, body.error.code ?? "error", body.error.message, body.error.advice ?? "", body.error.act);
  } catch {
    // not JSON: a proxy or a crash answered
  }
  return new HubError(
    answer.status,
    "error",
    `The hub could not answer (${answer.status}).`,
    "Try again; if it stays so, tell whoever looks after this installation.",
  );
}

/** `away`: the page asks by itself, which is no use of the session. */
export async function call<T>(method: string, address: string, body?: unknown, signal?: AbortSignal, away = false): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-Belvedere-CSRF"] = csrf;
  else if (away || Date.now() - touchedMs > AWAY_AFTER_MS) headers["X-Belvedere-Away"] = "1"; // the page asks by itself
  let answer: Response;
  try {
    answer = await fetch(address, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      signal,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new HubError(
      0,
      "hub_away",
      "The hub does not answer.",
      "Sites keep recording. This page goes on by itself once the hub is back.",
    );
  }
  if (answer.status === 401 && !address.endsWith("/api/session")) onSignedOut?.();
  if (!answer.ok) throw await problem(answer);
  if (answer.status === 204) return undefined as T;
  const told = (await answer.json()) as T;
  // Not done yet: a second person has to confirm it. Every page says so in the same words (proposals/WaitsNews).
  if (answer.status === 202) window.dispatchEvent(new CustomEvent("belvedere-waits", { detail: (told as { proposal?: unknown }).proposal }));
  return told;
}

export function query(params: Record<string, string | number | undefined>): string {
  const text = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) if (value !== undefined) text.set(key, String(value));
  return text.toString();
}

export async function keepCsrf(session: Promise<Session>): Promise<Session> {
  const answer = await session;
  csrf = answer.csrf;
  return answer;
}

export const hub = {
  session: () => keepCsrf(call<Session>("GET", "/api/session")),
  signIn: (username: string, password: string) =>
    keepCsrf(call<Session>("POST", "/api/session", { username, password })),
  /** Ends the session here; `url` is where the council's own session is ended, empty where there is none. */
  signOut: async (): Promise<{ url: string }> => {
    const nowhere = { url: "" };
    const asked = call<{ url: string }>("GET", "/api/session/council/leave").catch(() => nowhere);
    const waited = new Promise<{ url: string }>((done) => setTimeout(() => done(nowhere), 2000)); // a provider that hangs holds nobody
    const told = await Promise.race([asked, waited]);
    await call<void>("DELETE", "/api/session");
    return told;
  },
  /** `current` is needed unless one signed in by a one-time code. */
  setPassword: (password: string, current?: string) => call<void>("POST", "/api/password", { password, current }),

  grants: () => call<{ grants: Grant[] }>("GET", "/api/grants").then((answer) => answer.grants),
  ask: (ask: GrantAsk) => call<Grant>("POST", "/api/grants", ask),
  consider: (ask: GrantAsk, signal?: AbortSignal) => call<Considered>("POST", "/api/grants/consider", ask, signal),
  renew: (id: string, reason: string) => call<Grant>("POST", `/api/grants/${encodeURIComponent(id)}/renew`, { reason }),
  endedGrants: () => call<{ ended: EndedGrant[] }>("GET", "/api/grants/ended").then((answer) => answer.ended),
  endGrant: (id: string) => call<void>("DELETE", `/api/grants/${encodeURIComponent(id)}`),

  cameras: () => call<Cameras>("GET", "/api/cameras"),
  async health(): Promise<Health> {
    const sent = Date.now();
    const answer = await call<Health>("GET", "/api/health");
    noteClock(answer.now_us, sent, Date.now());
    return answer;
  },
  map: () => call<TownMap>("GET", "/api/map"),

  timeline: (
    ask: { grant: string; cameras: string[]; stream: StreamKind; from_us: number; to_us: number },
    signal?: AbortSignal,
  ) =>
    call<Timeline>(
      "GET",
      `/api/timeline?${query({ ...ask, cameras: ask.cameras.join(","), from_us: Math.floor(ask.from_us), to_us: Math.ceil(ask.to_us) })}`,
      undefined,
      signal,
    ),
  activity: (
    ask: { grant: string; cameras: string[]; from_us: number; to_us: number; buckets: number },
    signal?: AbortSignal,
  ) => call<Activity>("GET", `/api/activity?${query({ ...ask, cameras: ask.cameras.join(",") })}`, undefined, signal),
  moved: (ask: { grant: string; camera: string; from_us: number; to_us: number }) =>
    call<Movement>("GET", `/api/activity/moved?${query(ask)}`),
  playlist: (grant: string, camera: string, stream: StreamKind, from_us: number, to_us: number) =>
    `/api/play/${encodeURIComponent(camera)}/${stream}.m3u8?${query({ grant, from_us: Math.floor(from_us), to_us: Math.ceil(to_us) })}`,

  exports: () => call<{ exports: Export[] }>("GET", "/api/exports").then((answer) => answer.exports),
  makeExport: (ask: ExportAsk) => call<Export>("POST", "/api/exports", ask),
  cancelExport: (id: string) => call<Export>("DELETE", `/api/exports/${encodeURIComponent(id)}`),
  pack: (id: string) => `/api/exports/${encodeURIComponent(id)}/pack`,

  audit: (before?: number) => call<AuditPage>("GET", `/api/audit/mine?${query({ before })}`),

  liveAddress(grant: string): string {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    return `${scheme}://${location.host}/api/live?${query({ grant })}`;
  },
};
