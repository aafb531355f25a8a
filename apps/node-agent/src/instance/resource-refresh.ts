import { backoffMs, delay } from '@fornax/base';

/**
 * Requests to fetch new resources for one instance, one after the other. States: waiting (its inputs are being fetched; requests are kept)
 * -> open (a request is carried out at once, and the last of several that came meanwhile once more) -> closed (the command is over).
 */
export class ResourceRefresh {
  readonly #abort = new AbortController();
  #asked = 0;
  #done = 0;
  #fetch: ((signal: AbortSignal) => Promise<void>) | undefined;
  #onFetched: ((update: number) => void) | undefined;
  #work: Promise<void> = Promise.resolve();
  #isWorking = false;

  constructor(private readonly onError: (error: unknown) => void) {}

  /** @param update counts the requests of the task: one that came already is ignored */
  ask(update: number): void {
    this.#asked = Math.max(this.#asked, update);
    this.#go();
  }

  /**
   * The inputs are there: from now on `fetch` brings what is new.
   * @param onFetched told of each request that was carried out, or of the last of several; with it, what fails is tried until it is done
   */
  open(fetch: (signal: AbortSignal) => Promise<void>, onFetched?: (update: number) => void): void {
    this.#fetch = fetch;
    this.#onFetched = onFetched;
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
    for (let failures = 0; this.#done < this.#asked && !signal.aborted;) {
      const update = this.#asked;
      try {
        await fetch(signal);
        failures = 0;
        if (!signal.aborted) this.#onFetched?.(update);
      } catch (error) {
        if (!signal.aborted) this.onError(error);
        if (this.#onFetched) {
          failures += 1;
          await delay(backoffMs(failures), signal);
          continue;
        }
      }
      this.#done = update;
    }
    this.#isWorking = false;
  }
}
