import type { InstantMs } from '../shared/time.js';

/** When periodic snapshots are due: at `since` plus a whole number of intervals, at least one. A late snapshot does not shift those after it. */
export interface Period {
  readonly intervalSeconds: number;
  readonly since: InstantMs;
}

/** The first due time after an instant. */
export const nextDue = ({ intervalSeconds, since }: Period, after: InstantMs): InstantMs => {
  const ms = intervalSeconds * 1_000;
  return since + (Math.floor(Math.max(0, after - since) / ms) + 1) * ms;
};

/** The last due time at an instant or before; undefined before the first. One snapshot stands for all that were due until then. */
export const lastDue = ({ intervalSeconds, since }: Period, now: InstantMs): InstantMs | undefined => {
  const ms = intervalSeconds * 1_000;
  const periods = Math.floor((now - since) / ms);
  return periods >= 1 ? since + periods * ms : undefined;
};
