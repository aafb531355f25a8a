import { ByteQueue } from './byte-queue.js';
import type { KnownTexts } from './known-texts.js';

/** What stands in the place of a secret, as in answers of the API. */
export const REDACTED = '[SECRET]';
const MARK = Buffer.from(REDACTED);

interface Span {
  from: number;
  to: number;
}

/** What is looked for. Another array once that has changed; what is in both is looked for without a break. */
export interface TextSource {
  readonly texts: readonly KnownTexts[];
}

interface Reader {
  readonly texts: KnownTexts;
  state: number;
}

/** Spans in order, those that touch made one. */
const joined = (spans: readonly Span[]): Span[] => {
  const all: Span[] = [];
  for (const { from, to } of [...spans].sort((one, other) => one.from - other.from)) {
    const last = all.at(-1);
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else all.push({ from, to });
  }
  return all;
};

/**
 * Takes known texts out of one stream. Whatever is part of one is left out, and each unbroken run of such bytes becomes one `[SECRET]`. The output depends on
 * the stream alone, not on the pieces that it comes in: bytes that may be the beginning of a text are held until that is known. Texts that are added meanwhile are
 * found from the first byte on that was not given out by then.
 */
export class Redactor {
  private seen: readonly KnownTexts[] = [];
  private readers: readonly Reader[] = [];
  /** Bytes that are not given out yet. */
  private readonly held = new ByteQueue();
  /** Place of the first of them in the stream. */
  private heldFrom = 0;
  /** Found among them, in order; none touches another one. */
  private spans: Span[] = [];
  /** The last byte that was given out was part of a text. */
  private isInside = false;

  /** @param shortest beginnings of texts that have so many bytes are taken out as well, where what comes next is not the rest */
  constructor(
    private readonly source: TextSource,
    private readonly shortest = Number.POSITIVE_INFINITY,
  ) {}

  /** @returns what can be given out now */
  take(chunk: Buffer): Buffer {
    this.learn();
    if (this.readers.length === 0 && this.held.length === 0) {
      this.heldFrom += chunk.length;
      return chunk;
    }
    const start = this.heldFrom + this.held.length;
    this.held.put(chunk);
    this.read(this.readers, chunk, start);
    const depth = this.readers.reduce((most, { texts, state }) => Math.max(most, texts.depthOf(state)), 0);
    return this.giveOut(start + chunk.length - depth);
  }

  /** What is left when the stream is over. */
  end(): Buffer {
    this.learn();
    for (const reader of this.readers) reader.state = 0;
    return this.giveOut(this.heldFrom + this.held.length);
  }

  private learn(): void {
    const { texts } = this.source;
    if (texts === this.seen) return;
    this.seen = texts;
    const readers = texts.map((one) => this.readers.find((reader) => reader.texts === one) ?? { texts: one, state: 0 });
    const before = this.spans;
    this.spans = [];
    this.read(
      readers.filter((reader) => !this.readers.includes(reader)),
      this.held.all,
      this.heldFrom,
    );
    this.spans = joined([...before, ...this.spans]);
    this.readers = readers;
  }

  /** @param start place of the first byte in the stream */
  private read(readers: readonly Reader[], bytes: Uint8Array, start: number): void {
    for (let at = 0; at < bytes.length; at += 1)
      for (const reader of readers) {
        reader.state = reader.texts.next(reader.state, bytes[at] ?? 0);
        const begun = reader.texts.depthOf(reader.state);
        const length = begun >= this.shortest ? begun : reader.texts.longestAt(reader.state);
        if (length > 0) this.cover(start + at + 1 - length, start + at + 1);
      }
  }

  private cover(from: number, to: number): void {
    let first = from;
    for (let last = this.spans.at(-1); last !== undefined && last.to >= first; last = this.spans.at(-1)) {
      first = Math.min(first, last.from);
      this.spans.pop();
    }
    this.spans.push({ from: first, to });
  }

  /** @param end place in the stream before which nothing is the beginning of a text that may still come */
  private giveOut(end: number): Buffer {
    const parts: Buffer[] = [];
    let done = 0;
    for (const span of this.spans) {
      if (span.from >= end) break;
      if (this.heldFrom < span.from) this.giveOutPlain(parts, span.from);
      if (!this.isInside) parts.push(MARK);
      this.isInside = true;
      this.dropTo(Math.min(end, span.to));
      if (span.to > end) {
        span.from = end;
        break;
      }
      done += 1;
    }
    this.spans.splice(0, done);
    if (this.heldFrom < end) this.giveOutPlain(parts, end);
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  private giveOutPlain(parts: Buffer[], to: number): void {
    parts.push(this.held.take(to - this.heldFrom));
    this.heldFrom = to;
    this.isInside = false;
  }

  private dropTo(to: number): void {
    this.held.drop(to - this.heldFrom);
    this.heldFrom = to;
  }
}
