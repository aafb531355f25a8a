import { setImmediate as nextTurn } from 'node:timers/promises';

/** Goes through a walk to its end, now. */
export const finished = <T>(walk: Generator<void, T>): T => {
  for (;;) {
    const step = walk.next();
    if (step.done === true) return step.value;
  }
};

/** What the last walk found is good for this long. */
const GOOD_MS = 5_000;
/** Nobody is answered with what is older than this: who asks that seldom waits. */
const TOO_OLD_MS = 120_000;
/** A walk may take this part of the time at most, however long it is. */
const REST_FACTOR = 20;

/**
 * A long walk that is made when somebody asks, a portion in each turn of the event loop, and not again for a while. Who asks gets what the last walk found; the
 * first one waits for it, and who comes when that is too old.
 */
export class PacedWalk<T> {
  #last: { readonly found: T; readonly goodUntil: number } | undefined;
  #running: Promise<T> | undefined;

  constructor(
    private readonly begin: () => Generator<void, T>,
    private readonly elapsedMs: () => number,
  ) {}

  /** @returns what was found last; a newer walk begins when that is old */
  async latest(): Promise<T> {
    const now = this.elapsedMs();
    if (this.#last === undefined || now >= this.#last.goodUntil)
      this.#running ??= this.run().finally(() => (this.#running = undefined));
    if (this.#last && now < this.#last.goodUntil + TOO_OLD_MS) {
      // Whoever waits for the walk learns that it failed; here nobody does, and the next one begins anew.
      this.#running?.catch(() => undefined);
      return this.#last.found;
    }
    return this.#running as Promise<T>;
  }

  private async run(): Promise<T> {
    const startedAt = this.elapsedMs();
    const walk = this.begin();
    for (;;) {
      const step = walk.next();
      if (step.done === true) {
        const now = this.elapsedMs();
        this.#last = { found: step.value, goodUntil: now + Math.max(GOOD_MS, REST_FACTOR * (now - startedAt)) };
        return step.value;
      }
      await nextTurn();
    }
  }
}
