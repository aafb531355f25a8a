const AGAIN_MS = 5_000;
/** An engine that was asked to make a container and did not answer may make it for so long afterwards. */
const DOUBTFUL_MS = 120_000;

/** Containers that are to go: removed now, or later where the engine does not answer, by one who asks for all of them. */
export class Leaving {
  readonly #names = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  /** @param remove says whether there was one */
  constructor(private readonly remove: (name: string) => Promise<boolean>) {}

  /** Removes it without anybody waiting for that. */
  add(name: string): void {
    void this.now(name);
  }

  /** Removes it; where that fails it is tried again and again. Never rejects. */
  async now(name: string): Promise<void> {
    this.#names.set(name, performance.now());
    await this.#try(name);
  }

  /** Tries once more what is left; the next process of this agent removes what stays. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([...this.#names.keys()].map((name) => this.#try(name)));
    clearInterval(this.#timer);
  }

  async #try(name: string): Promise<void> {
    const since = this.#names.get(name) ?? 0;
    // None of this name: one that was asked for and not answered for may still come.
    const isGone = await this.remove(name).then(
      (was) => was || performance.now() - since > DOUBTFUL_MS,
      () => false,
    );
    if (isGone) this.#names.delete(name);
    else this.#timer ??= setInterval(() => void this.#again(), AGAIN_MS).unref();
  }

  async #again(): Promise<void> {
    for (const name of [...this.#names.keys()]) await this.#try(name);
    if (this.#names.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
