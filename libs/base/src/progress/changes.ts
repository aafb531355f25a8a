import type { Patience } from './progress.js';

/** Wakes whoever waits for something to change; what has changed they look at themselves. */
export class Changes {
  private readonly waiting = new Set<(isChanged: boolean) => void>();

  /** Wakes everybody who waits now. */
  tell(): void {
    for (const resolve of this.waiting) resolve(true);
  }

  /** Waits for the next change. @returns false when the patience was over first */
  async next({ timeoutMs, signal }: Patience = {}): Promise<boolean> {
    if (signal?.aborted === true) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const giveUp = (): void => resolve(false);
    const timer = timeoutMs === undefined ? undefined : setTimeout(giveUp, timeoutMs);
    signal?.addEventListener('abort', giveUp, { once: true });
    this.waiting.add(resolve);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
      this.waiting.delete(resolve);
    }
  }
}
