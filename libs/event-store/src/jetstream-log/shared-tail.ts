import { Changes, SequenceWindow } from '@fornax/base';
import type { FeedMessage, PullFeed } from '../jetstream/pull-feed.js';

/** What is kept for readers that are not quite at the end, sizes in bytes. */
const KEPT = { items: 4_096, size: 16 * 1024 * 1024, sizeOf: ({ data }: FeedMessage): number => data.length };
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
  private readonly window: SequenceWindow<FeedMessage>;
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
    base: number,
    private readonly feed: PullFeed,
    private readonly close: () => void,
  ) {
    this.window = new SequenceWindow(base, KEPT);
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
    return this.window.covers(position);
  }

  /**
   * What comes after a position that is covered, of all aggregates, up to `max`; waits until there is something.
   * @returns an empty list once `signal` has aborted
   * @throws FeedBroken after all that came before the break was given
   */
  async next(position: number, max: number, signal: AbortSignal): Promise<readonly FeedMessage[]> {
    for (;;) {
      const messages = this.window.after(position, { items: max });
      if (messages.length > 0) return messages;
      if (signal.aborted) return [];
      if (this.broken !== undefined) throw this.broken;
      await this.changes.next({ signal });
    }
  }

  private async take(): Promise<void> {
    const { signal } = this.stop;
    try {
      while (!signal.aborted) {
        this.window.add(await this.feed.next(TAKEN_AT_ONCE, signal));
        this.changes.tell();
      }
    } catch (error) {
      this.broken = error instanceof Error ? error : new Error(String(error));
    }
    this.broken ??= new Error('the shared tail is closed');
    this.close();
    this.changes.tell();
  }
}
