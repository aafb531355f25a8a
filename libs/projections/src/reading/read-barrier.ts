import type { EventLog, LogHead } from '@fornax/event-store';

/** Tells where the log ends. Whoever asks while somebody else is asking shares the next question, so a crowd costs two at a time. */
export class SharedHead {
  private running: Promise<LogHead> | undefined;
  private next: Promise<LogHead> | undefined;

  constructor(private readonly log: Pick<EventLog, 'head'>) {}

  /** The end of the log at a moment after this was called: an answer that was asked for earlier may lack what was appended meanwhile. */
  ask(): Promise<LogHead> {
    if (this.next !== undefined) return this.next;
    if (this.running === undefined) return this.begin();
    const begin = (): Promise<LogHead> => {
      this.next = undefined;
      return this.begin();
    };
    this.next = this.running.then(begin, begin);
    return this.next;
  }

  private begin(): Promise<LogHead> {
    const asked = this.log.head().finally(() => {
      if (this.running === asked) this.running = undefined;
    });
    this.running = asked;
    return asked;
  }
}

export interface ReadBarrierParts {
  readonly head: Pick<SharedHead, 'ask'>;
  /** Waits until what is read shows the commit at a sequence, and all before it. @returns false when the time was over first */
  readonly reach: (sequence: number, timeoutMs: number, hasTime?: boolean) => Promise<boolean>;
  /** How long a reader waits unless it says otherwise. */
  readonly timeoutMs: number;
}

/** Lets whoever reads wait, for a bounded time, until the rows show what was committed before. */
export class ReadBarrier {
  constructor(private readonly parts: ReadBarrierParts) {}

  /**
   * Waits until the rows show the commit at `sequence`: read your own writes.
   * @returns false when the time was over first
   */
  passed(sequence: number, timeoutMs = this.parts.timeoutMs): Promise<boolean> {
    return this.parts.reach(sequence, timeoutMs);
  }

  /** The same for whoever nobody waits for: rows go on gathering for one transaction. */
  passedInDueTime(sequence: number, timeoutMs = this.parts.timeoutMs): Promise<boolean> {
    return this.parts.reach(sequence, timeoutMs, true);
  }

  /**
   * Waits until the rows show all that was committed before this was called, by whomever.
   * @returns false when the time was over first
   * @throws Error the log cannot be asked where it ends
   */
  async caughtUp(timeoutMs?: number): Promise<boolean> {
    const { sequence } = await this.parts.head.ask();
    return this.passed(sequence, timeoutMs);
  }
}
