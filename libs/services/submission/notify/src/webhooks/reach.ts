/** Time to make a connection in, and whether one was made. */
export class Reach {
  private readonly late = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private made = false;

  constructor(ms: number) {
    this.timer = setTimeout(() => this.late.abort(new Error('no connection in time')), Math.max(0, ms));
  }

  /** Aborts when the time is over and there is no connection. */
  get signal(): AbortSignal {
    return this.late.signal;
  }

  get isConnected(): boolean {
    return this.made;
  }

  connected(): void {
    this.made = true;
    this.over();
  }

  over(): void {
    clearTimeout(this.timer);
  }
}
