// The one clock that every picture of a review follows. It can be held while pictures get ready.

export class MasterClock {
  private base: number;
  private since = 0;
  private running = false;
  private speed = 1;

  constructor(
    atUs: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.base = atUs;
  }

  get us(): number {
    return this.running ? this.base + (this.nowMs() - this.since) * 1000 * this.speed : this.base;
  }

  get rate(): number {
    return this.speed;
  }

  get moving(): boolean {
    return this.running;
  }

  set(us: number): void {
    this.base = us;
    this.since = this.nowMs();
  }

  setRate(rate: number): void {
    this.set(this.us);
    this.speed = rate;
  }

  run(): void {
    if (this.running) return;
    this.since = this.nowMs();
    this.running = true;
  }

  hold(): void {
    this.base = this.us;
    this.running = false;
  }
}
