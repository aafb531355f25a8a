/** How often the same trouble is told while it lasts. */
const EVERY_MS = 60_000;

export interface TroubleTellers {
  /** @param more how often it came up, untold, since it was told last */
  readonly failed: (error: unknown, more: number) => void;
  /** It works again. @param more as above */
  readonly over: (more: number) => void;
}

/** Sequences and durations in it change from try to try: what is left is which trouble it is. */
const kindOf = (error: unknown): string =>
  (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).replaceAll(/\d+/g, '#');

/** What begins again works for a moment each time: this long without a failure is over. */
const OVER_MS = 5_000;

export interface TroubleClock {
  readonly nowMs: () => number;
  /** @returns how to call it off */
  readonly after: (ms: number, work: () => void) => () => void;
}

const systemTroubleClock: TroubleClock = {
  nowMs: () => performance.now(),
  after: (ms, work) => {
    const timer = setTimeout(work, ms).unref();
    return () => clearTimeout(timer);
  },
};

/**
 * Tells of something that is tried again and again: at once when it fails, or fails for another reason, then once a minute while that lasts, and
 * once when it works again. So a log that is wrong for a night is a line a minute, not ten a second for each follower.
 */
export class RecurringTrouble {
  private current: { readonly kind: string; toldAt: number; more: number } | undefined;
  private callOff: (() => void) | undefined;

  constructor(
    private readonly tell: TroubleTellers,
    private readonly clock: TroubleClock = systemTroubleClock,
  ) {}

  failed(error: unknown): void {
    this.callOff?.();
    this.callOff = undefined;
    const now = this.clock.nowMs();
    const kind = kindOf(error);
    const { current } = this;
    if (current?.kind === kind && now - current.toldAt < EVERY_MS) {
      current.more += 1;
      return;
    }
    const more = current?.kind === kind ? current.more : 0;
    this.current = { kind, toldAt: now, more: 0 };
    this.tell.failed(error, more);
  }

  /** It worked once. Cheap, to be called each time. */
  succeeded(): void {
    if (this.current === undefined || this.callOff !== undefined) return;
    this.callOff = this.clock.after(OVER_MS, () => {
      const { more = 0 } = this.current ?? {};
      this.current = undefined;
      this.callOff = undefined;
      this.tell.over(more);
    });
  }
}
