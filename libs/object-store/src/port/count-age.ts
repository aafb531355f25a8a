/** A count that takes long is made seldom, so that counting takes at most a twentieth of the time: until this ceiling, which bounds what a count does not show. */
const AGE_PER_DURATION = 20;
const LONGEST_AGE_MS = 60_000;

/**
 * Says until when a count is good.
 * @param startedAt when it began, @param endedAt when it was there; milliseconds of a clock that only goes forward
 * @param ageMs how long a count that takes no time is good for
 */
export const countStaleAt = (startedAt: number, endedAt: number, ageMs: number): number =>
  Math.max(startedAt + ageMs, endedAt + Math.min(AGE_PER_DURATION * (endedAt - startedAt), LONGEST_AGE_MS));
