/** What is prepared before anybody needs it. */
export interface ReadyOptions<S, T> {
  /** How many are kept; 0: none. */
  readonly depth: number;
  /** The same for shapes that are alike; undefined for one that cannot be prepared. */
  readonly keyOf: (shape: S) => string | undefined;
  readonly make: (shape: S) => Promise<T>;
  readonly isUsable: (made: T) => boolean;
  readonly discard: (made: T) => Promise<void>;
}

/** Shapes that are kept at a time: work of two kinds goes on side by side, in an image and with the machine's files, say. */
const MOST_SHAPES = 2;

/**
 * Keeps a few sandboxes of each of the shapes that were asked for last, each for one use. What has another shape is made when it is asked for. One that is
 * being made is worth waiting for: it began earlier.
 */
export class ReadySandboxes<S, T> {
  /** By their shapes; the one that was asked for last is the last one. */
  readonly #made = new Map<string, Promise<T>[]>();
  #discarding: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(private readonly options: ReadyOptions<S, T>) {}

  /** One for use by the caller alone; undefined when there is none. Never rejects. */
  async take(shape: S): Promise<T | undefined> {
    const { keyOf, isUsable } = this.options;
    const waiting = this.#made.get(keyOf(shape) ?? '') ?? [];
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const made = await next.catch(() => undefined);
      if (made && isUsable(made)) return made;
      if (made) this.#discard([next]);
    }
    return undefined;
  }

  /** Prepares more of this shape, and lets go of those of the one that was asked for longest ago. Call when something of it was begun. */
  want(shape: S): void {
    const { depth, keyOf, make } = this.options;
    const key = keyOf(shape);
    if (key === undefined || this.#isClosed) return;
    const made = this.#made.get(key) ?? [];
    this.#made.delete(key);
    this.#made.set(key, made);
    const [oldest = key] = this.#made.keys();
    if (this.#made.size > MOST_SHAPES) this.#forget(oldest);
    while (made.length < depth) {
      const making = make(shape);
      // What cannot be made now is made, and refused with a reason, when it is needed.
      making.catch(() => undefined);
      made.push(making);
    }
  }

  /** Lets go of all that wait, or of those of this shape, for somebody who needs what they hold. @returns whether any waited */
  async release(shape?: (key: string) => boolean): Promise<boolean> {
    let some = false;
    for (const [key, made] of [...this.#made]) {
      if (shape?.(key) === false) continue;
      some ||= made.length > 0;
      this.#forget(key);
    }
    await this.#discarding;
    return some;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.release();
  }

  #forget(key: string): void {
    this.#discard(this.#made.get(key)?.splice(0) ?? []);
    this.#made.delete(key);
  }

  #discard(left: readonly Promise<T>[]): void {
    const gone = left.map((one) => one.then(this.options.discard).catch(() => undefined));
    this.#discarding = Promise.all([this.#discarding, ...gone]);
  }
}
