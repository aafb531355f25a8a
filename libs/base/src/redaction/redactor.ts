import { KnownTexts } from './known-texts.js';
import { formsOfSecrets } from './secret-forms.js';

/** What stands in the place of a secret, as in answers of the API. */
export const REDACTED = '[SECRET]';
const MARK = Buffer.from(REDACTED);

interface Span {
  from: number;
  to: number;
}

/**
 * Takes known texts out of one stream. Whatever is part of one is left out, and each unbroken run of such bytes becomes one `[SECRET]`. The output depends on
 * the stream alone, not on the pieces that it comes in: bytes that may be the beginning of a text are held until that is known.
 */
export class Redactor {
  private state = 0;
  /** Bytes that are not given out yet. */
  private held: Buffer = Buffer.alloc(0);
  /** Place of the first of them in the stream. */
  private heldFrom = 0;
  /** Found among them, in order; none touches another one. */
  private spans: Span[] = [];
  /** The last byte that was given out was part of a text. */
  private isInside = false;

  constructor(private readonly texts: KnownTexts) {}

  /** @returns what can be given out now */
  take(chunk: Uint8Array): Buffer {
    const start = this.heldFrom + this.held.length;
    this.held = this.held.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.held, chunk]);
    let { state } = this;
    for (let at = 0; at < chunk.length; at += 1) {
      state = this.texts.next(state, chunk[at] ?? 0);
      const length = this.texts.longestAt(state);
      if (length > 0) this.cover(start + at + 1 - length, start + at + 1);
    }
    this.state = state;
    return this.giveOut(start + chunk.length - this.texts.depthOf(state));
  }

  /** What is left when the stream is over. */
  end(): Buffer {
    this.state = 0;
    return this.giveOut(this.heldFrom + this.held.length);
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
    let at = this.heldFrom;
    const slice = (from: number, to: number): Buffer => this.held.subarray(from - this.heldFrom, to - this.heldFrom);
    while (at < end) {
      const [span] = this.spans;
      const plainTo = Math.min(end, span?.from ?? end);
      if (at < plainTo) {
        parts.push(slice(at, plainTo));
        this.isInside = false;
        at = plainTo;
      }
      if (span === undefined || at >= end) break;
      if (!this.isInside) parts.push(MARK);
      this.isInside = true;
      at = Math.min(end, span.to);
      if (span.to <= end) this.spans.shift();
      else span.from = end;
    }
    const whole = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
    this.held = slice(at, this.heldFrom + this.held.length);
    this.heldFrom = at;
    return whole;
  }
}

/** Makes a redactor for each stream that may show some secrets; undefined where there is none that is long enough to be looked for. */
export const redactorsOf = (secrets: readonly string[]): (() => Redactor) | undefined => {
  const forms = formsOfSecrets(secrets);
  if (forms.length === 0) return undefined;
  const texts = new KnownTexts(forms);
  return () => new Redactor(texts);
};
