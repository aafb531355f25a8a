import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** One signal ends many loops: that is no leak, so Node need not warn about it. */
export const allowManyListeners = (signal: AbortSignal): void => setMaxListeners(0, signal);

/**
 * Resolves after `ms` milliseconds, or at once when the signal aborts: it never rejects, the caller looks at the signal.
 * @param ref whether the wait keeps the process alive
 */
export const delay = async (ms: number, signal?: AbortSignal, { ref = true } = {}): Promise<void> => {
  try {
    await sleep(ms, undefined, { ref, ...(signal ? { signal } : {}) });
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
};
