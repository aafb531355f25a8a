import { EngineAway } from './engine.js';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;
/** How often an engine that is there is asked whether it still is. */
const LOOK_MS = 5_000;

/** Knows whether the engine answers, asks it by one voice for all who wait, and tells of each change once. */
export class EngineWatch {
  #trouble: string | undefined;
  #coming: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #closing = new AbortController();

  constructor(
    private readonly ping: () => Promise<void>,
    private readonly onChange: (trouble: string | undefined) => void = () => undefined,
  ) {}

  /** Looks again and again, so that an engine that goes while nobody needs it is told of. */
  start(): void {
    this.#timer = setInterval(() => this.lookNow(), LOOK_MS).unref();
  }

  lookNow(): void {
    if (!this.#closing.signal.aborted) void this.#come().catch(() => undefined);
  }

  /** Resolves when the engine answers. @param withinMs as long as it takes, where absent @throws EngineAway it did not in time; Error the driver is closed */
  async untilThere(withinMs?: number): Promise<void> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    late.catch(() => undefined);
    const timer =
      withinMs === undefined
        ? undefined
        : setTimeout(() => reject(new EngineAway(this.#trouble ?? 'the container engine does not answer')), withinMs);
    try {
      await Promise.race([this.#come(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#closing.abort(new Error('the driver is closed'));
  }

  /** One look for all: an engine that is there costs each of them one answer. */
  #come(): Promise<void> {
    return (this.#coming ??= this.#ask().finally(() => (this.#coming = undefined)));
  }

  async #ask(): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      this.#closing.signal.throwIfAborted();
      try {
        await this.ping();
        this.#tell(undefined);
        return;
      } catch (error) {
        this.#tell(error instanceof Error ? error.message : String(error));
      }
      await this.#pause(pauseMs);
    }
  }

  #tell(trouble: string | undefined): void {
    const isNews = (trouble === undefined) !== (this.#trouble === undefined);
    this.#trouble = trouble;
    if (isNews) this.onChange(trouble);
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      function done(): void {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
