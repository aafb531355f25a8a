/** A look that came so much later than the one before says nothing of the time between them. */
const MOST_BETWEEN = 3;

/** Says what has been absent for a while, by looks at it now and then. */
export class AbsentFor {
  /** By name: since when it was absent at each look, and when the last one was. */
  readonly #since = new Map<string, { readonly since: number; readonly seen: number }>();

  /** @param whileMs how long it has to be absent */
  constructor(private readonly whileMs: number) {}

  /**
   * Takes what one look has found.
   * @param asked what was looked at @param absent what of it was not there @param now milliseconds of a monotonic clock
   * @returns what of it has been absent for that long
   */
  among(asked: readonly string[], absent: readonly string[], now: number): ReadonlySet<string> {
    const isAbsent = new Set(absent);
    const found = new Set<string>();
    for (const name of asked) {
      if (!isAbsent.has(name)) {
        this.#since.delete(name);
        continue;
      }
      const before = this.#since.get(name);
      const since = before && now - before.seen <= this.whileMs * MOST_BETWEEN ? before.since : now;
      this.#since.set(name, { since, seen: now });
      if (now - since >= this.whileMs) found.add(name);
    }
    for (const [name, { seen }] of this.#since) if (now - seen > this.whileMs * MOST_BETWEEN) this.#since.delete(name);
    return found;
  }
}
