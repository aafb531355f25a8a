/** What one process held at one moment. */
export interface Sample {
  readonly atMs: number;
  readonly residentMiB: number;
  readonly descriptors: number;
  /** Tasks that were over by then. */
  readonly tasks: number;
}

/** How a process held over a soak. */
export interface Verdict {
  readonly isFlat: boolean;
  /** In words, when it is not flat. */
  readonly why: readonly string[];
  readonly first: Sample;
  /** The first sample after the warm-up. */
  readonly warm: Sample;
  readonly last: Sample;
  /** Growth of memory from the warm-up to the end, by the median slope. */
  readonly grownMiB: number;
  readonly grownDescriptors: number;
  readonly kibPerTask: number;
}

/** What may grow where that is known and somebody's to mend. */
export interface Allowance {
  readonly kibPerTask: number;
}

/** Part of the time in which code is compiled, caches fill and heaps find their size. */
const WARM_UP_PART = 1 / 4;
const LEAST_SAMPLES = 8;
/** A collected heap swings by this much. */
const SLACK_MIB = 12;
const SLACK_PART = 0.08;
const SLACK_DESCRIPTORS = 4;

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
};

/** The median of the slopes between all pairs (Theil 1950, Sen 1968): one sample before a collection of garbage does not turn it. */
export const medianSlope = (points: readonly (readonly [number, number])[]): number => {
  const slopes: number[] = [];
  for (const [index, [x1, y1]] of points.entries())
    for (const [x2, y2] of points.slice(index + 1)) if (x2 > x1) slopes.push((y2 - y1) / (x2 - x1));
  return median(slopes);
};

/**
 * Whether memory and descriptors of a process stopped growing: after the first quarter, the median slope over the rest may add 12 MiB or 8 %,
 * whichever is more, and four descriptors.
 * @param samples of one process, in order of time
 * @throws RangeError there are too few to tell
 */
export const judge = (samples: readonly Sample[], allowance: Allowance = { kibPerTask: 0 }): Verdict => {
  const [first] = samples;
  const last = samples.at(-1);
  if (!first || !last || samples.length < LEAST_SAMPLES)
    throw new RangeError(`${samples.length} samples tell nothing, ${LEAST_SAMPLES} are the least`);
  const watched = samples.filter(({ atMs }) => atMs >= first.atMs + WARM_UP_PART * (last.atMs - first.atMs));
  const warm = watched[0] ?? first;
  const spanMs = last.atMs - warm.atMs;
  const grown = (valueOf: (sample: Sample) => number): number =>
    spanMs * medianSlope(watched.map((sample) => [sample.atMs, valueOf(sample)] as const));
  const grownMiB = grown(({ residentMiB }) => residentMiB);
  const grownDescriptors = grown(({ descriptors }) => descriptors);
  const tasks = last.tasks - warm.tasks;
  const level = median(watched.map(({ residentMiB }) => residentMiB));
  const mayGrowMiB = Math.max(SLACK_MIB, SLACK_PART * level) + (allowance.kibPerTask * tasks) / 1_024;
  const why = [
    ...(grownMiB > mayGrowMiB
      ? [`memory grew by ${grownMiB.toFixed(1)} MiB in ${tasks} tasks, ${mayGrowMiB.toFixed(1)} are allowed`]
      : []),
    ...(grownDescriptors > SLACK_DESCRIPTORS ? [`descriptors grew by ${grownDescriptors.toFixed(0)}`] : []),
  ];
  const kibPerTask = tasks > 0 ? (grownMiB * 1_024) / tasks : 0;
  return { isFlat: why.length === 0, why, first, warm, last, grownMiB, grownDescriptors, kibPerTask };
};

/** The table for docs/reference/benchmarks.md, a row for each process. */
export const renderVerdicts = (verdicts: ReadonlyMap<string, Verdict>): string => {
  const rows = [...verdicts].map(([process, { isFlat, first, warm, last, kibPerTask }]) => {
    const memory = [first, warm, last].map(({ residentMiB }) => residentMiB.toFixed(0)).join(' / ');
    const open = [first, warm, last].map(({ descriptors }) => descriptors).join(' / ');
    return `| ${process} | ${memory} MiB | ${kibPerTask.toFixed(2)} KiB | ${open} | ${isFlat ? 'yes' : 'no'} |`;
  });
  return [
    '| process | memory at start / after warm-up / at end | growth a task after warm-up | descriptors | flat |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
};
