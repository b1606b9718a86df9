// The day on a canvas: a lane per camera, runs, gaps with their reason, marks, the present and the playhead.
// Made once and told what changed; it draws itself at most once a frame.

import { clock, dayClock, exact, fineClock, HOUR, SECOND, shortDay, span as sayspan, isoDay, DAY } from "../time";
import { paintStrip, tellActivity, type Strip, type Strips } from "./activity";
import { SCHEMES, type Colours } from "./colours";
import { endOf, type CameraLanes } from "./lanes";
import { clampSpan, panned, ticks, zoomed, type View } from "./timescale";

export const RULER_PX = 26;
const STRIP_PX = 9;

export interface LaneRow {
  id: string;
  name: string;
  lanes: CameraLanes | undefined;
}

export interface Marks {
  in: number | null;
  out: number | null;
}

export interface TimelineEvents {
  /** A person wants to be at `us`; `last` is false while they still drag. */
  onSeek(us: number, last: boolean): void;
  onView(view: View): void;
}

export class TimelineCanvas {
  private readonly canvas = document.createElement("canvas");
  private readonly tip = document.createElement("div");
  private context: CanvasRenderingContext2D;
  private rows: LaneRow[] = [];
  private strips: Strips = new Map();
  private view: View = { from: 0, span: HOUR };
  private playhead = 0;
  private nowUs = 0;
  private marks: Marks = { in: null, out: null };
  private colours: Colours = SCHEMES.dark;
  private hatch: CanvasPattern | null = null;
  private width = 0;
  private height = 0;
  private labels = 130;
  private frame = 0;
  private pointers = new Map<number, { x: number; y: number }>();
  private drag: { kind: "press" | "pan" | "scrub" | "pinch"; x: number; view: View; gap: number } | null = null;
  private watcher: ResizeObserver;

  constructor(
    private readonly box: HTMLElement,
    private readonly events: TimelineEvents,
    tipClass: string,
  ) {
    this.context = this.canvas.getContext("2d")!;
    this.canvas.style.display = "block";
    this.canvas.style.touchAction = "none";
    this.canvas.setAttribute("aria-hidden", "true");
    this.tip.className = tipClass;
    this.tip.hidden = true;
    box.append(this.canvas, this.tip);
    this.watcher = new ResizeObserver(() => this.resize());
    this.watcher.observe(box);
    this.canvas.addEventListener("wheel", this.onWheel, { passive: false });
    this.canvas.addEventListener("pointerdown", this.onDown);
    this.canvas.addEventListener("pointermove", this.onMove);
    this.canvas.addEventListener("pointerup", this.onUp);
    this.canvas.addEventListener("pointercancel", this.onUp);
    this.canvas.addEventListener("pointerleave", () => this.hideTip());
    this.canvas.addEventListener("dblclick", (event) => this.zoom(4, this.usAt(event.offsetX)));
  }

  // What the page tells it

  setRows(rows: LaneRow[]): void {
    this.rows = rows;
    this.resize();
  }

  setStrips(strips: Strips): void {
    this.strips = strips;
    this.box.dataset.strips = String(strips.size);
    this.draw();
  }

  setView(view: View): void {
    if (view.from === this.view.from && view.span === this.view.span) return;
    this.view = { ...view };
    this.draw();
  }

  setPlayhead(us: number, nowUs: number): void {
    this.playhead = us;
    this.nowUs = nowUs;
    this.draw();
  }

  setMarks(marks: Marks): void {
    this.marks = marks;
    this.draw();
  }

  setScheme(scheme: "dark" | "light"): void {
    this.colours = SCHEMES[scheme];
    this.hatch = null;
    this.draw();
  }

  zoom(factor: number, at = this.playhead): void {
    this.change(zoomed(this.view, factor, at));
  }

  close(): void {
    cancelAnimationFrame(this.frame);
    this.watcher.disconnect();
    this.canvas.remove();
    this.tip.remove();
  }

  // Geometry

  static laneHeight(rows: number): number {
    return rows > 8 ? 26 : 34;
  }

  static heightFor(rows: number): number {
    return RULER_PX + Math.max(1, rows) * TimelineCanvas.laneHeight(rows) + 4;
  }

  private get plot(): number {
    return Math.max(1, this.width - this.labels);
  }

  private usAt(x: number): number {
    return this.view.from + ((x - this.labels) / this.plot) * this.view.span;
  }

