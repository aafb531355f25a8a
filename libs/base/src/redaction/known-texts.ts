import { type Pieces, whole } from '../progress/pieced-work.js';

/** A byte as an edge of the tree: its node, and the next child of the same parent. 0 is the root, and so no child. */
const ROOT = 0;
const BYTES = 256;
const HIGHEST_BIT = 128;
/** So many bytes of texts, or states, are a piece of the work. */
const PIECE = 2_048;

const bytesOf = (texts: readonly Uint8Array[]): number => texts.reduce((sum, { length }) => sum + length, 1);

/**
 * Finds known texts in a stream of bytes: the automaton of Aho and Corasick ("Efficient string matching", 1975), in time that grows with the stream and not
 * with the number of texts. Made once for some texts; each stream keeps its own state.
 */
export class KnownTexts {
  private readonly byteOf: Uint8Array;
  private readonly firstChild: Int32Array;
  /** Children of one parent by the bits of their bytes, the highest first: nine steps at most, however many they are. */
  private readonly less: Int32Array;
  private readonly more: Int32Array;
  private readonly fallback: Int32Array;
  private readonly depths: Int32Array;
  /** Length of the longest text that ends in a state; 0: none does. */
  private readonly longest: Int32Array;
  private readonly fromRoot = new Int32Array(BYTES);
  private size = 1;

  constructor(texts: readonly Uint8Array[], most = bytesOf(texts)) {
    this.byteOf = new Uint8Array(most);
    const numbers = (): Int32Array => new Int32Array(most);
    [this.firstChild, this.less, this.more] = [numbers(), numbers(), numbers()];
    [this.fallback, this.depths, this.longest] = [numbers(), numbers(), numbers()];
    whole(this.build(texts));
  }

  /** Makes one in pieces: a megabyte takes a tenth of a second, in which nothing else would happen. */
  static *inPieces(texts: readonly Uint8Array[]): Pieces<KnownTexts> {
    const made = new KnownTexts([], bytesOf(texts));
    yield* made.build(texts);
    return made;
  }

  /** How many bytes before the next one are the beginning of a text, at most. */
  depthOf(state: number): number {
    return this.at(this.depths, state);
  }

  /** The length of the longest text that ends here; 0: none does. */
  longestAt(state: number): number {
    return this.at(this.longest, state);
  }

  /** The state after one more byte. The first state is 0. */
  next(state: number, byte: number): number {
    for (let at = state; at !== ROOT; at = this.at(this.fallback, at)) {
      const child = this.childOf(at, byte);
      if (child !== ROOT) return child;
    }
    return this.at(this.fromRoot, byte);
  }

  private at(numbers: Int32Array, index: number): number {
    return numbers[index] ?? 0;
  }

  private childOf(state: number, byte: number): number {
    let child = this.at(this.firstChild, state);
    for (let bit = HIGHEST_BIT; child !== ROOT && this.byteOf[child] !== byte; bit >>= 1)
      child = this.at(this.side(byte, bit), child);
    return child;
  }

  private side(byte: number, bit: number): Int32Array {
    return (byte & bit) === 0 ? this.less : this.more;
  }

  private *build(texts: readonly Uint8Array[]): Pieces<void> {
    for (const text of texts) yield* this.add(text);
    for (let byte = 0; byte < BYTES; byte += 1) this.fromRoot[byte] = this.childOf(ROOT, byte);
    yield* this.linkFallbacks();
  }

  private *add(text: Uint8Array): Pieces<void> {
    let state = ROOT;
    for (let from = 0; from < text.length; from += PIECE) {
      for (const byte of text.subarray(from, from + PIECE)) {
        const known = this.childOf(state, byte);
        state = known === ROOT ? this.grow(state, byte) : known;
      }
      yield;
    }
    if (state !== ROOT) this.longest[state] = text.length;
  }

  private grow(parent: number, byte: number): number {
    const child = this.size;
    this.size += 1;
    this.byteOf[child] = byte;
    this.depths[child] = this.depthOf(parent) + 1;
    let at = this.at(this.firstChild, parent);
    if (at === ROOT) this.firstChild[parent] = child;
    for (let bit = HIGHEST_BIT; at !== ROOT; bit >>= 1) {
      const side = this.side(byte, bit);
      const next = this.at(side, at);
      if (next === ROOT) side[at] = child;
      at = next;
    }
    return child;
  }

  /** Of each state the longest proper ending of it that is a state as well, nearest to the root first. */
  private *linkFallbacks(): Pieces<void> {
    const order = new Int32Array(this.size);
    let known = 1;
    for (let done = 0; done < known; done += 1) {
      if (done % PIECE === 0) yield;
      const state = this.at(order, done);
      const children = [this.at(this.firstChild, state)];
      for (let child = children.pop() ?? ROOT; child !== ROOT; child = children.pop() ?? ROOT) {
        const fallback = state === ROOT ? ROOT : this.next(this.at(this.fallback, state), this.byteOf[child] ?? 0);
        this.fallback[child] = fallback;
        if (this.longestAt(child) === 0) this.longest[child] = this.longestAt(fallback);
        order[known] = child;
        known += 1;
        for (const next of [this.at(this.less, child), this.at(this.more, child)])
          if (next !== ROOT) children.push(next);
      }
    }
  }
}
