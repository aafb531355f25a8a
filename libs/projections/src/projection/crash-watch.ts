import { delay } from '@fornax/base';
import { brokenConnections } from '../database/broken-connections.js';

/** After this long Postgres has flushed what it was told not to wait for: at most three times its `wal_writer_delay` of 200 milliseconds. */
const FLUSHED_AFTER_MS = 2_000;
/** How often a database is asked again that is away: seldomer, the longer it is. Some twenty projections of a process do. */
const AGAIN_MS = { first: 100, most: 500 };

export interface CrashWatchParts {
  /** The sequence of the checkpoint as it stands in the database; 0 when there is none. */
  readonly read: () => Promise<number>;
  /** Where the checkpoint was left. */
  readonly left: () => number;
  /** Told where the checkpoint stands when that is before where it was left. */
  readonly onLost: (sequence: number) => void;
}

/**
 * Finds out that a crash of Postgres took rows that were not flushed: the checkpoint, which is lost with them, stands before where it was left.
 * It looks as soon as a connection breaks, since every crash breaks those that wrote the rows, and once more when Postgres has flushed the last ones.
 */
export class CrashWatch {
  #doubts = 0;
  #looking: Promise<void> | undefined;
  #later: NodeJS.Timeout | undefined;
  #over = new AbortController();
  #unlisten: (() => void) | undefined;

  constructor(private readonly parts: CrashWatchParts) {}

  start(): void {
    this.#over = new AbortController();
    this.#unlisten = brokenConnections.listen(() => this.#doubt());
  }

  stop(): void {
    this.#unlisten?.();
    this.#over.abort();
    clearTimeout(this.#later);
  }

  /** Looks again when what was written this moment is flushed. */
  written(): void {
    clearTimeout(this.#later);
    if (!this.#over.signal.aborted) this.#later = setTimeout(() => this.#doubt(), FLUSHED_AFTER_MS).unref();
  }

  /** Waits until it is known that rows are where they were left, or were told to be lost. @returns false when the time was over first */
  async isSure(timeoutMs: number): Promise<boolean> {
    if (this.#looking === undefined) return true;
    const sure = this.#looking.then(() => true);
    const patience = new AbortController();
    const late = delay(timeoutMs, patience.signal).then(() => false);
    return Promise.race([sure, late]).finally(() => patience.abort());
  }

  #doubt(): void {
    this.#doubts += 1;
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
  }

  /** Until the database has answered after the last doubt. */
  async #look(): Promise<void> {
    const { signal } = this.#over;
    let againMs = AGAIN_MS.first;
    for (let doubts = -1; doubts !== this.#doubts && !signal.aborted;) {
      doubts = this.#doubts;
      const left = this.parts.left();
      try {
        const sequence = await this.parts.read();
        if (sequence < left) this.parts.onLost(sequence);
      } catch {
        doubts = -1; // it is away: what it comes back with is looked at
        await delay(againMs, signal, { ref: false });
        againMs = Math.min(2 * againMs, AGAIN_MS.most);
      }
    }
  }
}
