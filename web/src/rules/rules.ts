// Live rules and what they raised, as the hub tells it. Points are shares of the picture, times microseconds UTC.

import { call } from "../api";
import type { Polygon } from "../masks/polygon";
import { DAY, SECOND } from "../time";

export type RuleKind = "line" | "zone" | "dwell" | "crowd" | "wrong_way" | "left" | "court" | "tamper";
export type RuleState = "off" | "shadow" | "on" | "review_due";

export interface Hours {
  days: number[];
  from_minute: number;
  to_minute: number;
}

export interface Watch {
  kind: RuleKind;
  objects: number[];
  least_confidence: number;
  line: Polygon;
  zone: Polygon;
  direction: number;
  seconds: number;
  count: number;
  hints: string[];
  windows: Hours[];
  zone_name: string;
  cool_down_s: number;
  review_us: number;
}

export interface Rule {
  id: string;
  version: number;
  camera: string;
  name: string;
  on: boolean;
  reason: string;
  made_by: string;
  made_us: number;
  since_us: number;
  shadow_until_us: number;
  people: boolean;
  state: RuleState;
  site: "waiting" | "blind" | "watching";
  pictures_a_second: number;
  days: number;
  raised: number;
  shadow: number;
  muted: number;
  judged_true: number;
  judged_false: number;
  judged_unclear: number;
  false_rate: number | null;
  watch: Watch;
}

export interface Rules {
  now_us: number;
  may_make: boolean;
  may_switch: boolean;
  may_judge: boolean;
  rules: Rule[];
}

export type Verdict = "true" | "false" | "unclear";

export interface Alarm {
  id: string;
  rule: string;
  rule_name: string;
  camera: string;
  kind: RuleKind;
  object: number;
  start_us: number;
  time_us: number;
  confidence: number;
  words: string;
  verdict: "" | Verdict;
  judged_by: string;
  judged_us: number | null;
  note: string;
}

export interface Alarms {
  now_us: number;
  alarms: Alarm[];
  next: string | null;
}

export interface RuleWords {
  camera: string;
  base: number;
  name: string;
  on: boolean;
  reason: string;
  watch: Watch;
}

export interface RuleVersion {
  version: number;
  name: string;
  on: boolean;
  reason: string;
  made_by: string;
  made_us: number;
}

const address = (id: string) => `/api/rules/${encodeURIComponent(id)}`;

export const liveRules = {
  all: () => call<Rules>("GET", "/api/rules"),
  put: (id: string, words: RuleWords) =>
    id ? call<Rules>("PUT", address(id), words) : call<Rules>("POST", "/api/rules", words),
  turn: (id: string, on: boolean, reason: string) => call<Rules>("POST", `${address(id)}/switch`, { on, reason }),
  versions: (id: string) => call<RuleVersion[]>("GET", `${address(id)}/versions`),
  alarms: (verdict: string, limit = 50) => call<Alarms>("GET", `/api/alarms?verdict=${verdict}&limit=${limit}`),
  judge: (id: string, verdict: Verdict, note: string) =>
    call<Alarm>("POST", `/api/alarms/${encodeURIComponent(id)}/judge`, { verdict, note }),
  picture: (id: string, grant: string) => `/api/alarms/${encodeURIComponent(id)}/picture?grant=${encodeURIComponent(grant)}`,
};

export const RULE_READERS = ["operator", "investigator", "supervisor", "manager", "dpo", "auditor", "register_editor"];

export const KIND_WORDS: Record<RuleKind, string> = {
  line: "Crosses a line",
  zone: "Comes into a zone",
  dwell: "Stays in a zone",
  crowd: "Many at once",
  wrong_way: "Goes the wrong way",
  left: "Something left behind",
  court: "Vehicle where none should drive",
  tamper: "Camera tampered with",
};

export const OBJECT_WORDS: Record<number, string> = {
  1: "person",
  2: "bicycle",
  3: "motorcycle or moped",
  4: "car",
  5: "van, truck or bus",
  6: "dog",
  7: "other animal",
  8: "bag",
};

export const HINT_WORDS: Record<string, string> = {
  black: "dark or covered",
  frozen: "standing still",
  blurred: "blurred",
  moved: "turned away",
};

export const WAYS = ["up", "up and right", "right", "down and right", "down", "down and left", "left", "up and left"];
export const DAY_WORDS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

