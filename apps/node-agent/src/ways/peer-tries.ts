import type { Socket } from 'node:net';

import { backoffMs } from '@fornax/base';

import { PeersFull } from './peers-full.js';

/** Waits between two tries of a port on which nothing listens: who begins a minute later is found within seconds. */
const BACKOFF = { firstMs: 100, longestMs: 3_000 };
/** Tries of one port at once, where something listens. */
const MOST_AT_ONCE = 32;

/** A connection; `full`: there may be no more now; undefined: nobody waits for it any more. */
export type Tried = Socket | 'full' | undefined;
type Take = (peer: Tried) => void;

/**
 * Connects to one port of another instance, for all connections that are for it: as long as nothing listens there, one of them is tried again for all, ever more rarely, and a new one waits
 * with the others. Where something does, the others follow, twice as many each time. Where there may be no more, all for whom no try is under way are told so, and whoever comes before it is tried again is told at once, unless one that was under way has come meanwhile.
 */
export class PeerTries {
  readonly #waiting = new Set<Take>();
  #trying = 0;
  #atOnce = 1;
  #failures = 0;
  /** What came of the last try. */
  #isFull = false;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param reach a rejection is no connection, too; by PeersFull those that wait are told so
   * @param again resolves when one that has failed may be tried again
   */
  constructor(
    private readonly reach: () => Promise<Socket | undefined>,
    private readonly again: () => Promise<void>,
  ) {}

  /** @returns undefined: the signal aborted before there was one */
  next(signal: AbortSignal): Promise<Tried> {
    return new Promise((resolve) => {
      const leave = (): void => take(undefined);
      const take: Take = (peer) => {
        this.#waiting.delete(take);
        signal.removeEventListener('abort', leave);
        resolve(peer);
      };
      if (signal.aborted) return resolve(undefined);
      if (this.#isFull && this.#timer) return resolve('full');
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.add(take);
      this.#go();
    });
  }

  #go(): void {
    while (!this.#timer && this.#trying < Math.min(this.#atOnce, this.#waiting.size)) void this.#try();
  }

  async #try(): Promise<void> {
    this.#trying += 1;
    if (this.#failures > 0) await this.again();
    // Nobody may wait any more by now; once it is tried, what came of it counts all the same.
    const isWanted = this.#waiting.size > 0;
    const peer = isWanted ? await this.reach().catch(fullOf) : undefined;
    this.#trying -= 1;
    if (isWanted) this.#isFull = peer === 'full';
    if (peer === 'full') {
      // What tries under way bring is for those that have waited longest.
      for (const take of [...this.#waiting].slice(this.#trying)) take('full');
      this.#pause();
    } else if (peer) {
      this.#failures = 0;
      this.#atOnce = Math.min(this.#atOnce * 2, MOST_AT_ONCE);
      const [first] = this.#waiting;
      if (first) first(peer);
      else peer.destroy();
    } else if (isWanted) this.#pause();
    this.#go();
  }

  #pause(): void {
    this.#atOnce = 1;
    // Of several at once, one counts.
    if (this.#timer) return;
    this.#failures += 1;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#go();
      },
      backoffMs(this.#failures, BACKOFF),
    ).unref();
  }
}

const fullOf = (error: unknown): 'full' | undefined => (error instanceof PeersFull ? 'full' : undefined);
