// All live pictures of this page over one WebSocket (docs/design/contracts.md, "Live over one WebSocket").
//
// A tile off screen, or on a hidden page, is stopped at the hub and started again when it is seen.

import { hub, type CameraState, type StreamKind } from "../api";
import type { Asked } from "../dwell/DwellAsk";
import { LiveTile, type TileReport } from "./tile";

const HEADER_BYTES = 16;
const RETRY_MS = [300, 700, 1500, 3000, 6000, 10_000];

type HubWord =
  | { op: "start"; tile: number; codec: string; codec_string: string; width: number; height: number }
  | { op: "state"; tile: number; state: CameraState; message: string }
  | { op: "skipped"; tile: number; frames: number }
  | { op: "error"; tile?: number; code: string; message: string; advice: string }
  | { op: "dwell"; asked: Asked[] }
  | { op: "grant_ended"; message: string };

export class LivePlayer {
  private socket: WebSocket | null = null;
  private tiles = new Set<LiveTile>();
  private wanted = new Map<LiveTile, boolean>(); // tile -> is it on screen
  private playing = new Map<number, LiveTile>();
  private nextNumber = 1;
  private failures = 0;
  private retry = 0;
  private ticker = 0;
  private closed = false;
  /** What the hub said about the page as a whole before it hung up. */
  private said: { message: string; advice: string } | null = null;
  /** Hears what the dwell guard asks of this page; an empty list when nothing is asked any more. */
  onDwell: ((asked: Asked[]) => void) | null = null;
  private eyes: IntersectionObserver;

  constructor(
    readonly grant: string,
    private readonly onGrantEnded: (message: string) => void,
  ) {
    this.eyes = new IntersectionObserver(
      (seen) => {
        for (const entry of seen)
          for (const tile of this.tiles)
            if (tile.video === entry.target) {
              this.wanted.set(tile, entry.isIntersecting);
              this.settle(tile);
            }
      },
      { rootMargin: "40px" },
    );
    document.addEventListener("visibilitychange", this.onVisibility);
    this.ticker = window.setInterval(() => {
      for (const tile of this.playing.values()) tile.tick();
    }, 250);
    this.connect();
    window.belvedereLive = {
      report: () => [...this.tiles].map((tile) => tile.report()),
      reset: () => this.tiles.forEach((tile) => tile.resetFigures()),
    };
  }

  /** Put the picture of `camera` into `box`. Call the answer to take it away. */
  open(tile: LiveTile, box: HTMLElement): () => void {
    box.append(tile.video);
    this.tiles.add(tile);
    this.eyes.observe(tile.video);
    // Don't wait for the observer's first word: most tiles open on screen.
    this.wanted.set(tile, true);
    this.settle(tile);
    return () => {
      this.eyes.unobserve(tile.video);
      this.tiles.delete(tile);
      this.wanted.delete(tile);
      this.stop(tile);
      tile.video.remove();
    };
  }

  close(): void {
    this.closed = true;
    window.clearInterval(this.ticker);
    window.clearTimeout(this.retry);
    document.removeEventListener("visibilitychange", this.onVisibility);
    this.eyes.disconnect();
    for (const tile of this.tiles) tile.stopped();
    this.tiles.clear();
    this.playing.clear();
    this.socket?.close(1000);
    this.socket = null;
  }

  /** Calls back once every picture asked for is there or in trouble, at the latest after `most` ms. */
  whenSettled(most: number, then: () => void): () => void {
    const since = performance.now();
    const timer = window.setInterval(() => {
      const waiting = [...this.playing.values()].some((tile) => tile.current().phase === "connecting");
      if ((this.playing.size > 0 && !waiting) || performance.now() - since > most) {
        window.clearInterval(timer);
        then();
      }
    }, 60);
    return () => window.clearInterval(timer);
  }

  /** Ask again, after trouble that a person has dealt with. */
  again(tile: LiveTile): void {
    this.stop(tile);
    this.settle(tile);
  }

