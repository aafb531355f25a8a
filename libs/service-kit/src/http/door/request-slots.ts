export interface SlotLimits {
  readonly maxRequests: number;
  /** Of these, so many for one who asks. */
  readonly maxRequestsPerCaller: number;
  readonly maxWaitingRequests: number;
  readonly maxWaitMs: number;
}

interface Waiter {
  readonly caller: string;
  readonly go: (isIn: boolean) => void;
  readonly timer: NodeJS.Timeout;
}

/** How many of something each caller has; nobody is remembered who has none. */
class Counts {
  private readonly counts = new Map<string, number>();

  of(caller: string): number {
    return this.counts.get(caller) ?? 0;
  }

  add(caller: string, change: 1 | -1): void {
    const count = this.of(caller) + change;
    if (count > 0) this.counts.set(caller, count);
    else this.counts.delete(caller);
  }
}

/**
 * Room for so many requests at once; a bounded number of others waits for a bounded time, first come, first served. No caller takes more than
 * a share of the room, nor of the places to wait: beyond it its requests wait for its own, and others pass them.
 */
export class RequestSlots {
  private readonly waiting = new Set<Waiter>();
  private readonly held = new Counts();
  private readonly waits = new Counts();
  private readonly share: number;
  private readonly waitingShare: number;
  private used = 0;

  constructor(private readonly limits: SlotLimits) {
    const { maxRequests, maxWaitingRequests } = limits;
    this.share = Math.min(limits.maxRequestsPerCaller, maxRequests);
    this.waitingShare = Math.ceil((maxWaitingRequests * this.share) / maxRequests);
  }

  /**
   * @param caller who asks: an account, or an address where nobody knows one
   * @param go called once: with true when there is room (then `leave` must follow), with false when there was none in time
   */
  enter(caller: string, go: (isIn: boolean) => void): void {
    if (this.hasRoom(caller)) return this.letIn(caller, go);
    const isFull = this.waiting.size >= this.limits.maxWaitingRequests || this.waits.of(caller) >= this.waitingShare;
    if (isFull) return go(false);
    const waiter: Waiter = {
      caller,
      go,
      timer: setTimeout(() => {
        this.endWait(waiter);
        go(false);
      }, this.limits.maxWaitMs),
    };
    this.waiting.add(waiter);
    this.waits.add(caller, 1);
  }

  /** @param caller who was let in */
  leave(caller: string): void {
    this.used -= 1;
    this.held.add(caller, -1);
    for (const waiter of this.waiting) {
      if (!this.hasRoom(waiter.caller)) continue;
      this.endWait(waiter);
      return this.letIn(waiter.caller, waiter.go);
    }
  }

  private hasRoom(caller: string): boolean {
    return this.used < this.limits.maxRequests && this.held.of(caller) < this.share;
  }

  private letIn(caller: string, go: (isIn: boolean) => void): void {
    this.used += 1;
    this.held.add(caller, 1);
    go(true);
  }

  private endWait(waiter: Waiter): void {
    clearTimeout(waiter.timer);
    this.waiting.delete(waiter);
    this.waits.add(waiter.caller, -1);
  }
}
