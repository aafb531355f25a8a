/** The value below which `share` (0..1) of the sorted samples lie; NaN when there are none. */
export const percentile = (samples: readonly number[], share: number): number => {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
};

/** Milliseconds since 1970 with fractions. */
export const nowMs = (): number => performance.timeOrigin + performance.now();

/** Milliseconds from a time with fractions to one that the platform tells in whole milliseconds: it lies, on average, in the middle of that one. */
export const latencyMs = (fromMs: number, told: string | number): number => new Date(told).getTime() + 0.5 - fromMs;

/** Runs `work` n times with at most `width` under way; resolves to the seconds that took. */
export const timed = async (n: number, width: number, work: (index: number) => Promise<unknown>): Promise<number> => {
  const started = performance.now();
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < n) {
      next += 1;
      await work(next - 1);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, n) }, worker));
  return (performance.now() - started) / 1000;
};
