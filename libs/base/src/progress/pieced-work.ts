import { delay } from '../time/delay.js';

/** Work that lets go after each piece of it, a fraction of a millisecond. */
export type Pieces<T> = Generator<undefined, T>;

/** How long pieces are done without a break, in milliseconds. */
const SLICE_MS = 4;
/** A longer break helps nobody: what took longer was waiting for the processor. */
const MOST_REST_MS = 8;

interface Job {
  readonly size: number;
  /** Does a piece. @returns whether the job is over */
  readonly isOverAfterPiece: () => boolean;
}

/** Does all pieces at once. */
export const whole = <T>(pieces: Pieces<T>): T => {
  for (;;) {
    const { done, value } = pieces.next();
    if (done === true) return value;
  }
};

/**
 * Does work of many in pieces, and rests as long as it worked: half of the event loop's time, and all but a few milliseconds of each moment, are for others. The smallest
 * job comes first, so that large ones hold up nobody who wants little.
 */
export class PiecedWork {
  readonly #jobs: Job[] = [];
  #isOn = false;

  /**
   * Does a job.
   * @param size how much there is to do, compared with other jobs
   * @throws what its pieces throw
   */
  do<T>(size: number, pieces: Pieces<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const isOverAfterPiece = (): boolean => {
      try {
        const { done, value } = pieces.next();
        if (done !== true) return false;
        resolve(value);
      } catch (error) {
        reject(error as Error);
      }
      return true;
    };
    const place = this.#jobs.findIndex((job) => job.size > size);
    this.#jobs.splice(place < 0 ? this.#jobs.length : place, 0, { size, isOverAfterPiece });
    if (!this.#isOn) void this.#work();
    return promise;
  }

  async #work(): Promise<void> {
    this.#isOn = true;
    await Promise.resolve();
    for (let job = this.#jobs[0]; job; job = this.#jobs[0]) {
      const from = performance.now();
      while (performance.now() - from < SLICE_MS)
        if (job.isOverAfterPiece()) {
          this.#jobs.splice(this.#jobs.indexOf(job), 1);
          break;
        }
      await delay(Math.min(MOST_REST_MS, Math.max(1, performance.now() - from)));
    }
    this.#isOn = false;
  }
}
