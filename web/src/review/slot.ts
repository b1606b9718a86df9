// One <video> with one HLS playlist: a window of footage of one stream. A deck swaps two of them without a seam.

import Hls, { ErrorDetails, ErrorTypes, Events, type ErrorData } from "hls.js";
import { hub, type StreamKind } from "../api";
import { place, wallAt, type PieceTime, type Place } from "./pieces";

export interface Stretch {
  from: number;
  to: number;
}

/** Seconds of footage held ahead, so that little is left to see once an access ends. */
export const MOST_AHEAD_S = 10;
const KEPT_BEHIND_S = 10;

export class Slot {
  readonly video: HTMLVideoElement;
  error = "";
  /** This browser can't decode the stream. */
  unplayable = false;
  private hls: Hls | null = null;
  private started = false;
  private wanted: number;
  private lastFrameUs: number | null = null;

  constructor(
    grant: string,
    readonly camera: string,
    readonly stream: StreamKind,
    readonly span: Stretch,
    startUs: number,
    private readonly onFrame: (us: number) => void,
  ) {
    this.wanted = startUs;
    const video = document.createElement("video");
    video.muted = true;
    video.playsInline = true;
    video.preload = "auto";
    video.tabIndex = -1;
    video.disableRemotePlayback = true;
    video.setAttribute("aria-hidden", "true");
    this.video = video;
    if (!Hls.isSupported()) {
      this.error = "This browser can't play recordings.";
      this.unplayable = true;
      return;
    }
    const hls = new Hls({
      autoStartLoad: false,
      enableWorker: false,
      maxBufferLength: MOST_AHEAD_S,
      maxMaxBufferLength: MOST_AHEAD_S,
      backBufferLength: KEPT_BEHIND_S,
      maxFragLookUpTolerance: 0,
      nudgeOffset: 0.02,
    });
    this.hls = hls;
    hls.on(Events.LEVEL_LOADED, () => this.start());
    hls.on(Events.ERROR, (_event, data) => this.failed(data));
    hls.loadSource(hub.playlist(grant, camera, stream, span.from, span.to));
    hls.attachMedia(video);
    this.countFrames();
  }

  private get pieces(): readonly PieceTime[] {
    return this.hls?.levels[0]?.details?.fragments ?? [];
  }

  private start(): void {
    if (this.started) return;
    this.started = true;
    const found = place(this.pieces, this.wanted);
    this.hls?.startLoad(found?.media ?? 0);
  }

  private failed(data: ErrorData): void {
    const status = data.response?.code;
    if (status === 403 || status === 401) {
      this.error = "Your access does not cover this, or has ended.";
      this.purge();
      return;
    }
    if (data.details === ErrorDetails.BUFFER_ADD_CODEC_ERROR || data.details === ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR) {
      this.unplayable = true;
      this.error = "This browser can't play this recording's codec.";
    } else if (!data.fatal) return;
    else if (data.type === ErrorTypes.MEDIA_ERROR) {
      this.error = "";
      this.hls?.recoverMediaError();
    } else
      this.error =
        status === 404
          ? ""
          : status === 502 || status === 503
            ? "The site that holds this footage does not answer."
            : "The footage could not be fetched.";
  }

  private countFrames(): void {
    const onFrame = (_now: number, frame: VideoFrameCallbackMetadata): void => {
      if (!this.hls) return;
      const us = wallAt(this.pieces, frame.mediaTime);
      if (us !== null) {
        this.lastFrameUs = us;
        this.onFrame(us);
      }
      this.video.requestVideoFrameCallback(onFrame);
    };
    this.video.requestVideoFrameCallback?.(onFrame);
  }

  /** Place of a moment in this window's media; null in a gap or before the playlist is there. */
  place(us: number): Place | null {
    return this.started ? place(this.pieces, us) : null;
  }

  /** Wall time of the picture on screen. */
  get shownUs(): number | null {
    return this.lastFrameUs;
  }

  get positionUs(): number | null {
    return this.started ? wallAt(this.pieces, this.video.currentTime) : null;
  }

  covers(us: number): boolean {
    return us >= this.span.from && us < this.span.to;
  }

  /** Throw away the picture and everything buffered. */
  private purge(): void {
    this.hls?.destroy();
    this.hls = null;
    this.video.removeAttribute("src");
    this.video.load();
  }

  close(): void {
    this.purge();
    this.video.remove();
  }
}
