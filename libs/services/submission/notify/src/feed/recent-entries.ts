import { SequenceWindow } from '@fornax/base';
import type { FeedEntry } from './feed-entry.js';

/** Entries after a place in the log, and how far they reach. */
export interface FeedBatch {
  readonly entries: readonly FeedEntry[];
  /** Everything up to here has been handed over. */
  readonly sequence: number;
}

/** Sizes in characters of JSON. */
const KEPT = { items: 5_000, size: 8 * 1024 * 1024, sizeOf: ({ chars }: FeedEntry): number => chars };
const BATCH = { items: 200, size: 512 * 1024 };

/**
 * The newest entries of the feed, made once for all who follow: those who keep up are served from here, those who lag read the log. What the log itself
 * shares are messages as they were stored, of all aggregates; these have their task and owner and the JSON that is sent (ADR 0048).
 */
export class RecentEntries {
  private readonly window: SequenceWindow<FeedEntry>;

  /** @param reached the place in the log behind which everything will be here */
  constructor(private reached: number) {
    this.window = new SequenceWindow(reached, KEPT);
  }

  get position(): number {
    return this.reached;
  }

  covers(after: number): boolean {
    return this.window.covers(after);
  }

  add(entries: readonly FeedEntry[]): void {
    this.window.add(entries);
  }

  /** The log was examined up to here: most of it is about nothing that the feed tells. */
  moveTo(sequence: number): void {
    this.reached = Math.max(this.reached, sequence);
  }

  after(position: number): FeedBatch {
    const found = this.window.after(position, BATCH);
    const entries = found.filter(({ sequence }) => sequence <= this.reached);
    const isPart = entries.length >= BATCH.items || entries.reduce((sum, { chars }) => sum + chars, 0) >= BATCH.size;
    return { entries, sequence: isPart ? (entries.at(-1)?.sequence ?? this.reached) : this.reached };
  }
}
