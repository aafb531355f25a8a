interface Waiter {
  readonly sequence: number;
  readonly wake: () => void;
}

/** Lets callers wait, without polling, until a sequence was passed. */
export class SequenceWaiters {
  private readonly waiters = new Set<Waiter>();

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
    });
  }
}
