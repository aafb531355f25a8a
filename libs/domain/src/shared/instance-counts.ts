import { emptyRanges, has, iterate, sizeOf, union, type Ranges } from './ranges.js';

/**
 * An immutable count per instance, for counts that are small and mostly alike (attempts, retries): `levels[k]` holds the instances
 * whose count is above k, each level within the one before. 100,000 instances on their first attempt are a single interval.
 */
export class InstanceCounts implements ReadonlyMap<number, number> {
  static readonly none = new InstanceCounts([]);

  private constructor(private readonly levels: readonly Ranges[]) {}

  static fromLevels(levels: readonly Ranges[]): InstanceCounts {
    return levels.length === 0 ? InstanceCounts.none : new InstanceCounts(levels);
  }

  /** As plain data, for a stored fold. */
  toLevels(): readonly Ranges[] {
    return this.levels;
  }

  /** The same counts, with one more for every instance of `ranges`. */
  increment(ranges: Ranges): InstanceCounts {
    if (sizeOf(ranges) === 0) return this;
    const above = new Map<number, number[]>();
    for (const n of iterate(ranges)) {
      const count = this.countOf(n);
      const group = above.get(count);
      if (group) group.push(n);
      else above.set(count, [n]);
    }
    const levels = [...this.levels];
    for (const [count, numbers] of above) levels[count] = union(levels[count] ?? emptyRanges, sortedRanges(numbers));
    return new InstanceCounts(levels);
  }

  /** 0 for an instance that was never counted. */
  countOf(n: number): number {
    let low = 0;
    let high = this.levels.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (has(this.levels[middle] ?? emptyRanges, n)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  get size(): number {
    return sizeOf(this.levels[0] ?? emptyRanges);
  }

  get(n: number): number | undefined {
    const count = this.countOf(n);
    return count === 0 ? undefined : count;
  }

  has(n: number): boolean {
    return this.countOf(n) > 0;
  }

  *entries(): MapIterator<[number, number]> {
    for (const n of iterate(this.levels[0] ?? emptyRanges)) yield [n, this.countOf(n)];
  }

  *keys(): MapIterator<number> {
    for (const n of iterate(this.levels[0] ?? emptyRanges)) yield n;
  }

  *values(): MapIterator<number> {
    for (const [, count] of this.entries()) yield count;
  }

  [Symbol.iterator](): MapIterator<[number, number]> {
    return this.entries();
  }

  forEach(visit: (count: number, n: number, map: ReadonlyMap<number, number>) => void): void {
    for (const [n, count] of this.entries()) visit(count, n, this);
  }
}

/** Numbers that ascend already. */
const sortedRanges = (numbers: readonly number[]): Ranges => {
  const bounds: number[] = [];
  for (const n of numbers) {
    if (bounds.at(-1) === n) bounds[bounds.length - 1] = n + 1;
    else bounds.push(n, n + 1);
  }
  return { bounds, size: numbers.length };
};
