import { backoffMs } from '@fornax/base';

/** Chance takes a tenth at most, so that all tries together last as long as users are told (docs/guide/webhooks.md). */
const PAUSES = { longestMs: 60_000, spread: 0.1 } as const;

/** Tells how long a delivery waits before its next try, in milliseconds. @param attempt the one that failed, 1 for the first */
export const deliveryPauseMs = (attempt: number, firstMs: number, random: () => number = Math.random): number =>
  backoffMs(attempt, { ...PAUSES, firstMs }, random);
