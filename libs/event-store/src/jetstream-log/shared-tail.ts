import { Changes } from '@fornax/base';
import type { FeedMessage, PullFeed } from '../jetstream/pull-feed.js';

/** What is kept for readers that are not quite at the end. */
const KEPT_MESSAGES = 4_096;
const KEPT_BYTES = 16 * 1024 * 1024;
const TAKEN_AT_ONCE = 1_000;

/**
 * The end of the event stream, taken from the server once and handed to all readers of a process: nine followers of the same log are one
 * delivery instead of nine. A reader that is too far behind, or that falls behind, reads with a consumer of its own until it is near enough.
 *
 * One run of it lives from its first reader to its last, or to the break of its feed, which every reader then is told; whoever goes on joins
 * a new one. So no reader ever goes from one stream to another without noticing.
 */
export class SharedTail {
  /** Consecutive: the stream neither deletes nor purges. */
  private kept: FeedMessage[] = [];
  private bytes = 0;
  private readonly changes = new Changes();
  private readonly stop = new AbortController();
  private readers = 0;
  private broken: Error | undefined;

  /**
   * @param epoch of the stream that `feed` reads
   * @param base the sequence before the first message that `feed` delivers
   * @param close ends the feed and its consumer
   */
  constructor(
    readonly epoch: string,
    private base: number,
    private readonly feed: PullFeed,
    private readonly close: () => void,
  ) {
    void this.take();
  }

  /** No more messages will come here. */
  get isOver(): boolean {
    return this.broken !== undefined || this.stop.signal.aborted;
  }

  join(): void {
    this.readers += 1;
  }

  leave(): void {
    this.readers -= 1;
    if (this.readers === 0) this.stop.abort();
  }

  /** Everything after `position` that was ever taken is still here, and all that comes will be. */
  covers(position: number): boolean {
    return position >= this.base;
  }

  /**
   * What comes after a position that is covered, of all aggregates, up to `max`; waits until there is something.
   * @returns an empty list once `signal` has aborted
   * @throws FeedBroken after all that came before the break was given
   */
  async next(position: number, max: number, signal: AbortSignal): Promise<readonly FeedMessage[]> {
    for (;;) {
      const from = this.indexAfter(position);
      if (from < this.kept.length) return this.kept.slice(from, from + max);
      if (signal.aborted) return [];
      if (this.broken !== undefined) throw this.broken;
      await this.changes.next({ signal });
    }
  }

  private async take(): Promise<void> {
    const { signal } = this.stop;
    try {
      while (!signal.aborted) {
        const messages = await this.feed.next(TAKEN_AT_ONCE, signal);
        for (const message of messages) {
          this.kept.push(message);
          this.bytes += message.data.length;
        }
        this.forgetOld();
        this.changes.tell();
      }
    } catch (error) {
      this.broken = error instanceof Error ? error : new Error(String(error));
    }
    this.broken ??= new Error('the shared tail is closed');
    this.close();
    this.changes.tell();
  }

  /** In large steps, so that it costs little. */
  private forgetOld(): void {
    if (this.kept.length <= 2 * KEPT_MESSAGES && this.bytes <= 2 * KEPT_BYTES) return;
    let bytes = 0;
    let first = this.kept.length;
    while (first > 0 && this.kept.length - first < KEPT_MESSAGES && bytes < KEPT_BYTES) {
      first -= 1;
      bytes += this.kept[first]?.data.length ?? 0;
    }
    this.base = this.kept[first - 1]?.sequence ?? this.base;
    this.kept = this.kept.slice(first);
    this.bytes = bytes;
  }

  private indexAfter(position: number): number {
    let low = 0;
    let high = this.kept.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.kept[middle]?.sequence ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
