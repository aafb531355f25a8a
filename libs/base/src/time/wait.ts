import { setMaxListeners } from 'node:events';

/** One signal ends many loops: that is no leak, so Node need not warn about it. */
export const allowManyListeners = (signal: AbortSignal): void => setMaxListeners(0, signal);

/** Resolves after `ms`, or at once when the signal aborts (it never rejects). */
export const delay = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });

/** Delay before try `attempt` (1, 2, ...): 100 ms doubling to 5 s. */
export const backoffMs = (attempt: number): number => Math.min(100 * 2 ** Math.max(0, attempt - 1), 5_000);

/** Between a half of `ms` and the whole of it, so that many who lost the same server do not come back at the same instant. */
export const jittered = (ms: number, random: () => number = Math.random): number => ms * (0.5 + random() / 2);

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
    return jittered(backoffMs(this.failures));
  }
}
