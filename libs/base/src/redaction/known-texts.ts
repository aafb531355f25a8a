/** A byte as an edge of the tree: its node, and the next child of the same parent. 0 is the root, and so no child. */
const ROOT = 0;
const BYTES = 256;

/**
 * Finds known texts in a stream of bytes: the automaton of Aho and Corasick ("Efficient string matching", 1975), in time that grows with the stream and not
 * with the number of texts. Made once for some texts; each stream keeps its own state.
 */
export class KnownTexts {
  private readonly byteOf: Uint8Array;
  private readonly firstChild: Int32Array;
  private readonly nextSibling: Int32Array;
  private readonly fallback: Int32Array;
  private readonly depths: Int32Array;
  /** Length of the longest text that ends in a state; 0: none does. */
  private readonly longest: Int32Array;
  private readonly fromRoot = new Int32Array(BYTES);
  private size = 1;

  constructor(texts: readonly Uint8Array[]) {
    const most = texts.reduce((sum, { length }) => sum + length, 1);
    this.byteOf = new Uint8Array(most);
    [this.firstChild, this.nextSibling, this.fallback, this.depths, this.longest] = [0, 0, 0, 0, 0].map(
      () => new Int32Array(most),
    ) as [Int32Array, Int32Array, Int32Array, Int32Array, Int32Array];
    for (const text of texts) this.add(text);
    for (let child = this.at(this.firstChild, ROOT); child !== ROOT; child = this.at(this.nextSibling, child))
      this.fromRoot[this.byteOf[child] ?? 0] = child;
    this.linkFallbacks();
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
    while (child !== ROOT && this.byteOf[child] !== byte) child = this.at(this.nextSibling, child);
    return child;
  }

  private add(text: Uint8Array): void {
    let state = ROOT;
    for (const byte of text) {
      const known = this.childOf(state, byte);
      state = known === ROOT ? this.grow(state, byte) : known;
    }
    if (state !== ROOT) this.longest[state] = text.length;
  }

  private grow(parent: number, byte: number): number {
    const child = this.size;
    this.size += 1;
    this.byteOf[child] = byte;
    this.depths[child] = this.depthOf(parent) + 1;
    this.nextSibling[child] = this.at(this.firstChild, parent);
    this.firstChild[parent] = child;
    return child;
  }

  /** Of each state the longest proper ending of it that is a state as well, nearest to the root first. */
  private linkFallbacks(): void {
    const order = new Int32Array(this.size);
    let known = 1;
    for (let done = 0; done < known; done += 1) {
      const state = this.at(order, done);
      for (let child = this.at(this.firstChild, state); child !== ROOT; child = this.at(this.nextSibling, child)) {
        const fallback = state === ROOT ? ROOT : this.next(this.at(this.fallback, state), this.byteOf[child] ?? 0);
        this.fallback[child] = fallback;
        if (this.longestAt(child) === 0) this.longest[child] = this.longestAt(fallback);
        order[known] = child;
        known += 1;
      }
    }
  }
}
