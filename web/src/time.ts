// Times as people read them. The hub speaks UTC microseconds; screens show the clock on the wall in London.

export const ZONE = "Europe/London";
export const SECOND = 1_000_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const parts = new Intl.DateTimeFormat("en-GB", {
  timeZone: ZONE,
  hourCycle: "h23",
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const weekday = new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, weekday: "short", day: "numeric", month: "short" });
const longDay = new Intl.DateTimeFormat("en-GB", {
  timeZone: ZONE,
  weekday: "long",
  day: "numeric",
  month: "long",
  year: "numeric",
});
const zoneName = new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, timeZoneName: "short" });

interface Wall {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

function wall(us: number): Wall {
  const found: Record<string, number> = {};
  for (const part of parts.formatToParts(Math.floor(us / 1000))) found[part.type] = Number(part.value);
  return found as unknown as Wall;
}

const two = (n: number): string => String(n).padStart(2, "0");

/** 21:03:12 */
export function clock(us: number): string {
  const at = wall(us);
  return `${two(at.hour)}:${two(at.minute)}:${two(at.second)}`;
}

/** 21:03:12.40 */
export function fineClock(us: number): string {
  const hundredths = Math.floor((((us % SECOND) + SECOND) % SECOND) / 10_000);
  return `${clock(us)}.${two(hundredths)}`;
}

/** 2026-11-21 */
export function isoDay(us: number): string {
  const at = wall(us);
  return `${at.year}-${two(at.month)}-${two(at.day)}`;
}

/** Sat 21 Nov */
export const shortDay = (us: number): string => weekday.format(us / 1000).replace(",", "");

/** Saturday 21 November 2026 */
export const fullDay = (us: number): string => longDay.format(us / 1000);

/** Sat 21 Nov, 21:03:12 */
export const dayClock = (us: number): string => `${shortDay(us)}, ${clock(us)}`;

/** GMT or BST, whichever holds at that moment. */
export function zone(us: number): string {
  return zoneName.formatToParts(us / 1000).find((part) => part.type === "timeZoneName")?.value ?? "";
}

/** For a hover: the whole date, the zone, and UTC. */
export function exact(us: number): string {
  const utc = new Date(us / 1000).toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
  return `${fullDay(us)}, ${fineClock(us)} ${zone(us)} (${utc})`;
}

/** Microseconds of a London wall clock. In the hour that happens twice in October the first one is meant. */
export function fromWall(year: number, month: number, day: number, hour: number, minute: number, second: number): number {
  const naive = Date.UTC(year, month - 1, day, hour, minute, second) * 1000;
  for (const offset of [HOUR, 0]) {
    const guess = naive - offset;
    const at = wall(guess);
    if (at.hour === hour && at.minute === minute && at.day === day) return guess;
  }
  return naive; // the hour that March leaves out
}

/** Midnight in London that begins the day holding `us`; `days` later or earlier. */
export function midnight(us: number, days = 0): number {
  const at = wall(us);
  const shifted = new Date(Date.UTC(at.year, at.month - 1, at.day + days));
  return fromWall(shifted.getUTCFullYear(), shifted.getUTCMonth() + 1, shifted.getUTCDate(), 0, 0, 0);
}

/** Midnight of "2026-11-21", or null. */
export function fromIsoDay(text: string): number | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!match) return null;
  return fromWall(Number(match[1]), Number(match[2]), Number(match[3]), 0, 0, 0);
}

/**
 * What a person typed into "go to time": `21:03`, `210312`, `21:03:12.5`, `2026-11-21 21:03:12`, `21/11 21:03`,
 * `yesterday 21:03`, `now`, `+30`, `-2m`. Times without a day mean the day of `nearUs`. Null when it can't be read.
 */
export function parseTime(text: string, nearUs: number, nowUs: number): number | null {
  const typed = text.trim().toLowerCase();
  if (typed === "now") return nowUs;
  const relative = /^([+-])\s*(\d+(?:\.\d+)?)\s*(s|m|h|)$/.exec(typed);
  if (relative) {
    const unit = relative[3] === "h" ? HOUR : relative[3] === "m" ? MINUTE : SECOND;
    return nearUs + (relative[1] === "-" ? -1 : 1) * Number(relative[2]) * unit;
  }
  let base = wall(nearUs);
  let rest = typed;
  const iso = /^(\d{4})-(\d{2})-(\d{2})[ t]+/.exec(rest);
  const slashed = /^(\d{1,2})\/(\d{1,2})(?:\/(\d{4}))?[ ,]+/.exec(rest);
  const named = /^(yesterday|today)[ ,]+/.exec(rest);
  if (iso) {
    base = { ...base, year: Number(iso[1]), month: Number(iso[2]), day: Number(iso[3]) };
    rest = rest.slice(iso[0].length);
  } else if (slashed) {
    base = { ...base, year: Number(slashed[3] ?? base.year), month: Number(slashed[2]), day: Number(slashed[1]) };
    rest = rest.slice(slashed[0].length);
  } else if (named) {
    base = wall(midnight(nowUs, named[1] === "yesterday" ? -1 : 0) + 12 * HOUR);
    rest = rest.slice(named[0].length);
  }
  const match =
    /^(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(\.\d+)?)?$/.exec(rest) ?? /^(\d{2})(\d{2})(?:(\d{2})(\.\d+)?)?$/.exec(rest);
  if (!match) return null;
  const hour = Number(match[1]);
  const minute = Number(match[2]);
  const second = Number(match[3] ?? 0);
  if (hour > 23 || minute > 59 || second > 59 || base.month < 1 || base.month > 12 || base.day < 1 || base.day > 31)
    return null;
  return (
    fromWall(base.year, base.month, base.day, hour, minute, second) + Math.round(Number(match[4] ?? 0) * SECOND)
  );
}

/** 1 h 03 min, 12 min 05 s, 42 s, 3.2 s */
export function span(us: number): string {
  const seconds = Math.abs(us) / SECOND;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** 1.4 GB, in powers of a thousand as disks are sold. */
export function bytes(n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let value = n;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** 1.2 Mbit/s */
export function bitrate(bitsPerSecond: number): string {
  if (bitsPerSecond >= 1e6) return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
  return `${Math.round(bitsPerSecond / 1e3)} kbit/s`;
}
