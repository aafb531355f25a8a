interface Waiter {
  readonly sequence: number;
  readonly resolve: () => void;
}

/** How far the log has been folded, and who waits for it to come further. */
export class Position {
  private waiters: Waiter[] = [];

  constructor(private sequence = 0) {}

  get value(): number {
    return this.sequence;
  }

  advance(sequence: number): void {
    if (sequence <= this.sequence) return;
    this.sequence = sequence;
    if (this.waiters.length === 0) return;
    const [passed, waiting] = [
      this.waiters.filter((waiter) => waiter.sequence <= sequence),
      this.waiters.filter((waiter) => waiter.sequence > sequence),
    ];
    this.waiters = waiting;
    for (const { resolve } of passed) resolve();
  }

  /** Resolves once everything up to `sequence` is folded. @throws the signal's reason */
  async reached(sequence: number, signal: AbortSignal): Promise<void> {
    if (sequence <= this.sequence) return;
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { sequence, resolve };
    const abort = (): void => reject(signal.reason);
    this.waiters.push(waiter);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', abort);
      this.waiters = this.waiters.filter((other) => other !== waiter);
    }
  }
}
