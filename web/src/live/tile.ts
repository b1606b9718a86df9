// One live picture: a <video> fed through Media Source Extensions. No React in here; `watch` tells the page what changed.

import { hubNowUs, type CameraState, type StreamKind } from "../api";
import { clock } from "../time";
import { fragmentTimes } from "./fragment";

const TICKS_PER_SECOND = 90_000; // timescale of every init segment, by contract
const CATCH_UP_BEHIND_S = 0.35;
const JUMP_BEHIND_S = 1;
const KEEP_S = 15;
const SILENT_MS = 4000;
const QUEUE_LIMIT_BYTES = 8 << 20;
const SAMPLES = 900;

export type Phase = "off" | "connecting" | "live" | "silent" | "trouble";

/** What the page shows over and beside the picture. Replaced, never changed. */
export interface TileView {
  phase: Phase;
  title: string;
  message: string;
  advice: string;
  /** What has to be said beside a picture that runs: why it is blocks, say. */
  note: string;
  /** The sub stream is worth offering: this browser can't play the main one. */
  offerSub: boolean;
  width: number;
  height: number;
  codec: string;
}

export interface TileReport {
  tile: number;
  camera: string;
  stream: StreamKind;
  phase: Phase;
  first_ms: number | null;
  latency_p50_ms: number | null;
  latency_p95_ms: number | null;
  frames: number;
  dropped: number;
  skipped: number;
  width: number;
  height: number;
  current_time: number;
  behind_s: number | null;
  error: string;
}

interface SourceClass {
  new (): MediaSource;
  isTypeSupported(type: string): boolean;
}

const browser = globalThis as unknown as { ManagedMediaSource?: SourceClass; MediaSource?: SourceClass };
const Source: SourceClass | undefined = browser.MediaSource ?? browser.ManagedMediaSource;

const BLANK: TileView = {
  phase: "off",
  title: "",
  message: "",
  advice: "",
  note: "",
  offerSub: false,
  width: 0,
  height: 0,
  codec: "",
};

const CODEC_NAMES: Record<string, string> = { h264: "H.264", h265: "H.265" };

export class LiveTile {
  /** Number on the wire; a new one for every start, so that late bytes of the last one can't be mistaken. */
  number = 0;
  readonly video: HTMLVideoElement;
  /** Shows the time of the picture on screen; written directly, four times a second. */
  clockElement: HTMLElement | null = null;

  private view: TileView = BLANK;
  private listeners = new Set<() => void>();
  private source: MediaSource | null = null;
  private buffer: SourceBuffer | null = null;
  private address = "";
  private queue: Uint8Array[] = [];
  private queuedBytes = 0;
  private wantsKeyframe = true;
  private askedAt = 0;
  private firstMs: number | null = null;
  private lastBytesAt = 0;
  private lastArrivalUs = 0;
  private lastJumpAt = 0;
  private arrivals = new Map<number, number>(); // ticks shown -> arrival_us
  private latencies: number[] = [];
  private frames = 0;
  private skipped = 0;
  private droppedBefore = 0;
  private error = "";
  /** Nothing came since the site said that it connects: what the buffer still shows is old. */
  private stale = false;
  private frameHandle = 0;
  private pictureUs = 0;

  constructor(
    readonly camera: string,
    readonly stream: StreamKind,
  ) {
    const video = document.createElement("video");
    video.muted = true;
    video.autoplay = true;
    video.playsInline = true;
    video.disableRemotePlayback = true;
    video.tabIndex = -1;
    video.setAttribute("aria-hidden", "true");
    video.onerror = () => {
      this.error = video.error?.message ?? "";
    };
    this.video = video;
  }

  watch = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  current = (): TileView => this.view;

  private show(change: Partial<TileView>): void {
    const next = { ...this.view, ...change };
    if ((Object.keys(next) as (keyof TileView)[]).every((key) => next[key] === this.view[key])) return;
    this.view = next;
    for (const listener of this.listeners) listener();
  }

  /** The player asked the hub for this picture. */
  asked(number: number): void {
    this.number = number;
    this.askedAt = performance.now();
    this.firstMs = null;
    this.lastBytesAt = 0;
    this.stale = false;
    this.show({ ...BLANK, phase: "connecting", title: "Connecting to the camera" });
  }

  linkLost(): void {
    if (this.view.phase !== "off")
      this.show({ phase: "connecting", title: "The hub does not answer", message: "Trying again. Recording goes on." });
  }

