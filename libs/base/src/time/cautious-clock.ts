import type { Clock, MonotonicClock } from './clock.js';

/** Clocks that are kept right by a time server run at most that much off between two looks, far below what a person or a restart sets. */
const SLEW_MS = 1_000;

/**
 * The time of day for what cannot be undone, such as deleting at a set time: when the clock is set forward, what is waited for does not come at
 * once. It stays behind by as much as the clock was set, and makes that up at its own pace: an hour in an hour, so that it is right again when
 * the clock was set right. So nothing comes sooner than after half of its wait, and nothing later than by what the clock was set. A clock that is
 * set back is believed.
 */
export class CautiousClock implements Clock {
  private behindMs = 0;
  private seen: { readonly time: number; readonly elapsed: number };

  constructor(
    private readonly clock: Clock,
    private readonly monotonic: MonotonicClock,
  ) {
    this.seen = { time: clock.now(), elapsed: monotonic.elapsed() };
  }

  now(): number {
    const [time, elapsed] = [this.clock.now(), this.monotonic.elapsed()];
    const passedMs = elapsed - this.seen.elapsed;
    const setMs = time - this.seen.time - passedMs;
    this.behindMs = Math.max(0, this.behindMs - passedMs);
    if (Math.abs(setMs) > SLEW_MS) this.behindMs = Math.max(0, this.behindMs + setMs);
    this.seen = { time, elapsed };
    return time - this.behindMs;
  }
}
