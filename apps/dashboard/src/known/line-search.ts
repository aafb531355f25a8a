import { escaped } from '../address/escaped.ts';
import type { LineBuffer } from './line-buffer.ts';

/** Rows between two looks at the clock. */
const STRIDE = 512;

/** Whether a row holds a text, in capitals or not. */
const holderOf = (text: string): ((row: string) => boolean) => {
  try {
    const pattern = new RegExp(escaped(text), 'iu');
    // What is too long for a pattern is refused when it is used first.
    pattern.test('');
    return (row) => pattern.test(row);
  } catch {
    const small = text.toLowerCase();
    return (row) => row.toLowerCase().includes(small);
  }
};

/** Finds the rows of a buffer that hold a text, in capitals or not; in slices, so that a page stays at hand. */
export class LineSearch {
  /** Rows that hold it, in order. */
  readonly found: number[] = [];
  private readonly isIn: (row: string) => boolean;
  private next = 0;
  /** Rows that do not hold it and may still grow. */
  private readonly growing = new Set<number>();

  constructor(
    readonly buffer: LineBuffer,
    readonly text: string,
  ) {
    this.isIn = holderOf(text);
  }

  /** Searches on for so long. @returns whether everything that there is was searched */
  go(forMs: number): boolean {
    const { buffer, found, growing } = this;
    const until = performance.now() + forMs;
    if ((found[0] ?? Infinity) < buffer.first) found.splice(0, placeOf(found, buffer.first));
    for (const row of growing) {
      if (this.holds(row)) found.splice(placeOf(found, row), 0, row);
      else if (buffer.isOpen(row)) continue;
      growing.delete(row);
    }
    this.next = Math.max(this.next, buffer.first);
    while (this.next < buffer.end) {
      const to = Math.min(this.next + STRIDE, buffer.end);
      for (let row = this.next; row < to; row += 1) {
        if (this.holds(row)) found.push(row);
        else if (buffer.isOpen(row)) growing.add(row);
      }
      this.next = to;
      if (performance.now() >= until) break;
    }
    return this.next === buffer.end;
  }

  private holds(row: number): boolean {
    return this.isIn(this.buffer.at(row));
  }
}

/** Where in ascending numbers the first stands that is not smaller. */
const placeOf = (numbers: readonly number[], least: number): number => {
  let [from, to] = [0, numbers.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((numbers[middle] ?? 0) < least) from = middle + 1;
    else to = middle;
  }
  return from;
};
