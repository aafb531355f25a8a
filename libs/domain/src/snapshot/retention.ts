import type { InstantMs } from '../shared/time.js';

/** Which complete snapshots of a task are kept. What any of them says is kept; one that is absent says nothing. */
export interface SnapshotRetention {
  /** The latest so many. */
  readonly last?: number;
  /** The latest of each of the latest so many hours that have one, in UTC. */
  readonly hourly?: number;
  /** The same of days. */
  readonly daily?: number;
}

/** A complete snapshot. */
export interface TakenSnapshot {
  readonly snapshotId: string;
  /** When it was triggered, by the log: the time of day, which may have been set back since the one before. */
  readonly at: InstantMs;
  /** It has the latest state of an instance that has not succeeded, which would begin anew without it; or a task that is not over names it. */
  readonly isNeeded: boolean;
}

const HOUR_MS = 3_600_000;

/** The latest one of each of so many periods. */
const latestOfEach = (
  newestFirst: readonly TakenSnapshot[],
  count: number,
  periodMs: number,
): readonly TakenSnapshot[] => {
  const periods = new Map<number, TakenSnapshot>();
  for (const taken of newestFirst) {
    const period = Math.floor(taken.at / periodMs);
    if (!periods.has(period)) periods.set(period, taken);
  }
  return [...periods.values()].slice(0, count);
};

/**
 * Tells which snapshots of a task go. Nothing but their order and their times in the log counts: it is the same whenever, and how often, it is asked.
 * @param taken in the order in which they were triggered
 * @returns ids, oldest first; the latest snapshot and those that are needed are never among them
 */
export const prunable = (
  { last = 0, hourly = 0, daily = 0 }: SnapshotRetention,
  taken: readonly TakenSnapshot[],
): readonly string[] => {
  const newestFirst = [...taken].reverse();
  const kept = new Set([
    ...newestFirst.slice(0, Math.max(1, last)),
    ...latestOfEach(newestFirst, hourly, HOUR_MS),
    ...latestOfEach(newestFirst, daily, 24 * HOUR_MS),
  ]);
  return newestFirst
    .filter((one) => !kept.has(one) && !one.isNeeded)
    .map(({ snapshotId }) => snapshotId)
    .reverse();
};

/** Whether two rules are one; undefined and null are none. */
export const isSameRetention = (
  a: SnapshotRetention | null | undefined,
  b: SnapshotRetention | null | undefined,
): boolean => a?.last === b?.last && a?.hourly === b?.hourly && a?.daily === b?.daily;
