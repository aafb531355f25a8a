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

/**
 * Keeps a few sandboxes of the shape that was asked for last, each for one use. What has another shape is made when it is asked for. One that is
 * being made is worth waiting for: it began earlier.
 */
export class ReadySandboxes<S, T> {
  #made: Promise<T>[] = [];
  #key: string | undefined;
  #discarding: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(private readonly options: ReadyOptions<S, T>) {}

  /** One for use by the caller alone; undefined when there is none. Never rejects. */
  async take(shape: S): Promise<T | undefined> {
    const { keyOf, isUsable } = this.options;
    if (keyOf(shape) !== this.#key) return undefined;
    for (let next = this.#made.shift(); next; next = this.#made.shift()) {
      const made = await next.catch(() => undefined);
      if (made && isUsable(made)) return made;
      if (made) this.#discard([next]);
    }
    return undefined;
  }

  /** Prepares more of this shape, and lets go of those of another. Call when something of it was begun. */
  want(shape: S): void {
    const { depth, keyOf, make } = this.options;
    const key = keyOf(shape);
    if (key === undefined || this.#isClosed) return;
    if (key !== this.#key) this.#discard(this.#made.splice(0));
    this.#key = key;
    while (this.#made.length < depth) {
      const making = make(shape);
      // What cannot be made now is made, and refused with a reason, when it is needed.
      making.catch(() => undefined);
      this.#made.push(making);
    }
  }

  /** Lets go of all that wait, for somebody who needs what they hold. @returns whether any waited */
  async release(): Promise<boolean> {
    const left = this.#made.splice(0);
    this.#discard(left);
    await this.#discarding;
    return left.length > 0;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#discard(this.#made.splice(0));
    await this.#discarding;
  }

  #discard(left: readonly Promise<T>[]): void {
    const gone = left.map((one) => one.then(this.options.discard).catch(() => undefined));
    this.#discarding = Promise.all([this.#discarding, ...gone]);
  }
}
