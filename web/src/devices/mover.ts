// A held button as orders to a camera: one at once, again each second, and a stop at the end, never overtaken by one another.

export interface Speeds {
  /** To the right, up, and in, from -1 to 1. */
  pan: number;
  tilt: number;
  zoom: number;
}

export const STILL: Speeds = { pan: 0, tilt: 0, zoom: 0 };
export const ORDER_S = 2;
const AGAIN_MS = 1000;

export class Mover {
  private want = STILL;
  /** Pressed and not sent yet: a tap that ends before its turn comes is still a small step. */
  private unsent: Speeds | null = null;
  private moving = false;
  private busy = false;
  private timer = 0;
  private due = false;

  constructor(
    private readonly send: (speeds: Speeds) => Promise<unknown>,
    private readonly failed: (error: Error) => void,
  ) {}

  /** Move so until `release`. */
  press(speeds: Speeds): void {
    if (same(speeds, this.want)) return;
    this.want = this.unsent = speeds;
    this.due = true;
    window.clearInterval(this.timer);
    this.timer = window.setInterval(() => {
      this.due = true;
      void this.pump();
    }, AGAIN_MS);
    void this.pump();
  }

  /** Stop. Does nothing when nothing moves. */
  release(): void {
    window.clearInterval(this.timer);
    this.want = STILL;
    this.due = this.moving || this.busy;
    void this.pump();
  }

  /** Whether something was asked for that is not over. */
  get active(): boolean {
    return this.moving || this.busy;
  }

  private async pump(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.due) {
        this.due = false;
        const speeds = this.unsent ?? this.want;
        this.unsent = null;
        if (same(speeds, STILL) && !this.moving) break;
        try {
          await this.send(speeds);
          this.moving = !same(speeds, STILL);
        } catch (error) {
          // Refused, or the hub is away: the site stops the camera by itself when orders cease.
          window.clearInterval(this.timer);
          this.want = STILL;
          this.unsent = null;
          this.moving = false;
          this.failed(error as Error);
        }
        if (!same(this.want, speeds)) this.due = true;
      }
    } finally {
      this.busy = false;
    }
  }
}

function same(a: Speeds, b: Speeds): boolean {
  return a.pan === b.pan && a.tilt === b.tilt && a.zoom === b.zoom;
}
