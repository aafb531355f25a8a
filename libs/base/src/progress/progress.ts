interface Waiter {
  readonly sequence: number;
  readonly resolve: (isPassed: boolean) => void;
  readonly hasTime: boolean;
}

export interface Patience {
  /** Without it there is no end but the signal's. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Whoever advances need not hurry for this one: it is not noticed as somebody who waits. */
  readonly hasTime?: boolean;
}

/** Says how far something that follows a sequence has come, and lets others wait, without polling, until it has passed a place. */
export class Progress {
  private readonly waiters = new Set<Waiter>();
  private onArrival: (() => void) | undefined;

  /** @param at the last sequence that was passed */
  constructor(private at = 0) {}

  get position(): number {
    return this.at;
  }

  /** Nobody waits who is in a hurry. */
  get isIdle(): boolean {
    for (const { hasTime } of this.waiters) if (!hasTime) return false;
    return true;
  }

  /** Passes a sequence, if it lies ahead, and everything before it. */
  advance(sequence: number): void {
    if (sequence > this.at) this.moveTo(sequence);
  }

  /** Stands at a sequence from now on, which may lie behind: what is followed begins again there. */
  moveTo(sequence: number): void {
    this.at = sequence;
    for (const waiter of this.waiters) if (waiter.sequence <= sequence) waiter.resolve(true);
  }

  /** Waits until `sequence` was passed. @returns false when the patience was over first */
  async reach(sequence: number, { timeoutMs, signal, hasTime = false }: Patience = {}): Promise<boolean> {
    if (this.at >= sequence) return true;
    if (signal?.aborted === true) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const waiter = { sequence, resolve, hasTime };
    const giveUp = (): void => resolve(false);
    const timer = timeoutMs === undefined ? undefined : setTimeout(giveUp, timeoutMs);
    signal?.addEventListener('abort', giveUp, { once: true });
    this.waiters.add(waiter);
    if (!hasTime) this.onArrival?.();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
      this.waiters.delete(waiter);
    }
  }

  /** Resolves when somebody in a hurry begins to wait or after `ms`, whichever is first. One caller at a time. */
  arrival(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.onArrival = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.onArrival = done;
    });
  }
}
