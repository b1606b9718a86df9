// How busy a camera's picture was: strips as the hub sends them, questions about them, and their drawing. Pure but for the canvas.

import type { Strip } from "../api";
import type { Colours } from "./colours";

export type { Strip };
export type Strips = Map<string, Strip>;

/** From this value on a second counts as busy in words and in the table. */
export const BUSY = 96;
const LOOKED = 128;

export function bucketUs(strip: Strip): number {
  return (strip.to_us - strip.from_us) / Math.max(1, strip.values.length);
}

/** 0 not known, 1 quiet to 255 busy. */
export function valueAt(strip: Strip | undefined, us: number): number {
  if (!strip || us < strip.from_us || us >= strip.to_us) return 0;
  return strip.values[Math.floor((us - strip.from_us) / bucketUs(strip))] ?? 0;
}

function looked(strip: Strip, index: number): boolean {
  return (strip.checked[index] ?? 0) >= LOOKED;
}

/** What the strip says about a moment, in words; "" where it says nothing. */
export function tellActivity(strip: Strip | undefined, us: number): string {
  const value = valueAt(strip, us);
  if (!strip || !value) return "";
  const index = Math.floor((us - strip.from_us) / bucketUs(strip));
  const how = value >= BUSY * 2 ? "Very busy" : value >= BUSY ? "Busy" : value > 30 ? "A little busy" : "Quiet";
  if (looked(strip, index)) return `${how}, keyframes compared.`;
  return strip.ordered ? `${how} by packet sizes, which only order.` : "Packet sizes of this camera say little.";
}

export interface Stretch {
  from: number;
  to: number;
  value: number;
  looked: boolean;
}

/** The busiest stretches of a strip within [from, to), busiest first; neighbours of a busy bucket belong to it. */
export function busiest(strip: Strip, from: number, to: number, most: number): Stretch[] {
  const step = bucketUs(strip);
  const found: Stretch[] = [];
  let open: Stretch | null = null;
  strip.values.forEach((value, index) => {
    const start = strip.from_us + index * step;
    if (value < BUSY || start + step <= from || start >= to) {
      open = null;
      return;
    }
    if (open) {
      open.to = start + step;
      open.value = Math.max(open.value, value);
      open.looked &&= looked(strip, index);
    } else {
      open = { from: start, to: start + step, value, looked: looked(strip, index) };
      found.push(open);
    }
  });
  return found.sort((a, b) => b.value - a.value || a.from - b.from).slice(0, most);
}

/** The part of time to ask for, so that some panning needs no new question: the view and half of it on both sides, whole steps. */
export function wanted(view: { from: number; span: number }, limits: { from: number; to: number }, nowUs: number): { from: number; to: number } {
  const grid = Math.max(1_000_000, view.span / 2);
  const from = Math.floor((view.from - view.span / 2) / grid) * grid;
  const to = Math.ceil((view.from + view.span * 1.5) / grid) * grid;
  return { from: Math.max(limits.from, from), to: Math.min(limits.to, nowUs, to) };
}

/** Bars along the lower edge of a lane: taller is busier; full colour where keyframes were compared, pale where only sizes tell. */
export function paintStrip(
  context: CanvasRenderingContext2D,
  strip: Strip,
  xAt: (us: number) => number,
  bounds: { left: number; right: number; top: number; tall: number },
  colours: Colours,
): void {
  const step = bucketUs(strip);
  const { left, right, top, tall } = bounds;
  for (let index = 0; index < strip.values.length; index++) {
    const value = strip.values[index]!;
    if (!value) continue;
    const start = xAt(strip.from_us + index * step);
    const end = xAt(strip.from_us + (index + 1) * step);
    if (end < left || start > right) continue;
    const height = Math.max(1, Math.round((value / 255) * tall));
    context.globalAlpha = looked(strip, index) ? 1 : strip.ordered ? 0.6 : 0.25;
    context.fillStyle = value >= BUSY ? colours.busy : colours.calm;
    const x = Math.max(left, start);
    context.fillRect(x, top + tall - height, Math.max(1, Math.min(right, end) - x), height);
  }
  context.globalAlpha = 1;
}