  private xAt(us: number): number {
    return this.labels + ((us - this.view.from) / this.view.span) * this.plot;
  }

  private resize(): void {
    const width = this.box.clientWidth;
    const height = TimelineCanvas.heightFor(this.rows.length);
    const scale = window.devicePixelRatio || 1;
    this.labels = width < 560 ? 92 : 150;
    if (this.canvas.width !== Math.round(width * scale) || this.canvas.height !== Math.round(height * scale)) {
      this.canvas.width = Math.round(width * scale);
      this.canvas.height = Math.round(height * scale);
      this.canvas.style.width = `${width}px`;
      this.canvas.style.height = `${height}px`;
    }
    this.width = width;
    this.height = height;
    this.paint();
  }

  private change(view: View): void {
    this.view = { from: view.from, span: clampSpan(view.span) };
    this.draw();
    this.events.onView(this.view);
  }

  // Pointer and wheel

  private onWheel = (event: WheelEvent): void => {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 16 : 1;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      const by = (event.deltaX || event.deltaY) * unit;
      this.change(panned(this.view, (by / this.plot) * this.view.span));
    } else this.change(zoomed(this.view, Math.exp(-event.deltaY * unit * 0.0022), this.usAt(event.offsetX)));
    this.showTip(event.offsetX, event.offsetY);
  };

  private onDown = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    if (this.pointers.size === 2) {
      this.drag = { kind: "pinch", x: 0, view: this.view, gap: this.pinch().gap };
      return;
    }
    const onHandle = Math.abs(event.offsetX - this.xAt(this.playhead)) < 9;
    const scrub = event.offsetX > this.labels && (event.offsetY < RULER_PX || onHandle);
    this.drag = { kind: scrub ? "scrub" : "press", x: event.offsetX, view: this.view, gap: 0 };
    if (scrub && !onHandle) this.events.onSeek(this.usAt(event.offsetX), false);
  };

  private pinch(): { middle: number; gap: number } {
    const [a, b] = [...this.pointers.values()];
    return { middle: (a!.x + b!.x) / 2, gap: Math.max(20, Math.abs(a!.x - b!.x)) };
  }

  private onMove = (event: PointerEvent): void => {
    const drag = this.drag;
    if (this.pointers.has(event.pointerId)) this.pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    if (!drag) {
      this.showTip(event.offsetX, event.offsetY);
      this.canvas.style.cursor = event.offsetX < this.labels ? "" : event.offsetY < RULER_PX ? "col-resize" : "crosshair";
      return;
    }
    this.hideTip();
    if (drag.kind === "pinch" && this.pointers.size === 2) {
      const { middle, gap } = this.pinch();
      this.change(zoomed(this.view, gap / drag.gap, this.usAt(middle)));
      drag.gap = gap;
      return;
    }
    if (drag.kind === "press" && Math.abs(event.offsetX - drag.x) > 4) drag.kind = "pan";
    if (drag.kind === "pan") {
      this.canvas.style.cursor = "grabbing";
      this.change(panned(drag.view, (-(event.offsetX - drag.x) / this.plot) * drag.view.span));
    } else if (drag.kind === "scrub") this.events.onSeek(this.usAt(event.offsetX), false);
  };

  private onUp = (event: PointerEvent): void => {
    const drag = this.drag;
    this.pointers.delete(event.pointerId);
    if (this.pointers.size === 0) this.drag = null;
    if (!drag || event.type === "pointercancel") return;
    if (drag.kind === "press" && event.offsetX > this.labels) this.events.onSeek(this.usAt(event.offsetX), true);
    if (drag.kind === "scrub") this.events.onSeek(this.usAt(event.offsetX), true);
  };

  // What is under the pointer

  private rowAt(y: number): LaneRow | undefined {
    return this.rows[Math.floor((y - RULER_PX) / TimelineCanvas.laneHeight(this.rows.length))];
  }

  private showTip(x: number, y: number): void {
    if (x <= this.labels || x > this.width) {
      this.hideTip();
      return;
    }
    const us = this.usAt(x);
    const row = y >= RULER_PX ? this.rowAt(y) : undefined;
    this.tip.textContent = row ? `${row.name}, ${dayClock(us)}. ${tellLane(row, us, this.nowUs, this.strips.get(row.id))}` : exact(us).split(" (")[0]!;
    this.tip.hidden = false;
    const wide = this.tip.offsetWidth;
    this.tip.style.left = `${Math.max(4, Math.min(this.width - wide - 4, x - wide / 2))}px`;
    this.tip.style.top = `${Math.max(-34, y - 40)}px`;
  }

  private hideTip(): void {
    this.tip.hidden = true;
  }

  // Drawing

  private draw(): void {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.paint());
  }

  private paint(): void {
    this.frame = 0;
    const { context, colours } = this;
    if (this.width === 0) return;
    const scale = window.devicePixelRatio || 1;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    context.font = "12px system-ui, sans-serif";
    context.textBaseline = "middle";
    const lane = TimelineCanvas.laneHeight(this.rows.length);

    context.save();
    context.beginPath();
    context.rect(this.labels, 0, this.plot, this.height);
    context.clip();
    this.rows.forEach((row, index) => this.paintLane(row, RULER_PX + index * lane, lane));
    const future = Math.max(this.labels, this.xAt(this.nowUs));
    context.fillStyle = colours.future;
    if (future < this.width) context.fillRect(future, RULER_PX, this.width - future, this.height);
    this.paintMarks();
    this.paintRuler();
    if (future > this.labels && future < this.width) {
      context.fillStyle = colours.now;
      context.fillRect(future - 1, RULER_PX - 6, 2, this.height);
      context.fillText("now", future + 5, RULER_PX + 8);
    }
    this.paintPlayhead();
    context.restore();

    this.rows.forEach((row, index) => {
      context.fillStyle = colours.text;
      context.fillText(shortened(context, row.name, this.labels - 14), 8, RULER_PX + index * lane + lane / 2);
    });
    context.fillStyle = colours.quiet;
    context.fillText(shortDay(this.view.from), 8, RULER_PX / 2);
    context.fillStyle = colours.line;
    context.fillRect(this.labels - 1, 0, 1, this.height);
  }

  private paintLane(row: LaneRow, top: number, lane: number): void {
    const { context, colours } = this;
    const tall = lane - 5 - STRIP_PX;
    const end = this.view.from + this.view.span;
    context.fillStyle = colours.line;
    context.fillRect(this.labels, top + lane - 1, this.plot, 1);
    const lanes = row.lanes;
    if (!lanes) return;
    for (const gap of lanes.main.gaps) {
      if (gap.end_us < this.view.from || gap.start_us > end) continue;
      const left = Math.max(this.labels, this.xAt(gap.start_us));
      const right = Math.min(this.width, this.xAt(Math.min(gap.end_us, this.nowUs)));
      if (right <= left) continue;
      context.fillStyle = colours.gap;
      context.fillRect(left, top + 2, right - left, tall);
      context.fillStyle = this.hatching();
      context.fillRect(left, top + 2, right - left, tall);
      if (right - left > 150) {
        const words = shortened(context, gap.text || "Nothing was recorded.", right - left - 20);
        const wide = context.measureText(words).width + 12;
        context.fillStyle = colours.panel;
        context.fillRect((left + right - wide) / 2, top + 3, wide, tall - 2);
        context.fillStyle = colours.quiet;
        context.fillText(words, (left + right - wide) / 2 + 6, top + 2 + tall / 2);
      }
    }
    for (const run of lanes.sub.runs) this.bar(run.start_us, endOf(run, this.nowUs), top + 2 + tall - 5, 5, colours.sub);
    for (const run of lanes.main.runs) {
      const until = endOf(run, this.nowUs);
      this.bar(run.start_us, until, top + 2, tall, run.imported ? colours.imported : colours.run);
      if (run.imported) {
        // a notch along the top, so that imports differ by shape too
        const left = Math.max(this.labels, this.xAt(run.start_us));
        const right = Math.min(this.width, this.xAt(until));
        context.fillStyle = colours.panel;
        for (let x = left + 4; x < right - 4; x += 10) context.fillRect(x, top + 2, 5, 3);
      }
    }
    const strip = this.strips.get(row.id);
    if (!strip) return;
    const bounds = { left: this.labels, right: this.width, top: top + 2 + tall, tall: STRIP_PX };
    paintStrip(context, strip, (us) => this.xAt(us), bounds, colours);
  }

  private bar(from: number, to: number, top: number, tall: number, colour: string): void {
    const left = Math.max(this.labels - 4, this.xAt(from));
    const right = Math.min(this.width + 4, this.xAt(to));
    if (right < this.labels || left > this.width) return;
    this.context.fillStyle = colour;
    this.context.fillRect(left, top, Math.max(1, right - left), tall);
  }

  private hatching(): CanvasPattern | string {
    if (this.hatch) return this.hatch;
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const context = tile.getContext("2d")!;
    context.strokeStyle = this.colours.hatch;
    context.lineWidth = 1.4;
    context.beginPath();
    for (const at of [-8, 0, 8]) {
      context.moveTo(at, 8);
      context.lineTo(at + 8, 0);
    }
    context.stroke();
    this.hatch = this.context.createPattern(tile, "repeat");
    return this.hatch ?? this.colours.hatch;
  }

  private paintRuler(): void {
    const { context, colours } = this;
    const { step, at } = ticks(this.view, this.plot, 86);
    for (const us of at) {
      const x = Math.round(this.xAt(us));
      context.fillStyle = colours.line;
      context.fillRect(x, RULER_PX - 7, 1, 7);
      context.globalAlpha = 0.5;
      context.fillRect(x, RULER_PX, 1, this.height);
      context.globalAlpha = 1;
      context.fillStyle = colours.quiet;
      const midnight = clock(us) === "00:00:00" && step >= SECOND;
      const words = step < SECOND ? fineClock(us) : midnight ? shortDay(us) : step >= DAY ? isoDay(us) : clock(us);
      context.fillText(words, x + 4, 11);
    }
  }

  private paintMarks(): void {
    const { context, colours, marks } = this;
    if (marks.in !== null && marks.out !== null && marks.out > marks.in) {
      const left = this.xAt(marks.in);
      const right = this.xAt(marks.out);
      context.globalAlpha = 0.2;
      context.fillStyle = colours.mark;
      context.fillRect(left, 0, right - left, this.height);
      context.globalAlpha = 1;
    }
    for (const [at, name] of [
      [marks.in, "I"],
      [marks.out, "O"],
    ] as const) {
      if (at === null) continue;
      const x = this.xAt(at);
      context.fillStyle = colours.mark;
      context.fillRect(x - 1, 0, 2, this.height);
      const left = name === "I" ? x - 14 : x; // outside, so that close marks don't cover each other
      context.fillRect(left, RULER_PX - 14, 14, 14);
      context.fillStyle = colours.panel;
      context.font = "bold 12px system-ui, sans-serif";
      context.fillText(name, left + (name === "I" ? 5 : 3), RULER_PX - 6.5);
      context.font = "12px system-ui, sans-serif";
    }
  }

  private paintPlayhead(): void {
    const { context, colours } = this;
    const x = this.xAt(this.playhead);
    context.fillStyle = colours.accent;
    context.fillRect(x - 1, 0, 2, this.height);
    context.beginPath();
    context.moveTo(x - 7, 0);
    context.lineTo(x + 7, 0);
    context.lineTo(x + 7, 8);
    context.lineTo(x, 15);
    context.lineTo(x - 7, 8);
    context.closePath();
    context.fill();
  }
}

/** What a lane has at a moment, in words; also read out to screen readers. */
export function tellLane(row: LaneRow, us: number, nowUs: number, strip?: Strip): string {
  if (!row.lanes) return "Asking the hub.";
  if (us > nowUs) return "Not recorded yet.";
  const run = row.lanes.main.runs.find((each) => us >= each.start_us && us < endOf(each, nowUs));
  if (run) {
    const lost = run.lost_packets ? ` ${run.lost_packets} packets were lost on the way.` : "";
    return `${run.imported ? "Imported recording" : "Recorded"} from ${dayClock(run.start_us)}.${lost}${strip ? ` ${tellActivity(strip, us)}`.trimEnd() : ""}`;
  }
  const gap = row.lanes.main.gaps.find((each) => us >= each.start_us && us < each.end_us);
  if (gap) return `No footage for ${sayspan(gap.end_us - gap.start_us)}. ${gap.text}`;
  return "No footage.";
}

function shortened(context: CanvasRenderingContext2D, words: string, room: number): string {
  if (context.measureText(words).width <= room) return words;
  let kept = words;
  while (kept.length > 1 && context.measureText(`${kept}…`).width > room) kept = kept.slice(0, -1);
  return `${kept.trimEnd()}…`;
}