export const needsZone = (kind: RuleKind): boolean => kind !== "line" && kind !== "tamper";
export const needsObjects = (kind: RuleKind): boolean => kind !== "tamper";

/** As the hub decides it: people who stay or stand together are doing nothing wrong. */
export const aboutPeople = (watch: Watch): boolean =>
  (watch.kind === "dwell" || watch.kind === "crowd") && (watch.objects.length === 0 || watch.objects.includes(1));

export function emptyWatch(kind: RuleKind): Watch {
  return {
    kind,
    objects: kind === "court" ? [3, 4, 5] : kind === "left" ? [8] : kind === "tamper" ? [] : [1],
    least_confidence: 0,
    line: [],
    zone: [],
    direction: 0,
    seconds: kind === "dwell" || kind === "left" ? 60 : kind === "crowd" ? 30 : 0,
    count: kind === "crowd" ? 5 : 1,
    hints: [],
    windows: [],
    zone_name: "Europe/London",
    cool_down_s: 300,
    review_us: 0,
  };
}

const minute = (minutes: number): string =>
  `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;

export function hoursInWords(windows: readonly Hours[]): string {
  if (windows.length === 0) return "always";
  return windows
    .map((each) => {
      const days = each.days.length === 7 ? "every day" : each.days.map((day) => DAY_WORDS[day]).join(", ");
      return each.from_minute === each.to_minute ? days : `${days} ${minute(each.from_minute)} to ${minute(each.to_minute)}`;
    })
    .join("; ");
}

/** What it minds, in one line. */
export function watchInWords(watch: Watch): string {
  if (watch.kind === "tamper") {
    const hints = watch.hints.length === 0 ? Object.values(HINT_WORDS) : watch.hints.map((hint) => HINT_WORDS[hint] ?? hint);
    return `picture ${hints.join(", ")}`;
  }
  const who = watch.objects.length === 0 ? "anything" : watch.objects.map((kind) => OBJECT_WORDS[kind] ?? "?").join(", ");
  if (watch.kind === "crowd") return `${watch.count} or more (${who}) for ${watch.seconds} s`;
  if (watch.kind === "dwell" || watch.kind === "left") return `${who} for ${watch.seconds} s`;
  if (watch.kind === "wrong_way") return `${who}; the right way is ${WAYS[watch.direction] ?? "?"}`;
  return who;
}

/** How often it raised something, or would have, in a day. */
export function aDay(rule: Rule): string {
  const times = (rule.state === "on" ? rule.raised : rule.shadow + rule.raised) / rule.days;
  const shown = times >= 10 ? Math.round(times).toString() : times.toFixed(1).replace(/\.0$/, "");
  return rule.state === "on" ? `${shown} a day` : `would have raised ${shown} a day`;
}

export function falseRate(rule: Rule): string {
  const judged = rule.judged_true + rule.judged_false;
  if (rule.false_rate === null) return "none judged yet";
  return `${Math.round(rule.false_rate * 100)} % of ${judged} judged were wrong`;
}

/** Whole days until it may raise alarms. */
export const shadowDays = (rule: Rule, nowUs: number): number => Math.max(1, Math.ceil((rule.shadow_until_us - nowUs) / DAY));

/** The recording around an alarm. */
export function reviewOf(alarm: Alarm): string {
  const at = new Date((alarm.time_us - 5 * SECOND) / 1000).toISOString();
  return `/review?cameras=${encodeURIComponent(alarm.camera)}&at=${encodeURIComponent(at)}&span=120`;
}

/** What is still missing before a rule can be saved; "" when nothing is. */
export function missing(words: RuleWords, nowUs: number): string {
  const watch = words.watch;
  if (!words.camera) return "Choose a camera.";
  if (words.name.trim().length < 3) return "Give the rule a name.";
  if (watch.kind === "line" && watch.line.length !== 2) return "Draw the line: two points.";
  if (watch.kind === "court" && watch.zone.length < 3) return "Draw the court: three corners or more.";
  if (watch.zone.length > 0 && watch.zone.length < 3) return "A zone has three corners or more.";
  if (watch.windows.some((each) => each.days.length === 0)) return "Choose the days of its hours.";
  if (aboutPeople(watch)) {
    if (words.reason.trim().length < 40) return "Write why people who stay there are watched for, in whole sentences.";
    if (watch.review_us <= nowUs) return "Choose the day on which its bias is reviewed.";
  } else if (words.reason.trim().length < 8) return "Say what the rule is for.";
  return "";
}
