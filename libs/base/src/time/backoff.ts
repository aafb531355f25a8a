/** Bounds of the waits between tries, in milliseconds. */
export interface BackoffBounds {
  readonly firstMs: number;
  readonly longestMs: number;
  /** The share of a wait that is left to chance, 0.5 unless said. All of it (1) is for rivals, who must not meet again. */
  readonly spread?: number;
}

const USUAL: BackoffBounds = { firstMs: 100, longestMs: 5_000 };

/**
 * Tells how long to wait before the next try, in milliseconds: the first wait, doubled with each failure up to the longest, and less than that by
 * chance, so that many who lost the same server do not come back at the same instant.
 * @param failures in a row, 1 for the first
 */
export const backoffMs = (
  failures: number,
  { firstMs, longestMs, spread = 0.5 }: BackoffBounds = USUAL,
  random: () => number = Math.random,
): number => Math.min(firstMs * 2 ** Math.max(0, failures - 1), longestMs) * (1 - spread * random());

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
