/** Who waits for something that others may wait for, too. */
export interface Waiter {
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  /** Called whenever the work has got on. */
  readonly onMoved: () => void;
  /** Called with how far it is, in words. */
  readonly onProgress?: (text: string) => void;
}

interface Work<T> {
  /** How far it is. */
  progress?: string;
  readonly promise: Promise<T>;
  readonly waiters: Set<Waiter>;
  readonly ending: AbortController;
}

/** Does each thing once for all who want it at a time; it is given up when the last of them is gone. */
export class SharedWork<T> {
  readonly #under = new Map<string, Work<T>>();

  /** @throws what the work throws; the reason of the waiter's signal */
  async run(key: string, waiter: Waiter, begin: (shared: Waiter) => Promise<T>): Promise<T> {
    const { signal } = waiter;
    signal.throwIfAborted();
    const work = this.#under.get(key) ?? this.#begin(key, begin);
    work.waiters.add(waiter);
    if (work.progress !== undefined) waiter.onProgress?.(work.progress);
    const { promise: left, reject } = Promise.withResolvers<never>();
    const leave = (): void => {
      const reason: unknown = signal.reason;
      reject(reason instanceof Error ? reason : new Error(String(reason)));
    };
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await Promise.race([work.promise, left]);
    } finally {
      signal.removeEventListener('abort', leave);
      work.waiters.delete(waiter);
      if (work.waiters.size === 0) {
        work.ending.abort(new Error('nobody waits for it any more'));
        if (this.#under.get(key) === work) this.#under.delete(key);
      }
    }
  }

  #begin(key: string, begin: (shared: Waiter) => Promise<T>): Work<T> {
    const waiters = new Set<Waiter>();
    const ending = new AbortController();
    const onMoved = (): void => {
      for (const each of waiters) each.onMoved();
    };
    const told: { work?: Work<T> } = {};
    const onProgress = (text: string): void => {
      if (told.work) told.work.progress = text;
      for (const each of waiters) each.onProgress?.(text);
    };
    const promise = begin({ signal: ending.signal, onMoved, onProgress });
    const work: Work<T> = { promise, waiters, ending };
    told.work = work;
    this.#under.set(key, work);
    // Whoever waits hears of it.
    promise.catch(() => undefined);
    void promise.finally(() => this.#under.get(key) === work && this.#under.delete(key)).catch(() => undefined);
    return work;
  }
}