  started(codec: string, codecString: string, width: number, height: number): void {
    this.close();
    const type = `video/mp4; codecs="${codecString}"`;
    const name = CODEC_NAMES[codec] ?? codec;
    this.show({ width, height, codec: name });
    if (!Source?.isTypeSupported(type)) {
      this.show({
        phase: "trouble",
        title: `This browser can't play ${name}`,
        message: this.stream === "main" ? "The camera is being recorded all the same." : "It is being recorded all the same.",
        advice: this.stream === "main" ? "Use the small picture." : "Set the camera's second stream to H.264.",
        offerSub: this.stream === "main",
      });
      return;
    }
    const source = new Source();
    this.source = source;
    this.address = URL.createObjectURL(source);
    this.video.src = this.address;
    source.addEventListener("sourceopen", () => {
      if (this.source !== source) return;
      const buffer = source.addSourceBuffer(type);
      this.buffer = buffer;
      buffer.addEventListener("updateend", () => {
        this.pump();
        this.chase();
      });
      buffer.addEventListener("error", () => {
        this.error = "The browser could not read this picture.";
      });
      this.pump();
    });
    this.countFrames();
  }

  /** Bytes from the hub: an init segment, or moof+mdat. */
  received(data: Uint8Array, init: boolean, keyframe: boolean, arrivalUs: number): void {
    if (!this.source) return;
    this.lastBytesAt = performance.now();
    if (!init) {
      this.lastArrivalUs = arrivalUs;
      this.stale = false;
      if (this.queuedBytes > QUEUE_LIMIT_BYTES) this.wantsKeyframe = true;
      if (this.wantsKeyframe && !keyframe) {
        this.skipped += 1;
        return;
      }
      this.wantsKeyframe = false;
      if (this.queuedBytes > QUEUE_LIMIT_BYTES) {
        this.queue = [];
        this.queuedBytes = 0;
      }
      const { shown } = fragmentTimes(data);
      if (shown.length === 1) this.arrivals.set(shown[0]!, arrivalUs);
      if (this.arrivals.size > SAMPLES) this.arrivals.delete(this.arrivals.keys().next().value!);
      if (this.view.phase === "silent") this.show({ phase: "live", title: "", message: "", advice: "" });
    }
    this.queue.push(data);
    this.queuedBytes += data.byteLength;
    this.pump();
  }

  hubSkipped(frames: number): void {
    this.skipped += frames;
  }

  cameraState(state: CameraState, message: string): void {
    if (state === "recording") {
      this.show({ note: message });
      if (this.view.phase === "silent") this.show({ phase: "connecting", title: "Connecting to the camera", message: "" });
      return;
    }
    const since = this.lastArrivalUs ? ` since ${clock(this.lastArrivalUs)}` : "";
    const title: Record<string, string> = {
      connecting: "Connecting to the camera",
      waiting: `Camera silent${since}`,
      denied: "The camera refused the password",
      refused: "The camera can't be used",
      off: "The camera is switched off here",
      unknown: "Not known how the camera does",
    };
    this.stale = state === "connecting";
    this.show({
      phase: state === "connecting" ? "connecting" : "silent",
      title: title[state] ?? state,
      message,
      advice: "",
    });
  }

  refused(message: string, advice: string): void {
    this.close();
    this.show({ phase: "trouble", title: message, message: "", advice, offerSub: false });
  }

  /** Stop and forget; the element stays for the next start. */
  stopped(): void {
    this.close();
    this.number = 0;
    this.show(BLANK);
  }

  private close(): void {
    if (this.frameHandle) this.video.cancelVideoFrameCallback?.(this.frameHandle);
    this.frameHandle = 0;
    const quality = this.video.getVideoPlaybackQuality?.();
    if (quality && this.source) this.droppedBefore += quality.droppedVideoFrames;
    this.source = null;
    this.buffer = null;
    this.queue = [];
    this.queuedBytes = 0;
    this.wantsKeyframe = true;
    this.arrivals.clear();
    if (this.address) {
      this.video.removeAttribute("src");
      this.video.load();
      URL.revokeObjectURL(this.address);
      this.address = "";
    }
  }

  private pump(): void {
    const buffer = this.buffer;
    if (!buffer || buffer.updating || this.source?.readyState !== "open") return;
    if (this.queue.length > 0) {
      const whole = new Uint8Array(this.queuedBytes);
      let at = 0;
      for (const piece of this.queue) {
        whole.set(piece, at);
        at += piece.byteLength;
      }
      this.queue = [];
      this.queuedBytes = 0;
      try {
        buffer.appendBuffer(whole);
      } catch (error) {
        // QuotaExceededError: the buffer is full; the next keyframe starts afresh
        this.error = String(error);
        this.wantsKeyframe = true;
        this.trim(2);
      }
      return;
    }
    this.trim(KEEP_S);
  }

