// Times in form fields: a browser's datetime-local holds a wall clock without a zone; ours is London's, as everywhere on screen.

import { fromWall, isoDay, clock } from "../time";

/** 2026-11-22T21:03, or "" for none. */
export function toField(us: number | null): string {
  return us === null ? "" : `${isoDay(us)}T${clock(us).slice(0, 5)}`;
}

/** Microseconds of what the field holds; null when it holds nothing that can be read. */
export function fromField(text: string): number | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})/.exec(text);
  if (!match) return null;
  const [year, month, day, hour, minute] = match.slice(1).map(Number) as [number, number, number, number, number];
  return fromWall(year, month, day, hour, minute, 0);
}
