import type { JobFile } from '../files/job-files.js';
import { UserError } from '../failure/user-error.js';
import { type Stored, type Use, resultsExcessOf } from './disk-share.js';

/** The bytes that files of an instance take in storage, of which they may take as many as the instance may have on the disk of its node. */
export class ResultsRoom {
  readonly #sizes: Map<string, number>;
  #bytes: number;

  /** @throws UserError they hold more already */
  constructor(
    files: readonly JobFile[],
    private readonly bound: Use | undefined,
    private readonly what: Stored,
  ) {
    this.#sizes = new Map(files.map(({ path, sizeBytes }) => [path, sizeBytes]));
    this.#bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    this.#assertFits();
  }

  /** Notes what a file holds by now. @throws UserError with that they hold more than the instance may have */
  resize({ path }: JobFile, sizeBytes: number): void {
    this.#bytes += sizeBytes - (this.#sizes.get(path) ?? 0);
    this.#sizes.set(path, sizeBytes);
    this.#assertFits();
  }

  #assertFits(): void {
    const why = this.bound && resultsExcessOf(this.#bytes, this.bound, this.what);
    if (why !== undefined) throw new UserError('FX-DISK-LIMIT', why, 'limit');
  }
}
