import { type Pieces } from '../progress/pieced-work.js';
import { KnownTexts } from './known-texts.js';

/** Bytes of all texts that are looked for. */
const MOST_BYTES = 1_572_864;
/** Generations are made one until they have so many bytes: each costs a step for each byte of a stream. */
const SMALL_BYTES = 8_192;
/** Those that would have more stay apart: what has this size is not made anew. */
const LARGE_BYTES = 524_288;

interface Generation {
  /** By which somebody tells whether what it was made of is still looked for. */
  readonly ids: readonly string[];
  readonly forms: readonly Buffer[];
  readonly bytes: number;
  readonly texts: KnownTexts;
}

/**
 * Texts that come one after the other, the newest of them up to a bound. What finds them cannot grow: so there are several, each at least twice as large as the next one
 * (O'Neil et al., "The log-structured merge-tree", 1996), and each text is part of few that are made.
 */
export class TextGenerations {
  /** Oldest first. */
  #all: readonly Generation[] = [];
  #ids: ReadonlySet<string> = new Set();

  get texts(): readonly KnownTexts[] {
    return this.#all.filter(({ bytes }) => bytes > 0).map(({ texts }) => texts);
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Adds texts as the newest. None is looked for before all pieces are done. */
  *add(ids: readonly string[], forms: readonly Buffer[]): Pieces<void> {
    const kept = [...this.#all];
    const joined = { ids: [...ids], forms: [...forms], bytes: forms.reduce((sum, { length }) => sum + length, 0) };
    for (let last = kept.at(-1); last && this.#belongs(last, joined.bytes); last = kept.at(-1)) {
      kept.pop();
      joined.ids.unshift(...last.ids);
      joined.forms.unshift(...last.forms);
      joined.bytes += last.bytes;
    }
    kept.push({ ...joined, texts: yield* KnownTexts.inPieces(joined.forms) });
    let left = MOST_BYTES;
    const gone = kept.findLastIndex(({ bytes }) => (left -= bytes) < 0);
    // The newest one is there whatever it has.
    this.#all = kept.slice(Math.min(gone + 1, kept.length - 1));
    this.#ids = new Set(this.#all.flatMap((one) => one.ids));
  }

  #belongs({ bytes }: Generation, newer: number): boolean {
    return bytes < Math.max(2 * newer, SMALL_BYTES) && bytes + newer <= LARGE_BYTES;
  }
}
