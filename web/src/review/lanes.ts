// What is recorded, per camera: runs, gaps and questions about them. Pure.

import type { Away, Gap, Lane, Run, StreamKind, Timeline } from "../api";
import { SECOND } from "../time";

/** Footage becomes playable about this much behind the present: a piece is listed once its last frame is durable. */
export const EDGE_US = 6 * SECOND;

export interface CameraLanes {
  id: string;
  main: Lane;
  sub: Lane;
}

export type Lanes = Map<string, CameraLanes>;

const nothing = (id: string): Lane => ({ id, runs: [], gaps: [] });

export function lanesOf(main: Lane[], sub: Lane[]): Lanes {
  const lanes: Lanes = new Map();
  for (const lane of main) lanes.set(lane.id, { id: lane.id, main: lane, sub: nothing(lane.id) });
  for (const lane of sub) {
    const found = lanes.get(lane.id);
    if (found) found.sub = lane;
    else lanes.set(lane.id, { id: lane.id, main: nothing(lane.id), sub: lane });
  }
  return lanes;
}

/** `old` up to `cut`, `fresh` from there on: yesterday needs no second asking. */
export function joined(old: Lane, fresh: Lane, cut: number): Lane {
  const runs = old.runs.filter((run) => run.start_us < cut).map((run) => ({ ...run }));
  for (const run of fresh.runs) {
    const last = runs.at(-1);
    // The fresh answer may clip at the cut a run that the old one has whole.
    if (last && run.start_us <= Math.max(cut, last.start_us) && run.end_us >= last.end_us && last.end_us >= cut - SECOND) {
      last.end_us = run.end_us;
      last.growing = run.growing;
      last.lost_packets = Math.max(last.lost_packets, run.lost_packets);
    } else if (run.start_us >= cut || !last || run.start_us >= last.end_us) runs.push(run);
  }
  const gaps = old.gaps.filter((gap) => gap.end_us <= cut);
  for (const gap of fresh.gaps) {
    const whole = old.gaps.find((each) => each.start_us < cut && each.end_us > cut && gap.start_us <= cut);
    gaps.push(whole ? { ...gap, start_us: whole.start_us } : gap);
  }
  return { id: old.id, runs, gaps };
}

/** What is known of the whole span, as of `until`. */
export interface Known {
  main: Lane[];
  sub: Lane[];
  until: number;
  /** Sites whose lanes are as they were known before, or not there. */
  away: Away[];
}

/** What is known with the answers about [since, until). A camera whose site is away keeps what was known of it. */
export function merged(old: Known | null, main: Timeline, sub: Timeline, since: number, until: number): Known {
  const away = main.away.length >= sub.away.length ? main.away : sub.away;
  const missing = new Set(away.flatMap((each) => each.cameras));
  const lanes = (kept: Lane[], fresh: Lane[]): Lane[] => [
    ...fresh
      .filter((lane) => !missing.has(lane.id))
      .map((lane) => {
        const before = kept.find((each) => each.id === lane.id);
        return before ? joined(before, lane, since) : lane;
      }),
    ...kept.filter((lane) => missing.has(lane.id)),
  ];
  return { main: lanes(old?.main ?? [], main.cameras), sub: lanes(old?.sub ?? [], sub.cameras), until, away };
}

export function endOf(run: Run, nowUs: number): number {
  return run.growing ? Math.max(run.end_us, nowUs - EDGE_US) : run.end_us;
}

export function runAt(lane: Lane, us: number, nowUs: number): Run | null {
  let low = 0;
  let high = lane.runs.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const run = lane.runs[middle]!;
    if (us < run.start_us) high = middle - 1;
    else if (us >= endOf(run, nowUs)) low = middle + 1;
    else return run;
  }
  return null;
}

/** The stream to play at `us`: the preferred one where it has footage, else the other, else none. */
export function streamAt(lanes: CameraLanes | undefined, preferred: StreamKind, us: number, nowUs: number): StreamKind | null {
  if (!lanes) return null;
  const other: StreamKind = preferred === "main" ? "sub" : "main";
  if (runAt(lanes[preferred], us, nowUs)) return preferred;
  return runAt(lanes[other], us, nowUs) ? other : null;
}

export function gapAt(lanes: CameraLanes | undefined, us: number): Gap | null {
  return lanes?.main.gaps.find((gap) => us >= gap.start_us && us < gap.end_us) ?? null;
}

function starts(lanes: Lanes, cameras: string[]): number[] {
  const found = new Set<number>();
  for (const id of cameras) for (const run of lanes.get(id)?.main.runs ?? []) found.add(run.start_us);
  return [...found].sort((a, b) => a - b);
}

/** Start of the next recording after `us` on any of `cameras`; null when there is none. */
export function nextStart(lanes: Lanes, cameras: string[], us: number): number | null {
  return starts(lanes, cameras).find((start) => start > us + SECOND / 10) ?? null;
}

/** Start of the recording playing at `us`, or of the one before when already there. */
export function previousStart(lanes: Lanes, cameras: string[], us: number): number | null {
  return starts(lanes, cameras).findLast((start) => start < us - 2 * SECOND) ?? null;
}

export function newest(lanes: Lanes, cameras: string[], nowUs: number): number | null {
  let best: number | null = null;
  for (const id of cameras) {
    const run = lanes.get(id)?.main.runs.at(-1);
    if (run) best = Math.max(best ?? 0, endOf(run, nowUs));
  }
  return best;
}

/** First footage within a span on any camera. */
export function firstIn(lanes: Lanes, cameras: string[], from: number, to: number): number | null {
  let best: number | null = null;
  for (const id of cameras)
    for (const run of lanes.get(id)?.main.runs ?? [])
      if (run.end_us > from && run.start_us < to) {
        const at = Math.max(run.start_us, from);
        if (best === null || at < best) best = at;
      }
  return best;
}

/** Within a span, the first moment at which as many of `cameras` as ever have footage together. */
export function fullestIn(lanes: Lanes, cameras: string[], from: number, to: number): number | null {
  const runs = cameras.map((id) => lanes.get(id)?.main.runs ?? []);
  const moments = runs
    .flat()
    .map((run) => Math.max(run.start_us, from))
    .filter((us) => us < to)
    .sort((a, b) => a - b);
  let best: number | null = null;
  let most = 0;
  for (const us of moments) {
    const have = runs.filter((each) => each.some((run) => run.start_us <= us && us < run.end_us)).length;
    if (have > most) {
      most = have;
      best = us;
    }
  }
  return best;
}
