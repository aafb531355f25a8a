import type { Logger } from '../telemetry/logger.js';
import type { MonotonicClock } from './clock.js';

/** What a look at the rows has found. */
export interface DueLook {
  /** The rows may not show yet what gave the occasion to look. */
  readonly isUpToDate: boolean;
  /** Until the next object is due, in milliseconds; undefined when none is. */
  readonly nextInMs: number | undefined;
}

export interface DueTimerOptions {
  /** Does what is due, until the signal aborts. */
  readonly look: (signal: AbortSignal) => Promise<DueLook>;
  readonly monotonic: MonotonicClock;
  readonly logger: Logger;
  /** What is said when a look fails. */
  readonly failed: string;
}

/** Occasions that come close together are looked at once. */
export const GATHER_MS = 250;
const AGAIN_MS = 5_000;
/** It looks that often at least: a clock that was set makes what is due sooner or later. */
const MAX_TIMER_MS = 60_000;

/**
 * Does what is due when it is due. When that is stands in the rows, so a restart forgets nothing; it sleeps until the next object is due and is
 * woken by whoever may have made a due time new.
 */
export class DueTimer {
  private timer: NodeJS.Timeout | undefined;
  /** By the monotonic clock. */
  private wakesAt = Number.POSITIVE_INFINITY;
  private working: Promise<void> = Promise.resolve();
  private readonly stop = new AbortController();

  constructor(private readonly options: DueTimerOptions) {}

  /** Stops, and resolves when nothing is being done any more. */
  async close(): Promise<void> {
    this.stop.abort();
    clearTimeout(this.timer);
    await this.working;
  }

  wakeIn(ms: number): void {
    const at = this.options.monotonic.elapsed() + ms;
    if (this.stop.signal.aborted || at >= this.wakesAt) return;
    clearTimeout(this.timer);
    this.wakesAt = at;
    this.timer = setTimeout(
      () => {
        this.wakesAt = Number.POSITIVE_INFINITY;
        this.working = this.working.then(() => this.round());
      },
      Math.min(Math.max(0, ms), MAX_TIMER_MS),
    );
  }

  private async round(): Promise<void> {
    try {
      const { isUpToDate, nextInMs } = await this.options.look(this.stop.signal);
      if (nextInMs !== undefined) this.wakeIn(Math.max(GATHER_MS, nextInMs));
      if (!isUpToDate) this.wakeIn(AGAIN_MS);
    } catch (error) {
      if (this.stop.signal.aborted) return;
      this.options.logger.warn({ err: error }, this.options.failed);
      this.wakeIn(AGAIN_MS);
    }
  }
}
