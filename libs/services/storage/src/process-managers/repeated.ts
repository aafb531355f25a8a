export interface RepeatedParts {
  readonly work: (signal: AbortSignal) => Promise<unknown>;
  readonly onError: (error: unknown) => void;
  /** After the start, after it has been done, and after it has failed; in milliseconds. */
  readonly firstMs: number;
  readonly againMs: number;
  readonly afterFailureMs: number;
}

/** Does something now and then in the background, until it is stopped. */
export class Repeated {
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #working: Promise<void> = Promise.resolve();

  constructor(private readonly parts: RepeatedParts) {}

  start(): void {
    this.#in(this.parts.firstMs);
  }

  #in(ms: number): void {
    const { signal } = this.#stop;
    if (signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#working = this.parts.work(signal).then(
        () => this.#in(this.parts.againMs),
        (error: unknown) => {
          if (!signal.aborted) this.parts.onError(error);
          this.#in(this.parts.afterFailureMs);
        },
      );
    }, ms);
    this.#timer.unref();
  }

  /** Waits for what is being done. */
  async stop(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#working;
  }
}
