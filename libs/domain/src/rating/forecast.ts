import type { ExactAmount } from './exact-amount.js';

/** What an estimate was made from, the most telling first: what the command says of its progress, what instances cost that have succeeded, when its job ends it. */
export const FORECAST_BASES = ['progress', 'finished', 'max-wall-time'] as const;
export type ForecastBasis = (typeof FORECAST_BASES)[number];

/** Why nothing can be said: nothing is left to run; what it runs in is billed instead; nothing tells how long it will take. */
export type NoForecast = 'over' | 'in-pool' | 'unknown-length';

/** One attempt that runs. */
export interface RunningAttempt {
  readonly ranMs: number;
  /** In percent, as its command tells it; 0 where it tells nothing. */
  readonly progress: number;
  /** What it costs when it has run for so long. Never less for longer. */
  readonly price: (ms: number) => ExactAmount;
}

/** What a forecast is made from. */
export interface ForecastFacts {
  /** What ended attempts have cost. */
  readonly spent: ExactAmount;
  readonly running: readonly RunningAttempt[];
  /** Instances that have not begun, or will be tried again. */
  readonly waiting: number;
  readonly isInPool: boolean;
  /** Least and most of what its instances cost that succeeded; undefined: none has. */
  readonly finished: Estimate | undefined;
  /** Until its job ends it, from now; undefined: nothing does. */
  readonly leftMs: number | undefined;
}

export interface Estimate {
  readonly low: ExactAmount;
  readonly high: ExactAmount;
}

/** What a task will have cost at its end, and how many of its instances were estimated from what. */
export interface Forecast extends Estimate {
  readonly running: Readonly<Record<ForecastBasis, number>>;
  readonly waiting: number;
  /** Absent: nothing waits. */
  readonly waitingBasis?: ForecastBasis;
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** How long it takes in all when a share is done: the share is a whole number to most commands, so it is taken to be off by one, or by half of it. */
const lengthsOf = ({ ranMs, progress }: RunningAttempt): readonly [shortest: number, longest: number] => [
  Math.max(ranMs, Math.floor((ranMs * 100) / Math.min(100, progress + 1))),
  Math.ceil((ranMs * 100) / Math.max(progress - 1, progress / 2)),
];

interface Based extends Estimate {
  readonly basis: ForecastBasis;
}

const ofRunning = (attempt: RunningAttempt, { finished, leftMs }: ForecastFacts): Based | undefined => {
  const soFar = attempt.price(attempt.ranMs);
  const atEnd = leftMs === undefined ? undefined : attempt.price(attempt.ranMs + leftMs);
  const within = (amount: ExactAmount): ExactAmount => (atEnd === undefined ? amount : least(amount, atEnd));
  if (attempt.progress > 0) {
    const [shortest, longest] = lengthsOf(attempt);
    return { basis: 'progress', low: within(attempt.price(shortest)), high: within(attempt.price(longest)) };
  }
  if (finished)
    return {
      basis: 'finished',
      low: within(most(soFar, finished.low)),
      high: within(most(soFar, finished.high)),
    };
  return atEnd === undefined ? undefined : { basis: 'max-wall-time', low: soFar, high: atEnd };
};

/** One instance that waits: as those that have succeeded; else as those that tell their progress; else at most what there is time for. */
const ofWaiting = ({ finished, running, leftMs }: ForecastFacts, estimates: readonly Based[]): Based | undefined => {
  if (finished) return { basis: 'finished', ...finished };
  const told = estimates.filter(({ basis }) => basis === 'progress');
  const [first] = told;
  if (first)
    return {
      basis: 'progress',
      low: told.reduce((low, one) => least(low, one.low), first.low),
      high: told.reduce((high, one) => most(high, one.high), first.high),
    };
  if (leftMs === undefined || running.length === 0) return undefined;
  const high = running.reduce((dearest, { price }) => most(dearest, price(leftMs)), 0n);
  return { basis: 'max-wall-time', low: 0n, high };
};

/**
 * What a task will have cost at its end, from least to most, from what is known now. Nothing is guessed: an instance of which nobody knows how long it
 * takes makes the whole unknown. Attempts that will fail and be tried again are not foreseen.
 */
export const forecast = (facts: ForecastFacts): Forecast | NoForecast => {
  const { spent, running, waiting, isInPool } = facts;
  if (isInPool) return 'in-pool';
  if (running.length === 0 && waiting === 0) return 'over';
  const estimates = running.flatMap((attempt) => ofRunning(attempt, facts) ?? []);
  const next = waiting === 0 ? undefined : ofWaiting(facts, estimates);
  if (estimates.length < running.length || (waiting > 0 && !next)) return 'unknown-length';
  const counts = { progress: 0, finished: 0, 'max-wall-time': 0 };
  let low = spent + BigInt(waiting) * (next?.low ?? 0n);
  let high = spent + BigInt(waiting) * (next?.high ?? 0n);
  for (const one of estimates) {
    counts[one.basis] += 1;
    low += one.low;
    high += one.high;
  }
  return { low, high, running: counts, waiting, ...(next ? { waitingBasis: next.basis } : {}) };
};