  private onVisibility = (): void => {
    for (const tile of this.tiles) this.settle(tile);
  };

  private settle(tile: LiveTile): void {
    const want = !document.hidden && this.wanted.get(tile) === true;
    const has = tile.number !== 0 && this.playing.get(tile.number) === tile;
    if (want && !has) this.start(tile);
    if (!want && has) this.stop(tile);
  }

  private start(tile: LiveTile): void {
    const number = this.nextNumber;
    this.nextNumber = (this.nextNumber % 65_535) + 1;
    this.playing.set(number, tile);
    tile.asked(number);
    this.say({ op: "play", tile: number, camera: tile.camera, stream: tile.stream });
  }

  private stop(tile: LiveTile): void {
    if (tile.number && this.playing.delete(tile.number)) this.say({ op: "stop", tile: tile.number });
    tile.stopped();
  }

  private say(word: { op: "play" | "stop"; tile: number; camera?: string; stream?: StreamKind }): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(word));
  }

  private connect(): void {
    if (this.closed) return;
    const socket = new WebSocket(hub.liveAddress(this.grant));
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => {
      this.failures = 0;
      for (const [number, tile] of this.playing) {
        tile.asked(number);
        this.say({ op: "play", tile: number, camera: tile.camera, stream: tile.stream });
      }
    };
    socket.onmessage = (message: MessageEvent<string | ArrayBuffer>) => {
      if (typeof message.data === "string") this.heard(JSON.parse(message.data) as HubWord);
      else this.received(message.data);
    };
    socket.onclose = (event) => {
      if (this.closed || this.socket !== socket) return;
      this.socket = null;
      const said = this.said;
      this.said = null;
      if (event.code === 1008 || event.code >= 4000) this.purge(said?.message ?? "This access has ended.", said?.advice);
      else for (const tile of this.playing.values()) tile.linkLost();
      const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)]! * (0.8 + Math.random() * 0.4);
      this.failures += 1;
      // Refused, not merely lost: let the page find out whether the grant still stands.
      if (this.failures === 3 || event.code === 1008 || event.code >= 4000) this.onGrantEnded("");
      this.retry = window.setTimeout(() => this.connect(), wait);
    };
  }

  /** Nothing that came under an ended access stays: neither the last picture nor what is buffered. */
  private purge(message: string, advice = "Ask for access again."): void {
    for (const tile of this.playing.values()) tile.refused(message, advice);
  }

  private received(message: ArrayBuffer): void {
    if (message.byteLength < HEADER_BYTES) return;
    const header = new DataView(message, 0, HEADER_BYTES);
    const tile = this.playing.get(header.getUint16(0));
    if (!tile) return;
    const flags = header.getUint8(2);
    tile.received(
      new Uint8Array(message, HEADER_BYTES),
      (flags & 1) !== 0,
      (flags & 2) !== 0,
      Number(header.getBigUint64(8)),
    );
  }

  private heard(word: HubWord): void {
    if (word.op === "grant_ended") {
      this.said = { message: word.message, advice: "Ask for access again." };
      this.purge(word.message);
      this.onGrantEnded(word.message);
      return;
    }
    if (word.op === "dwell") {
      this.onDwell?.(word.asked);
      return;
    }
    if (word.op === "error" && word.tile === undefined) {
      this.said = { message: word.message, advice: word.advice };
      return;
    }
    const tile = word.tile === undefined ? undefined : this.playing.get(word.tile);
    if (!tile) return;
    if (word.op === "start") tile.started(word.codec, word.codec_string, word.width, word.height);
    else if (word.op === "state") tile.cameraState(word.state, word.message);
    else if (word.op === "skipped") tile.hubSkipped(word.frames);
    else if (word.op === "error") tile.refused(word.message, word.advice);
  }
}

declare global {
  interface Window {
    /** Figures of the live pictures, for benches and tests. */
    belvedereLive?: { report(): TileReport[]; reset(): void };
  }
}
