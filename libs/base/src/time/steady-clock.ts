import type { Clock, MonotonicClock } from './clock.js';

/**
 * A clock that is never set back: for what is due again and again, and would stand still until the time of day is where it was. From then on it is
 * ahead of the clock that it follows, by as much as that was set, until that has made it up.
 */
export class SteadyClock implements Clock {
  private last: number;
  private seen: number;

  constructor(
    private readonly clock: Clock,
    private readonly monotonic: MonotonicClock,
  ) {
    this.last = clock.now();
    this.seen = monotonic.elapsed();
  }

  now(): number {
    const elapsed = this.monotonic.elapsed();
    this.last = Math.max(this.clock.now(), this.last + elapsed - this.seen);
    this.seen = elapsed;
    return Math.floor(this.last);
  }

  /** It is at least as late as something that has happened, by whosever clock. */
  notBefore(instant: number): void {
    this.last = Math.max(this.now(), instant);
  }
}
