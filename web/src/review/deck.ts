// One camera of a review: follows the master clock through windows of footage, keyframes only where decoding can't keep up.

import type { StreamKind } from "../api";
import { exact, MINUTE, SECOND } from "../time";
import { EDGE_US, gapAt, streamAt, type CameraLanes } from "./lanes";
import { Slot } from "./slot";

const STEP_US = 20 * MINUTE;
const LEAD_US = MINUTE;
const AHEAD_US = 5 * MINUTE;
const SOON_US = 15 * SECOND;
const SEEK_OFF_S = 0.5;
const NUDGE = 0.15;
const FASTEST = 16; // of what browsers take as playbackRate
const WAIT_SHOWN_MS = 350;

export interface DeckView {
  kind: "picture" | "waiting" | "gap" | "trouble" | "future";
  title: string;
  detail: string;
  /** Small picture shown because the main one can't be, or is not there. */
  note: string;
}

export interface DeckReport {
  camera: string;
  stream: StreamKind | null;
  kind: DeckView["kind"];
  time_us: number | null;
  drift_ms: number | null;
  ready: boolean;
  skipping: boolean;
  last_seek_ms: number | null;
  error: string;
}

export interface Moment {
  us: number;
  rate: number;
  moving: boolean;
  nowUs: number;
  crowd: number;
}

const WAITING: DeckView = { kind: "waiting", title: "", detail: "", note: "" };

export class Deck {
  private active: Slot | null = null;
  private standby: Slot | null = null;
  private view: DeckView = WAITING;
  private listeners = new Set<() => void>();
  private cannotMain = false;
  private notReadySince = 0;
  private skipping = false;
  private skipRate = 0;
  private lateSeeks: number[] = [];
  private lastSkipAt = 0;
  private seekAskedAt = 0;
  private seekAskedUs = 0;
  private lastSeekMs: number | null = null;
  private driftMs: number | null = null;

  constructor(
    readonly camera: string,
    private readonly grant: string,
    private readonly box: HTMLElement,
    public lanes: CameraLanes | undefined,
    public preferred: StreamKind,
    private readonly limits: { from: number; to: number },
  ) {}

  watch = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  current = (): DeckView => this.view;

  private show(next: DeckView): void {
    const old = this.view;
    if (old.kind === next.kind && old.title === next.title && old.detail === next.detail && old.note === next.note) return;
    this.view = next;
    this.box.dataset["kind"] = next.kind;
    for (const listener of this.listeners) listener();
  }

  /** The clock was set by a person: measure from here to the picture. */
  sought(us: number): void {
    this.seekAskedAt = performance.now();
    this.seekAskedUs = us;
  }

  /** Has what the clock needs, or needs nothing (a gap). */
  ready(us: number): boolean {
    if (this.view.kind === "gap" || this.view.kind === "trouble" || this.view.kind === "future") return true;
    const slot = this.active;
    const place = slot?.place(us);
    if (!slot || !place) return false;
    return !slot.video.seeking && slot.video.readyState >= 3 && Math.abs(slot.video.currentTime - place.media) < 0.5;
  }

  follow(at: Moment): void {
    const stream = this.choose(at);
    if (stream === null) {
      this.rest(at);
      return;
    }
    const slot = this.slotFor(at, stream);
    if (slot.error) {
      if (slot.unplayable && stream === "main" && !this.cannotMain) {
        this.cannotMain = true; // the small picture, then
        return;
      }
      this.show({ kind: "trouble", title: slot.error, detail: slot.unplayable ? "It can still be exported." : "", note: "" });
      return;
    }
    const place = slot.place(at.us);
    if (!place) {
      this.waiting(at);
      return;
    }
    this.drive(slot, place.media, place.keyframe, at);
    this.settleView(slot, place.media, at, stream);
    this.lookAhead(at, stream);
  }

  private choose(at: Moment): StreamKind | null {
    const preferred = this.cannotMain ? "sub" : this.preferred;
    const stream = streamAt(this.lanes, preferred, at.us, at.nowUs);
    return stream === "main" && this.cannotMain ? null : stream;
  }

  /** No footage at this moment: say why, and show no old picture. */
  private rest(at: Moment): void {
    this.active?.video.pause();
    this.driftMs = null;
    this.awaitNext(at);
    if (!this.lanes) this.show(WAITING);
    else if (at.us >= at.nowUs - EDGE_US - SECOND) this.show({ kind: "future", title: "Not recorded yet", detail: "", note: "" });
    else {
      const gap = gapAt(this.lanes, at.us);
      this.show({
        kind: "gap",
        title: "No footage here",
        detail: this.cannotMain ? "Only a recording that this browser can't play." : (gap?.text ?? "Nothing was recorded."),
        note: "",
      });
    }
  }

  private slotFor(at: Moment, stream: StreamKind): Slot {
    for (const slot of [this.active, this.standby])
      if (slot?.stream === stream && slot.covers(at.us)) {
        if (slot === this.standby) this.swap();
        return slot;
      }
    this.standby?.close();
    this.standby = this.open(at.us, stream);
    this.swap();
    return this.active!;
  }

  private open(us: number, stream: StreamKind): Slot {
    const from = Math.floor(us / STEP_US) * STEP_US;
    const span = {
      from: Math.max(this.limits.from, from - LEAD_US),
      to: Math.min(this.limits.to, from + 2 * STEP_US),
    };
    const slot = new Slot(this.grant, this.camera, stream, span, us, (shown) => this.framed(slot, shown));
    this.box.append(slot.video);
    slot.video.style.visibility = "hidden";
    return slot;
  }

  private swap(): void {
    const old = this.active;
    this.active = this.standby;
    this.standby = null;
    if (this.active) this.active.video.style.visibility = "";
    old?.close();
  }

