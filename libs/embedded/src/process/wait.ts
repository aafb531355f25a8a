import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks until the answer is true, with a short pause between two questions.
 * @returns false when the deadline passed first
 */
export const waitUntil = async (
  isTrue: () => boolean | Promise<boolean>,
  { timeoutMs, pauseMs = 20 }: { readonly timeoutMs: number; readonly pauseMs?: number },
): Promise<boolean> => {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    if (await isTrue()) return true;
    if (performance.now() >= deadline) return false;
    await delay(pauseMs);
  }
};
