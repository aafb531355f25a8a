interface Counted {
  readonly instanceCount: number;
  readonly advancedRanges?: string | null | undefined;
}

/** Counts the instances of a task: one that was given ranges, as a retry is, has an `instanceCount` of 0 (contract, section 2.2). */
export const instancesOf = ({ instanceCount, advancedRanges }: Counted): number => {
  if (advancedRanges === undefined || advancedRanges === null || advancedRanges === '') return instanceCount;
  const intervals = advancedRanges
    .split(',')
    .map((part) => part.split('-').map(Number))
    .map(([from = 0, to = from]) => ({ from, to }))
    .sort((a, b) => a.from - b.from);
  let [count, next] = [0, 0];
  for (const { from, to } of intervals) {
    const begins = Math.max(from, next);
    if (to < begins) continue;
    count += to - begins + 1;
    next = to + 1;
  }
  return count;
};
