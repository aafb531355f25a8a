/** A lease that waited here for longer than it should: another node may have room for it. */
export class WaitedTooLong extends Error {
  override readonly name = 'WaitedTooLong';
  constructor() {
    super('the lease waited for too long and was given back');
  }
}

/** What a lease takes of its node, and for whom. */
export interface Claim {
  readonly owner: string;
  readonly cores: number;
  readonly memoryMB: number;
}

interface Waiting {
  readonly claim: Claim;
  readonly begin: () => void;
}

interface Taken {
  readonly leases: number;
  readonly cores: number;
}
const NOTHING: Taken = { leases: 0, cores: 0 };

/**
 * The line of leases on a node. One begins when its cores and its memory are free; who has fewest cores running here goes first, then who came
 * first, and what does not fit yet is passed by what does. Nobody waits for longer than `longestMs`: then the lease is given back.
 */
export class LeaseLine {
  readonly #taken = new Map<string, Taken>();
  readonly #line = new Set<Waiting>();
  #freeCores: number;
  #freeMemoryMB: number;
  #running = 0;

  constructor(
    room: { readonly cores: number; readonly memoryMB: number },
    private readonly longestMs: number,
  ) {
    this.#freeCores = room.cores;
    this.#freeMemoryMB = room.memoryMB;
  }

  /** How many wait. */
  get length(): number {
    return this.#line.size;
  }

  /**
   * Resolves when the lease may begin, with what lets go of its room (safe to repeat).
   * @throws WaitedTooLong  @throws the reason of `signal`
   */
  async enter(claim: Claim, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const waiting: Waiting = { claim, begin: () => resolve(undefined) };
    const leave = (reason: unknown): void => {
      if (this.#line.delete(waiting)) reject(reason);
    };
    const onAbort = (): void => leave(signal.reason);
    this.#line.add(waiting);
    this.#advance();
    const timer = this.#line.has(waiting)
      ? setTimeout(() => leave(new WaitedTooLong()), this.longestMs).unref()
      : undefined;
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
    let isLeft = false;
    return () => {
      if (isLeft) return;
      isLeft = true;
      this.#move(claim, -1);
      this.#advance();
    };
  }

  /** Lets begin whoever can. */
  #advance(): void {
    for (let next = this.#next(); next; next = this.#next()) {
      this.#line.delete(next);
      this.#move(next.claim, 1);
      next.begin();
    }
  }

  #next(): Waiting | undefined {
    let best: Waiting | undefined;
    for (const waiting of this.#line) {
      if (this.#fits(waiting.claim) && (!best || this.#hasLess(waiting.claim, best.claim))) best = waiting;
    }
    return best;
  }

  /** On a node that runs nothing everything fits: who gave it knows the node by other figures, and it would wait for ever. */
  #fits({ cores, memoryMB }: Claim): boolean {
    return this.#running === 0 || (cores <= this.#freeCores && memoryMB <= this.#freeMemoryMB);
  }

  #hasLess(one: Claim, other: Claim): boolean {
    const [a, b] = [this.#taken.get(one.owner) ?? NOTHING, this.#taken.get(other.owner) ?? NOTHING];
    return a.cores < b.cores || (a.cores === b.cores && a.leases < b.leases);
  }

  #move({ owner, cores, memoryMB }: Claim, sign: 1 | -1): void {
    this.#freeCores -= sign * cores;
    this.#freeMemoryMB -= sign * memoryMB;
    this.#running += sign;
    const { leases, cores: own } = this.#taken.get(owner) ?? NOTHING;
    if (leases + sign === 0) this.#taken.delete(owner);
    else this.#taken.set(owner, { leases: leases + sign, cores: own + sign * cores });
  }
}
