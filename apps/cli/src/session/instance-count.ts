import { instancesIn, type Interval } from '../terminal/arguments.js';

interface Counted {
  readonly instanceCount: number;
  readonly advancedRanges?: string | null | undefined;
}

/** The numbers of a task's instances: one that was given ranges, as a retry is, has an `instanceCount` of 0 (contract, section 2.2). */
export const numbersOf = ({ instanceCount, advancedRanges }: Counted): readonly Interval[] => {
  if (advancedRanges !== undefined && advancedRanges !== null && advancedRanges !== '')
    return instancesIn(advancedRanges);
  return instanceCount > 0 ? [{ from: 0, to: instanceCount - 1 }] : [];
};

/** Counts the instances of a task. */
export const instancesOf = (task: Counted): number =>
  numbersOf(task).reduce((sum, { from, to }) => sum + to - from + 1, 0);

/** Tells those that there are from those that there are not. Both lists are in order, and so are the answers. */
export const among = (
  wanted: readonly Interval[],
  there: readonly Interval[],
): { readonly found: readonly Interval[]; readonly missing: readonly Interval[] } => {
  const found: Interval[] = [];
  const missing: Interval[] = [];
  for (const { from, to } of wanted) {
    let next = from;
    for (const one of there) {
      const [first, last] = [Math.max(next, one.from), Math.min(to, one.to)];
      if (first > last) continue;
      if (first > next) missing.push({ from: next, to: first - 1 });
      found.push({ from: first, to: last });
      next = last + 1;
    }
    if (next <= to) missing.push({ from: next, to });
  }
  return { found, missing };
};

/** `0-9,12` */
export const rangesText = (intervals: readonly Interval[]): string =>
  intervals.map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`)).join(',');
