import { delay } from '@fornax/base';

/** Lets so many be done in each second, one after the other in the order in which they ask. */
export class TryTurns {
  #free = 0;
  readonly #eachMs: number;

  constructor(perSecond: number) {
    this.#eachMs = 1_000 / perSecond;
  }

  /** Resolves when it is one's turn, or at once when the signal aborts. */
  async next(signal: AbortSignal): Promise<void> {
    const now = performance.now();
    const at = Math.max(now, this.#free);
    this.#free = at + this.#eachMs;
    if (at > now) await delay(at - now, signal, { ref: false });
  }
}
