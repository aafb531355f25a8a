export interface SlotLimits {
  readonly maxRequests: number;
  readonly maxWaitingRequests: number;
  readonly maxWaitMs: number;
}

interface Waiter {
  readonly go: (isIn: boolean) => void;
  readonly timer: NodeJS.Timeout;
}

/** Room for so many requests at once; a bounded number of others waits for a bounded time, first come, first served. */
export class RequestSlots {
  private readonly waiting = new Set<Waiter>();
  private used = 0;

  constructor(private readonly limits: SlotLimits) {}

  /** @param go called once: with true when there is room (then `leave` must follow), with false when there was none in time */
  enter(go: (isIn: boolean) => void): void {
    if (this.used < this.limits.maxRequests) {
      this.used += 1;
      return go(true);
    }
    if (this.waiting.size >= this.limits.maxWaitingRequests) return go(false);
    const waiter: Waiter = {
      go,
      timer: setTimeout(() => {
        this.waiting.delete(waiter);
        go(false);
      }, this.limits.maxWaitMs),
    };
    this.waiting.add(waiter);
  }

  leave(): void {
    const [next] = this.waiting;
    if (!next) {
      this.used -= 1;
      return;
    }
    // The room goes from hand to hand: `used` stays as it is.
    this.waiting.delete(next);
    clearTimeout(next.timer);
    next.go(true);
  }
}
