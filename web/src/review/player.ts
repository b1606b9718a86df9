// All pictures of a review and the one clock they follow. No React in here.

import { hubNowUs, type StreamKind } from "../api";
import { SECOND } from "../time";
import { MasterClock } from "./clock";
import { Deck, type DeckReport } from "./deck";
import { EDGE_US, type Lanes } from "./lanes";

export const RATES = [0.25, 0.5, 1, 2, 4, 8, 16] as const;
const BEAT_MS = 100;
const LONGEST_HOLD_MS = 2500;

export interface PlayerView {
  playing: boolean;
  rate: number;
  /** Play was asked for; the pictures are still coming. */
  held: boolean;
}

export class ReviewPlayer {
  readonly clock: MasterClock;
  private decks = new Map<string, Deck>();
  private lanes: Lanes = new Map();
  private preferred: StreamKind = "sub";
  private beat = 0;
  private playing = false;
  private heldSince = 0;
  private view: PlayerView = { playing: false, rate: 1, held: false };
  private listeners = new Set<() => void>();
  private timeListeners = new Set<(us: number) => void>();
  private lastTold = 0;

  constructor(
    readonly grant: string,
    startUs: number,
    private readonly limits: { from: number; to: number },
  ) {
    this.clock = new MasterClock(startUs);
    this.beat = window.setInterval(this.tick, BEAT_MS);
    window.belvedereReview = { report: () => this.report() };
  }

  watch = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  current = (): PlayerView => this.view;

  /** Told of every beat and seek; for the timeline and the clock on the page. */
  onTime(listener: (us: number) => void): () => void {
    this.timeListeners.add(listener);
    return () => this.timeListeners.delete(listener);
  }

  get us(): number {
    return this.clock.us;
  }

  private get latest(): number {
    return Math.min(this.limits.to, hubNowUs() - EDGE_US);
  }

  setLanes(lanes: Lanes): void {
    this.lanes = lanes;
    for (const deck of this.decks.values()) deck.lanes = lanes.get(deck.camera);
  }

  setPreferred(stream: StreamKind): void {
    this.preferred = stream;
    for (const deck of this.decks.values()) deck.preferred = stream;
  }

  open(camera: string, box: HTMLElement): Deck {
    const deck = new Deck(camera, this.grant, box, this.lanes.get(camera), this.preferred, this.limits);
    this.decks.set(camera, deck);
    if (this.playing) this.hold();
    deck.sought(this.clock.us);
    return deck;
  }

  shut(deck: Deck): void {
    deck.close();
    if (this.decks.get(deck.camera) === deck) this.decks.delete(deck.camera);
  }

  seek(us: number): void {
    const to = Math.max(this.limits.from, Math.min(us, this.latest));
    this.clock.set(to);
    for (const deck of this.decks.values()) deck.sought(to);
    if (this.playing) this.hold();
    this.tick();
    this.tell();
  }

  play(): void {
    if (this.playing) return;
    this.playing = true;
    this.hold();
    this.show();
  }

  pause(): void {
    this.playing = false;
    this.heldSince = 0;
    this.clock.hold();
    this.show();
    this.tick();
  }

  /** K: stop, and the next play is at its ordinary pace. */
  stop(): void {
    this.pause();
    this.setRate(1);
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  setRate(rate: number): void {
    this.clock.setRate(rate);
    this.show();
  }

  /** L: play, then faster each time. J: the same backwards. K: stop. */
  shuttle(direction: 1 | -1): void {
    const rate = this.clock.rate;
    const speed = Math.abs(rate);
    const going = this.playing && Math.sign(rate) === direction;
    const next = going ? (RATES.find((each) => each > speed) ?? 16) : 1;
    this.setRate(direction * next);
    this.play();
  }

  step(us: number): void {
    this.pause();
    this.seek(this.clock.us + us);
  }

  private hold(): void {
    this.clock.hold();
    this.heldSince = performance.now();
    this.show();
  }

  private tick = (): void => {
    const nowUs = hubNowUs();
    if (this.playing && this.clock.us >= this.latest && this.clock.rate > 0 && !this.heldSince) {
      // Caught up with the present: stay a little behind, at its pace.
      this.clock.set(this.latest);
      if (this.clock.rate > 1) this.setRate(1);
      if (this.latest === this.limits.to) this.pause();
    }
    if (this.playing && this.clock.us <= this.limits.from && this.clock.rate < 0) this.pause();
    const at = {
      us: this.clock.us,
      rate: this.clock.rate,
      moving: this.clock.moving,
      nowUs,
      crowd: this.decks.size,
    };
    for (const deck of this.decks.values()) deck.follow(at);
    if (this.heldSince) {
      const all = [...this.decks.values()].every((deck) => deck.ready(at.us));
      if (all || performance.now() - this.heldSince > LONGEST_HOLD_MS) {
        this.heldSince = 0;
        this.clock.run();
        this.show();
      }
    }
    if (this.clock.moving) this.tell();
  };

  private tell(): void {
    const us = this.clock.us;
    this.lastTold = us;
    for (const listener of this.timeListeners) listener(us);
  }

  private show(): void {
    const next = { playing: this.playing, rate: this.clock.rate, held: this.heldSince > 0 };
    const old = this.view;
    if (old.playing === next.playing && old.rate === next.rate && old.held === next.held) return;
    this.view = next;
    for (const listener of this.listeners) listener();
  }

  report(): ReviewReport {
    const tiles = [...this.decks.values()].map((deck) => deck.report());
    const drifts = tiles.flatMap((tile) => (tile.drift_ms === null ? [] : [Math.abs(tile.drift_ms)]));
    const seeks = tiles.flatMap((tile) => (tile.last_seek_ms === null ? [] : [tile.last_seek_ms]));
    return {
      playing: this.playing,
      held: this.heldSince > 0,
      rate: this.clock.rate,
      time_us: Math.round(this.clock.us),
      told_us: Math.round(this.lastTold),
      worst_drift_ms: drifts.length ? Math.max(...drifts) : null,
      last_seek_ms: seeks.length ? Math.max(...seeks) : null,
      tiles,
    };
  }

  close(): void {
    window.clearInterval(this.beat);
    for (const deck of this.decks.values()) deck.close();
    this.decks.clear();
    this.listeners.clear();
    this.timeListeners.clear();
    delete window.belvedereReview;
  }
}

export interface ReviewReport {
  playing: boolean;
  held: boolean;
  rate: number;
  time_us: number;
  told_us: number;
  worst_drift_ms: number | null;
  last_seek_ms: number | null;
  tiles: DeckReport[];
}

export const FRAME_US = SECOND / 25;

declare global {
  interface Window {
    /** Figures of the review, for benches and tests. */
    belvedereReview?: { report(): ReviewReport };
  }
}
