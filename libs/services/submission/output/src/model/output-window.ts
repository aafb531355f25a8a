/** How much a node has to have sent for the pace of a batch to say something: small ones cost what any transaction costs. */
const TELLING_BYTES = 65_536;
/** Of the newest batch in the pace. */
const NEWEST = 0.3;
/** What is unread is to be read in this time, so that a line behind it is late by no more. */
const AIM_MS = 250;
/** A chunk of the largest size, whatever the pace. */
const LEAST_BYTES = 262_144;
/** Of one node, however many there are: half a chunk, beside which another one waits. */
const LEAST_OF_NODE_BYTES = 131_072;
/** A node that has much to send asks many times in this time. */
const ACTIVE_MS = 3_000;

/**
 * How much output may lie in the stream unread: what is read in a quarter of a second, at the pace of late, shared equally by the nodes that have much to send.
 * Pure but for what it was told: times are arguments.
 */
export class OutputWindow {
  #bytesPerMs = 0;
  readonly #askedAt = new Map<string, number>();

  /** @param mostBytes never more than this for all nodes together */
  constructor(private readonly mostBytes: number) {}

  /** A batch was stored. */
  stored(bytes: number, tookMs: number): void {
    if (bytes < TELLING_BYTES) return;
    const pace = bytes / Math.max(1, tookMs);
    this.#bytesPerMs = this.#bytesPerMs === 0 ? pace : this.#bytesPerMs * (1 - NEWEST) + pace * NEWEST;
  }

  /** What a node that asks now may have unread, in bytes. */
  of(nodeId: string, nowMs: number): number {
    this.#askedAt.delete(nodeId);
    this.#askedAt.set(nodeId, nowMs);
    for (const [node, askedAt] of this.#askedAt) {
      if (nowMs - askedAt < ACTIVE_MS) break;
      this.#askedAt.delete(node);
    }
    const all = Math.min(this.mostBytes, Math.max(LEAST_BYTES, this.#bytesPerMs * AIM_MS));
    return Math.max(Math.min(LEAST_OF_NODE_BYTES, this.mostBytes), Math.floor(all / this.#askedAt.size));
  }
}
