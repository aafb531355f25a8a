import type { InstantMs } from '../shared/time.js';

export const DAY_MS = 86_400_000;

/** When a policy may be the active one. Times are of the UTC day. */
export type ScalingPeriod =
  | { readonly type: 'Always' }
  | {
      readonly type: 'Weekly';
      /** Days on which it begins, 0 is Sunday. */
      readonly days: readonly number[];
      /** Milliseconds since midnight. It ends before `endMs`, on the next day when that is not later than `startMs`. */
      readonly startMs: number;
      readonly endMs: number;
    };

/** How many slots a pool is to have while the policy is the active one (contract, sections 3.10 and 4.11). */
export type ScalingPolicy = { readonly name: string; readonly periods: readonly ScalingPeriod[] } & (
  { readonly type: 'Fixed'; readonly slots: number } | ({ readonly type: 'ManagedTasksQueue' } & ElasticSize)
);

/** A number of slots that follows the demand. */
export interface ElasticSize {
  readonly minimum: number;
  readonly maximum: number;
  /** Slots that wait for work, besides those that have some. */
  readonly minimumIdle: number;
  /** How long a slot is idle before it may be closed. */
  readonly idleMs: number;
  /** The share of `maximum` that is opened at once. */
  readonly growth: number;
  /** Time between two such steps. */
  readonly periodMs: number;
}

/** 0 is Sunday; the first day of 1970 was a Thursday. */
const weekday = (at: InstantMs): number => (((Math.floor(at / DAY_MS) + 4) % 7) + 7) % 7;
const timeOfDay = (at: InstantMs): number => ((at % DAY_MS) + DAY_MS) % DAY_MS;

const isDuring = (period: ScalingPeriod, at: InstantMs): boolean => {
  if (period.type === 'Always') return true;
  const { days, startMs, endMs } = period;
  const time = timeOfDay(at);
  if (startMs < endMs) return days.includes(weekday(at)) && time >= startMs && time < endMs;
  return (days.includes(weekday(at)) && time >= startMs) || (days.includes(weekday(at - DAY_MS)) && time < endMs);
};

/** Finds the policy that holds at a moment: the first one with a period that it lies in (contract, section 4.11). */
export const activePolicyOf = (policies: readonly ScalingPolicy[], at: InstantMs): ScalingPolicy | undefined =>
  policies.find(({ periods }) => periods.some((period) => isDuring(period, at)));

/** The times of the UTC day at which another policy may become the active one, in milliseconds and in their order: all starts and ends of periods. */
export const boundaryTimesOf = (policies: readonly ScalingPolicy[]): readonly number[] => {
  const times = policies.flatMap(({ periods }) =>
    periods.flatMap((period) => (period.type === 'Weekly' ? [period.startMs, Math.ceil(period.endMs)] : [])),
  );
  return [...new Set(times)].sort((a, b) => a - b);
};

/** The next moment after `at` at one of these times of the day; undefined without any. @param times in their order */
export const nextOfTimes = (times: readonly number[], at: InstantMs): InstantMs | undefined => {
  const [first] = times;
  if (first === undefined) return undefined;
  const midnight = at - timeOfDay(at);
  let [from, to] = [0, times.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (midnight + (times[middle] ?? 0) > at) to = middle;
    else from = middle + 1;
  }
  const next = times[from];
  return next === undefined ? midnight + DAY_MS + first : midnight + next;
};

/** A size that follows no demand. */
export const fixedSize = (slots: number): ElasticSize => ({
  minimum: slots,
  maximum: slots,
  minimumIdle: 0,
  idleMs: 0,
  growth: 1,
  periodMs: 0,
});

/** The bounds of a pool's size: of the active policy, or the least of all where none is active. */
export const sizeOfPolicies = (policies: readonly ScalingPolicy[], active: ScalingPolicy | undefined): ElasticSize => {
  if (active?.type === 'ManagedTasksQueue') return active;
  const least = Math.min(...policies.map((policy) => (policy.type === 'Fixed' ? policy.slots : policy.minimum)));
  return fixedSize(active?.slots ?? (policies.length === 0 ? 0 : least));
};