  private framed(slot: Slot, us: number): void {
    if (slot !== this.active || !this.seekAskedAt) return;
    if (Math.abs(us - this.seekAskedUs) > SECOND * 2.5) return;
    this.lastSeekMs = performance.now() - this.seekAskedAt;
    this.seekAskedAt = 0;
  }

  private drive(slot: Slot, media: number, keyframe: number, at: Moment): void {
    const { video } = slot;
    const off = video.currentTime - media;
    const speed = Math.abs(at.rate);
    if (this.skipRate !== at.rate) {
      this.skipRate = at.rate;
      this.skipping = at.rate < 0 || (speed >= 8 && at.crowd > 4);
      this.lateSeeks = [];
    }
    if (!at.moving) {
      if (!video.paused) video.pause();
      if (Math.abs(off) > 0.004 && !video.seeking) video.currentTime = media + 0.001;
      this.driftMs = off * 1000;
      return;
    }
    if (this.skipping) {
      if (!video.paused) video.pause();
      const now = performance.now();
      if (!video.seeking && Math.abs(video.currentTime - keyframe) > 0.01 && now - this.lastSkipAt > 60) {
        this.lastSkipAt = now;
        video.currentTime = keyframe + 0.001;
      }
      this.driftMs = null;
      return;
    }
    this.driftMs = off * 1000;
    if (Math.abs(off) > SEEK_OFF_S * Math.max(1, speed / 4)) {
      if (!video.seeking) {
        video.currentTime = media + 0.05 * at.rate;
        this.countLate(speed);
      }
    } else {
      const nudge = Math.max(-NUDGE, Math.min(NUDGE, (off * 0.8) / Math.max(1, speed / 4)));
      const rate = Math.max(0.1, Math.min(FASTEST, at.rate * (1 - nudge)));
      if (Math.abs(video.playbackRate - rate) > 0.005) video.playbackRate = rate;
    }
    if (video.paused && video.readyState >= 2) void video.play().catch(() => undefined); // a pause may come first
  }

  /** Three corrections within four seconds of fast play: this machine can't decode that fast. */
  private countLate(speed: number): void {
    if (speed <= 1) return;
    const now = performance.now();
    this.lateSeeks = [...this.lateSeeks.filter((each) => now - each < 4000), now];
    if (this.lateSeeks.length >= 3) this.skipping = true;
  }

  private settleView(slot: Slot, media: number, at: Moment, stream: StreamKind): void {
    const shown = slot.shownUs;
    const near = shown !== null && Math.abs(shown - at.us) < SECOND * Math.max(3, Math.abs(at.rate) * 3);
    const there = Math.abs(slot.video.currentTime - media) < 2 * Math.max(1, Math.abs(at.rate)) || this.skipping;
    if (near && there && slot.video.readyState >= 2) {
      this.notReadySince = 0;
      const note =
        stream !== this.preferred
          ? stream === "sub"
            ? this.cannotMain
              ? "Small picture: this browser can't play the main one"
              : "Small picture: the main one was not recorded here"
            : "Main picture: no small one was recorded here"
          : this.skipping && at.moving
            ? "Keyframes only at this speed"
            : "";
      this.show({ kind: "picture", title: "", detail: "", note });
    } else this.waiting(at);
  }

  private waiting(at: Moment): void {
    const now = performance.now();
    if (!this.notReadySince) this.notReadySince = now;
    const waited = now - this.notReadySince;
    if (waited < WAIT_SHOWN_MS && this.view.kind === "picture") return;
    this.show({
      kind: "waiting",
      title: waited > WAIT_SHOWN_MS ? "Fetching footage" : "",
      detail: waited > 3000 ? `The site is slow to send ${exact(at.us).split(" (")[0]}.` : "",
      note: "",
    });
  }

  /** In a gap that ends soon: have the first picture after it ready. */
  private awaitNext(at: Moment): void {
    if (!this.lanes || this.standby || at.rate <= 0 || (this.active?.covers(at.us + SOON_US) ?? false)) return;
    const stream = this.cannotMain ? "sub" : this.preferred;
    const next = this.lanes[stream].runs.find((run) => run.start_us > at.us);
    if (!next || next.start_us - at.us > SOON_US * Math.max(1, at.rate)) return;
    this.standby = this.open(next.start_us, stream);
  }

  private lookAhead(at: Moment, stream: StreamKind): void {
    const slot = this.active;
    if (!slot || !at.moving || at.rate <= 0 || this.standby) return;
    if (slot.span.to - at.us > AHEAD_US * Math.max(1, at.rate / 4)) return;
    const next = at.us + STEP_US;
    if (slot.span.to >= at.nowUs || !streamAt(this.lanes, stream, Math.min(next, at.nowUs - 5 * SECOND), at.nowUs)) return;
    this.standby = this.open(Math.max(slot.span.to, Math.floor(next / STEP_US) * STEP_US), stream);
  }

  report(): DeckReport {
    const us = this.view.kind === "picture" ? (this.active?.shownUs ?? null) : null;
    return {
      camera: this.camera,
      stream: this.active?.stream ?? null,
      kind: this.view.kind,
      time_us: us === null ? null : Math.round(us),
      drift_ms: this.view.kind === "picture" && this.driftMs !== null ? Math.round(this.driftMs) : null,
      ready: (this.active?.video.readyState ?? 0) >= 3,
      skipping: this.skipping,
      last_seek_ms: this.lastSeekMs === null ? null : Math.round(this.lastSeekMs),
      error: this.active?.error ?? "",
    };
  }

  close(): void {
    this.active?.close();
    this.standby?.close();
    this.active = this.standby = null;
    this.listeners.clear();
  }
}
