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
