/** What one instance prints on its way: what it has sent in all, what of it nobody has read yet, what its rate allows. */
export interface OutputFlow {
  readonly taskId: string;
  /** Virtual start of its next chunk: bytes that each of the flows that want something has been given. */
  start: number;
  unreadBytes: number;
  /** What it may send now; below 0 it has to wait. */
  tokens: number;
  filledAtMs: number;
}

/** A chunk that waits for its turn, or had it. */
export interface Claim {
  readonly flow: OutputFlow;
  readonly bytes: number;
}

interface Unread {
  readonly claim: Claim;
  readonly sequence: number;
}

export interface TurnsOptions {
  /** What one instance may print in a second on average; 0: whatever its share is. */
  readonly bytesPerS: number;
  /** What may be unread until somebody says how much. */
  readonly windowBytes: number;
}

/** An instance with no more than this unread has its turn although the window is full: what a person reads, and not a flood. */
const SPARSE_BYTES = 65_536;
/** What such instances may have unread together beyond the window, at least. */
const RESERVE_BYTES = 262_144;
/** How far behind the others one may be and catch up: a chunk that it could not ask for before the last one was stored. */
const MOST_SAVED_BYTES = 262_144;
/** Largest burst of an instance with a rate, in milliseconds of it. */
const BURST_MS = 1_000;

const leastOf = (claims: readonly Claim[]): Claim | undefined => {
  let least: Claim | undefined;
  for (const claim of claims) if (least === undefined || claim.flow.start < least.flow.start) least = claim;
  return least;
};

/**
 * Decides whose output is sent next, pure: the time is an argument. What all instances of a node have sent and nobody has read is bounded by a window. Within it
 * those that wait are served by start-time fair queuing (Goyal, Vin, Cheng 1996): who has been given least, among those that want something now, is next.
 * So instances that flood share the window byte by byte, and one that prints a line now and then is always next.
 */
export class OutputTurns {
  #waiting: Claim[] = [];
  #unread: Unread[] = [];
  /** Given, and not known to be read: sent or about to be. */
  #usedBytes = 0;
  #virtual = 0;
  #windowBytes: number;
  #held: ReadonlySet<string> = new Set();

  constructor(private readonly options: TurnsOptions) {
    this.#windowBytes = options.windowBytes;
  }

  open(taskId: string, nowMs: number): OutputFlow {
    const { bytesPerS } = this.options;
    return { taskId, start: 0, unreadBytes: 0, tokens: (bytesPerS * BURST_MS) / 1_000, filledAtMs: nowMs };
  }

  want(flow: OutputFlow, bytes: number): Claim {
    const claim = { flow, bytes };
    // Whoever wanted nothing for long has saved up no more than that.
    flow.start = Math.max(flow.start, this.#virtual - MOST_SAVED_BYTES);
    this.#waiting.push(claim);
    return claim;
  }

  /** It is not sent after all, whether or not it had its turn. */
  withdraw(claim: Claim): void {
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter((other) => other !== claim);
    if (this.#waiting.length === before) this.#settle(claim);
  }

  /** Those whose turn it is now, in their order. */
  grant(nowMs: number): readonly Claim[] {
    const granted: Claim[] = [];
    for (let next = this.#next(nowMs); next !== undefined; next = this.#next(nowMs)) {
      const { flow, bytes } = next;
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      this.#virtual = Math.max(this.#virtual, flow.start);
      flow.start += bytes;
      flow.unreadBytes += bytes;
      if (this.options.bytesPerS > 0) flow.tokens -= bytes;
      this.#usedBytes += bytes;
      granted.push(next);
    }
    return granted;
  }

  /** How long until the rate of somebody who waits lets it go on; undefined when nobody waits for that. */
  waitMs(nowMs: number): number | undefined {
    const waits = this.#waiting.map(({ flow }) => this.#rateWaitMs(flow, nowMs)).filter((ms) => ms > 0);
    return waits.length === 0 ? undefined : Math.min(...waits);
  }

  /** It lies in the stream. */
  stored(claim: Claim, sequence: number): void {
    this.#unread.push({ claim, sequence });
  }

  /** Everything up to a sequence was read. */
  read(sequence: number): void {
    for (const { claim } of this.#unread.filter((sent) => sent.sequence <= sequence)) this.#settle(claim);
    this.#unread = this.#unread.filter((sent) => sent.sequence > sequence);
  }

  /** Nobody says what was read: so much is taken to be. @returns what of it was too little for one more chunk */
  assumeRead(bytes: number): number {
    let left = bytes;
    this.#unread.sort((a, b) => a.sequence - b.sequence);
    for (let first = this.#unread[0]; first !== undefined && first.claim.bytes <= left; first = this.#unread[0]) {
      left -= first.claim.bytes;
      this.#unread.shift();
      this.#settle(first.claim);
    }
    return left;
  }

  /** @param held tasks that have to wait whatever room there is */
  allow(windowBytes: number, held: readonly string[]): void {
    this.#windowBytes = windowBytes;
    this.#held = new Set(held);
  }

  /** Whether it is time to ask what was read. */
  get isFilling(): boolean {
    return this.#waiting.length > 0 || this.#usedBytes >= this.#windowBytes / 2;
  }

  /** The sequence at which half of what is unread will have been read; 0 when nothing is. */
  get reach(): number {
    const sent = [...this.#unread].sort((a, b) => a.sequence - b.sequence);
    let bytes = sent.reduce((sum, { claim }) => sum + claim.bytes, 0) / 2;
    return sent.find(({ claim }) => (bytes -= claim.bytes) <= 0)?.sequence ?? 0;
  }

  /** Those with something that waits or is unread. */
  get tasks(): readonly string[] {
    const claims = [...this.#waiting, ...this.#unread.map(({ claim }) => claim)];
    return [...new Set(claims.map(({ flow }) => flow.taskId))];
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  #next(nowMs: number): Claim | undefined {
    const able = this.#waiting.filter(({ flow }) => !this.#held.has(flow.taskId) && this.#rateWaitMs(flow, nowMs) <= 0);
    // Whoever is first and finds no room is waited for, or small chunks of others would take what room there is for ever.
    const first = leastOf(able);
    return first && this.#hasRoom(first) ? first : leastOf(able.filter((claim) => this.#isSparse(claim)));
  }

  #hasRoom({ bytes }: Claim): boolean {
    return this.#usedBytes === 0 || this.#usedBytes + bytes <= this.#windowBytes;
  }

  #isSparse({ flow, bytes }: Claim): boolean {
    const most = this.#windowBytes + Math.max(RESERVE_BYTES, this.#windowBytes);
    return flow.unreadBytes + bytes <= SPARSE_BYTES && this.#usedBytes + bytes <= most;
  }

  #rateWaitMs(flow: OutputFlow, nowMs: number): number {
    const { bytesPerS } = this.options;
    if (bytesPerS === 0) return 0;
    const most = (bytesPerS * BURST_MS) / 1_000;
    flow.tokens = Math.min(most, flow.tokens + ((nowMs - flow.filledAtMs) * bytesPerS) / 1_000);
    flow.filledAtMs = nowMs;
    return flow.tokens > 0 ? 0 : Math.max(1, Math.ceil((-flow.tokens * 1_000) / bytesPerS));
  }

  #settle({ flow, bytes }: Claim): void {
    flow.unreadBytes -= bytes;
    this.#usedBytes -= bytes;
  }
}
