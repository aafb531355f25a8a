/** Bounds of the waits between tries, in milliseconds. */
export interface BackoffBounds {
  readonly firstMs: number;
  readonly longestMs: number;
}

const USUAL: BackoffBounds = { firstMs: 100, longestMs: 5_000 };

/** Between a half of `ms` and the whole of it, so that many who lost the same server do not come back at the same instant. */
export const jittered = (ms: number, random: () => number = Math.random): number => ms * (0.5 + random() / 2);

/**
 * How long to wait before the next try, in milliseconds: the first wait, doubled with each failure up to the longest, less up to a half by chance.
 * @param failures in a row, 1 for the first
 */
export const backoffMs = (
  failures: number,
  { firstMs, longestMs }: BackoffBounds = USUAL,
  random: () => number = Math.random,
): number => jittered(Math.min(firstMs * 2 ** Math.max(0, failures - 1), longestMs), random);

/** A break that comes later than this after a good start is a new trouble, not the old one. */
const CALM_MS = 10_000;

/** How long to wait between the tries of one follower: longer after each that brought nothing. */
export class Backoff {
  private failures = 0;
  private startedAt = performance.now();

  /** Something was handled: the trouble is over. */
  succeeded(): void {
    this.failures = 0;
  }

  started(): void {
    this.startedAt = performance.now();
  }

  /** The time to wait now, in milliseconds. */
  failed(): number {
    if (performance.now() - this.startedAt > CALM_MS) this.failures = 0;
    this.failures += 1;
    return backoffMs(this.failures);
  }
}
