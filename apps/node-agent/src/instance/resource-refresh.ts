import { type BackoffBounds, backoffMs, delay } from '@fornax/base';

/** Tries of one request that somebody waits for: some nine minutes of them. */
const MOST_TRIES = 16;
const PAUSES: BackoffBounds = { firstMs: 500, longestMs: 60_000 };

/** Who waits for requests to be carried out. */
export interface RefreshAsker {
  /** Told of each request that was carried out, or of the last of several. */
  readonly onFetched: (update: number) => void;
  /** Told of each try that failed. @param isFinal it is not tried again until it is asked for again */
  readonly onFailed: (update: number, error: unknown, isFinal: boolean) => void;
}

/**
 * Requests to fetch new resources for one instance, one after the other. States: waiting (its inputs are being fetched; requests are kept)
 * -> open (a request is carried out at once, and the last of several that came meanwhile once more) -> closed (the command is over).
 */
export class ResourceRefresh {
  readonly #abort = new AbortController();
  #asked = 0;
  #done = 0;
  #fetch: ((signal: AbortSignal) => Promise<void>) | undefined;
  #asker: RefreshAsker | undefined;
  #work: Promise<void> = Promise.resolve();
  #isWorking = false;

  constructor(
    private readonly onError: (error: unknown) => void,
    private readonly pauses = PAUSES,
  ) {}

  /** @param update counts the requests of the task: one that came already is ignored */
  ask(update: number): void {
    this.#asked = Math.max(this.#asked, update);
    this.#go();
  }

  /**
   * The inputs are there: from now on `fetch` brings what is new.
   * @param asker with one, what fails is tried again, some times
   */
  open(fetch: (signal: AbortSignal) => Promise<void>, asker?: RefreshAsker): void {
    this.#fetch = fetch;
    this.#asker = asker;
    this.#go();
  }

  /** Nothing is fetched any more once this resolves. */
  async close(): Promise<void> {
    // An error is dear, and of most instances nothing is fetched.
    if (this.#fetch) this.#abort.abort(new Error('the command is over'));
    await this.#work;
  }

  #go(): void {
    if (this.#isWorking || !this.#fetch || this.#asked <= this.#done) return;
    this.#isWorking = true;
    this.#work = this.#carryOut(this.#fetch);
  }

  async #carryOut(fetch: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.#abort;
    let tried = this.#asked;
    for (let failures = 0; this.#done < this.#asked && !signal.aborted;) {
      const update = this.#asked;
      if (update !== tried) failures = 0;
      tried = update;
      try {
        await fetch(signal);
        failures = 0;
        if (!signal.aborted) this.#asker?.onFetched(update);
      } catch (error) {
        if (signal.aborted) break;
        this.onError(error);
        if (this.#asker) {
          failures += 1;
          const isFinal = failures >= MOST_TRIES;
          this.#asker.onFailed(update, error, isFinal);
          if (!isFinal) {
            await delay(backoffMs(failures, this.pauses), signal);
            continue;
          }
          failures = 0;
        }
      }
      this.#done = update;
    }
    this.#isWorking = false;
  }
}
