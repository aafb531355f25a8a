import { backoffMs } from '@fornax/base/time';

/** On average 200 ms, doubled up to 5 s: six tries give a storage that starts again about six seconds. */
const PAUSES = { firstMs: 300, longestMs: 7_500, spread: 2 / 3 } as const;

/** Tells how long a request waits before its next try, in milliseconds. @param tries that failed, 1 for the first */
export const retryPauseMs = (tries: number, random: () => number = Math.random): number =>
  backoffMs(tries, PAUSES, random);
