interface Waiter {
  readonly sequence: number;
  readonly wake: () => void;
}

/** Lets callers wait, without polling, until a sequence was passed. */
export class SequenceWaiters {
  private readonly waiters = new Set<Waiter>();
  private onArrival: (() => void) | undefined;

  get isEmpty(): boolean {
    return this.waiters.size === 0;
  }

  /** Resolves when somebody begins to wait or after `ms`, whichever is first. One caller at a time. */
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

  /** Wakes everybody whose sequence was passed. */
  passed(sequence: number): void {
    for (const waiter of this.waiters) if (waiter.sequence <= sequence) waiter.wake();
  }

  /** Resolves when `sequence` was passed or after `ms`, whichever is first. */
  wait(sequence: number, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const waiter: Waiter = {
        sequence,
        wake: () => {
          clearTimeout(timer);
          this.waiters.delete(waiter);
          resolve();
        },
      };
      const timer = setTimeout(waiter.wake, ms);
      this.waiters.add(waiter);
      this.onArrival?.();
    });
  }
}
