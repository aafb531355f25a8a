import type { WrongTokenLimits } from './door-limits.js';

/** So many peers, and so many names, are remembered; the one that was quiet for longest is forgotten first. */
const MAX_REMEMBERED = 10_000;

/**
 * Makes whoever presents wrong tokens wait. One who is wrong now and then is answered at once; beyond that the answers of one peer, and
 * those about one name (an access key, the beginning of a token), come at a steady pace, one after the other. Nobody with a right token
 * ever asks here, so guessing does not lock anybody out who shares an address with the one who guesses.
 */
export class WrongTokens {
  private readonly paidUntil = { peer: new Map<string, number>(), name: new Map<string, number>() };
  private readonly intervalMs: number;

  constructor(
    private readonly limits: WrongTokenLimits,
    private readonly now: () => number,
  ) {
    this.intervalMs = 60_000 / limits.perMinute;
  }

  /** Counts one wrong token. @returns how long its answer is to be held back, in milliseconds; undefined when so many wait that no more may */
  delayMs(peer: string, name: string): number | undefined {
    const now = this.now();
    const delays = { peer: this.delayOf('peer', peer, now), name: this.delayOf('name', name, now) };
    // Each for itself: a name that many guess at hides nobody who guesses.
    if (delays.peer <= this.limits.maxDelayMs) this.remember('peer', peer, now);
    if (delays.name <= this.limits.maxDelayMs) this.remember('name', name, now);
    const delay = Math.max(delays.peer, delays.name);
    return delay > this.limits.maxDelayMs ? undefined : delay;
  }

  /** Whether a peer was wrong so often that the next answer to it would be held back. Counts nothing. */
  isGuessing(peer: string): boolean {
    return this.delayOf('peer', peer, this.now()) > 0;
  }

  /** How many are remembered: bounded, whatever comes. */
  get size(): number {
    return this.paidUntil.peer.size + this.paidUntil.name.size;
  }

  private nextOf(kind: 'peer' | 'name', key: string, now: number): number {
    return Math.max(this.paidUntil[kind].get(key) ?? 0, now) + this.intervalMs;
  }

  private delayOf(kind: 'peer' | 'name', key: string, now: number): number {
    return Math.max(0, this.nextOf(kind, key, now) - now - this.limits.burst * this.intervalMs);
  }

  private remember(kind: 'peer' | 'name', key: string, now: number): void {
    const known = this.paidUntil[kind];
    const next = this.nextOf(kind, key, now);
    known.delete(key);
    known.set(key, next);
    const [oldest] = known.keys();
    if (known.size > MAX_REMEMBERED && oldest !== undefined) known.delete(oldest);
  }
}
