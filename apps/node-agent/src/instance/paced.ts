/** Tells values as they change, at most one in a while: of those that come too soon the latest, once it is time. */
export class Paced<T> {
  #toldAt = Number.NEGATIVE_INFINITY;
  #next: { readonly value: T } | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param tell never rejects */
  constructor(
    private readonly everyMs: number,
    private readonly tell: (value: T) => Promise<void>,
  ) {}

  /** Resolves once it is told, or at once if that is later. */
  async say(value: T): Promise<void> {
    const leftMs = this.everyMs - (performance.now() - this.#toldAt);
    if (leftMs <= 0) return this.#tellNow(value);
    this.#next = { value };
    this.#timer ??= setTimeout(() => {
      const next = this.#next;
      if (next) void this.#tellNow(next.value);
    }, leftMs).unref();
  }

  /** What is not told yet is never told. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#next = undefined;
  }

  #tellNow(value: T): Promise<void> {
    this.stop();
    this.#toldAt = performance.now();
    return this.tell(value);
  }
}
