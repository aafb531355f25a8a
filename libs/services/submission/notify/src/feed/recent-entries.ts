import type { FeedEntry } from './feed-entry.js';

/** Entries after a place in the log, and how far they reach. */
export interface FeedBatch {
  readonly entries: readonly FeedEntry[];
  /** Everything up to here has been handed over. */
  readonly sequence: number;
}

const MOST_ENTRIES = 10_000;
const MOST_CHARS = 16 * 1024 * 1024;
const BATCH_ENTRIES = 200;
const BATCH_CHARS = 512 * 1024;

/** The newest entries of the log, bounded in number and size: those who keep up are served from here, those who lag read the log. */
export class RecentEntries {
  private entries: FeedEntry[] = [];
  private chars = 0;
  /** Everything after this place is here. */
  private floor: number;
  private reached: number;

  constructor(from: number) {
    this.floor = from;
    this.reached = from;
  }

  get position(): number {
    return this.reached;
  }

  covers(after: number): boolean {
    return after >= this.floor;
  }

  add(entries: readonly FeedEntry[]): void {
    for (const entry of entries) {
      this.entries.push(entry);
      this.chars += entry.chars;
    }
    let dropped = 0;
    while (this.entries.length - dropped > MOST_ENTRIES || this.chars > MOST_CHARS) {
      const oldest = this.entries[dropped];
      if (!oldest) break;
      this.chars -= oldest.chars;
      this.floor = oldest.sequence;
      dropped += 1;
    }
    if (dropped > 0) this.entries = this.entries.slice(dropped);
  }

  /** The log was examined up to here. */
  moveTo(sequence: number): void {
    this.reached = Math.max(this.reached, sequence);
  }

  after(position: number): FeedBatch {
    const taken: FeedEntry[] = [];
    let chars = 0;
    for (let index = this.firstAfter(position); index < this.entries.length; index += 1) {
      const entry = this.entries[index];
      if (!entry || entry.sequence > this.reached) break;
      taken.push(entry);
      chars += entry.chars;
      if (taken.length >= BATCH_ENTRIES || chars >= BATCH_CHARS) return { entries: taken, sequence: entry.sequence };
    }
    return { entries: taken, sequence: this.reached };
  }

  private firstAfter(position: number): number {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.entries[middle]?.sequence ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