  private trim(keep: number): void {
    const buffer = this.buffer;
    if (!buffer || buffer.updating || buffer.buffered.length === 0) return;
    const end = buffer.buffered.end(buffer.buffered.length - 1);
    if (buffer.buffered.start(0) < end - keep - 5) buffer.remove(0, end - keep);
  }

  /** Keep near the newest frame: a little faster when behind, a jump when far behind or in an older stretch. */
  chase(): void {
    const { video } = this;
    const ranges = video.buffered;
    if (!this.source || ranges.length === 0) return;
    const last = ranges.length - 1;
    const end = ranges.end(last);
    const behind = end - video.currentTime;
    const now = performance.now();
    const outside = video.currentTime < ranges.start(last);
    if (outside || behind > 3 || (behind > JUMP_BEHIND_S && now - this.lastJumpAt > 1500)) {
      this.lastJumpAt = now;
      video.currentTime = Math.max(ranges.start(last), end - 0.12);
    }
    const rate = behind > CATCH_UP_BEHIND_S ? 1.1 : 1;
    if (video.playbackRate !== rate) video.playbackRate = rate;
    if (video.paused)
      video.play().catch((error: unknown) => {
        if (!(error instanceof DOMException && error.name === "AbortError")) this.error = String(error);
      });
  }

  /** Four times a second: chase, tell silence, write the clock. */
  tick(): void {
    if (this.view.phase === "off") return;
    this.chase();
    if (this.view.phase === "live" && performance.now() - this.lastBytesAt > SILENT_MS)
      this.show({ phase: "silent", title: `Camera silent since ${clock(this.lastArrivalUs)}`, message: "", advice: "" });
    const element = this.clockElement;
    if (element) {
      const text = this.pictureUs && this.source ? clock(this.pictureUs) : "";
      if (element.textContent !== text) element.textContent = text;
    }
  }

  private countFrames(): void {
    const source = this.source;
    const onFrame = (_now: number, frame: VideoFrameCallbackMetadata): void => {
      if (this.source !== source) return;
      this.frames += 1;
      if (this.firstMs === null) this.firstMs = performance.now() - this.askedAt;
      if (this.view.phase === "connecting" && !this.stale) this.show({ phase: "live", title: "", message: "", advice: "" });
      const arrival = this.arrivalOf(frame.mediaTime);
      if (arrival !== null) {
        this.pictureUs = arrival;
        this.latencies.push((hubNowUs() - arrival) / 1000);
        if (this.latencies.length > SAMPLES) this.latencies.shift();
      }
      this.frameHandle = this.video.requestVideoFrameCallback(onFrame);
    };
    if ("requestVideoFrameCallback" in this.video) this.frameHandle = this.video.requestVideoFrameCallback(onFrame);
    else
      (this.video as HTMLVideoElement).onplaying = () => {
        this.firstMs ??= performance.now() - this.askedAt;
        this.show({ phase: "live", title: "", message: "", advice: "" });
      };
  }

  private arrivalOf(mediaTime: number): number | null {
    const ticks = Math.round(mediaTime * TICKS_PER_SECOND);
    for (let slip = 0; slip <= 4; slip += 1) {
      const found = this.arrivals.get(ticks + slip) ?? this.arrivals.get(ticks - slip);
      if (found !== undefined) return found;
    }
    return null;
  }

  report(): TileReport {
    const sorted = [...this.latencies].sort((a, b) => a - b);
    const at = (share: number): number | null =>
      sorted.length ? Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!) : null;
    const ranges = this.video.buffered;
    return {
      tile: this.number,
      camera: this.camera,
      stream: this.stream,
      phase: this.view.phase,
      first_ms: this.firstMs === null ? null : Math.round(this.firstMs),
      latency_p50_ms: at(0.5),
      latency_p95_ms: at(0.95),
      frames: this.frames,
      dropped: this.droppedBefore + (this.source ? (this.video.getVideoPlaybackQuality?.().droppedVideoFrames ?? 0) : 0),
      skipped: this.skipped,
      width: this.video.videoWidth,
      height: this.video.videoHeight,
      current_time: this.video.currentTime,
      behind_s: ranges.length ? ranges.end(ranges.length - 1) - this.video.currentTime : null,
      error: this.error,
    };
  }

  /** Start the figures of `report` afresh; benches call it once the pictures run. */
  resetFigures(): void {
    this.latencies = [];
    this.frames = 0;
    this.skipped = 0;
    this.droppedBefore = -(this.video.getVideoPlaybackQuality?.().droppedVideoFrames ?? 0);
  }
}
