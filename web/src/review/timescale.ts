// The timeline's arithmetic: what part of time is seen, and where its ticks stand. Pure.

import { DAY, HOUR, MINUTE, midnight, SECOND } from "../time";

export interface View {
  from: number;
  span: number;
}

export const SHORTEST = SECOND;
export const LONGEST = 7 * DAY;

export const clampSpan = (span: number): number => Math.max(SHORTEST, Math.min(LONGEST, span));

/** Zoomed by `factor` (above 1 is closer) with the moment `at` staying where it is. */
export function zoomed(view: View, factor: number, at: number): View {
  const span = clampSpan(view.span / factor);
  return { from: at - ((at - view.from) / view.span) * span, span };
}

export const panned = (view: View, by: number): View => ({ ...view, from: view.from + by });

export const centred = (view: View, at: number): View => ({ ...view, from: at - view.span / 2 });

export const holds = (view: View, at: number, margin = 0): boolean =>
  at >= view.from + view.span * margin && at <= view.from + view.span * (1 - margin);

const STEPS = [
  SECOND / 10,
  SECOND / 5,
  SECOND / 2,
  SECOND,
  2 * SECOND,
  5 * SECOND,
  10 * SECOND,
  15 * SECOND,
  30 * SECOND,
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
];

export interface Ticks {
  /** Between labels, microseconds. */
  step: number;
  at: number[];
}

/** Moments that deserve a label, at least `gapPx` apart. Hours and longer stand on London's clock, not on UTC's. */
export function ticks(view: View, width: number, gapPx: number): Ticks {
  const least = (view.span / Math.max(1, width)) * gapPx;
  const step = STEPS.find((each) => each >= least) ?? DAY;
  const at: number[] = [];
  if (step <= HOUR) {
    for (let us = Math.ceil(view.from / step) * step; us <= view.from + view.span; us += step) at.push(us);
    return { step, at };
  }
  for (let day = midnight(view.from); day <= view.from + view.span; day = midnight(day, 1)) {
    const next = midnight(day, 1);
    for (let us = day; us < next; us += step) if (us >= view.from && us <= view.from + view.span) at.push(us);
  }
  return { step, at };
}
