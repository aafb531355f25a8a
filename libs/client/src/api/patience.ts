import { ApiError } from './api-error.js';
import { delay } from './delay.js';
import { Unreachable } from './whole-answer.js';

/** Told of what is waited out. */
export type OnAway = (error: unknown) => void;

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 2_000;
/** Nobody is there, or whoever is has no time (RFC 9110, sections 15.5 and 15.6; RFC 6585). */
const AWAY: readonly number[] = [429, 502, 503, 504];
/** So often a platform may answer that it is broken, one time after the other: some minutes. */
const MOST_BROKEN = 100;

/** Whether the same may be answered a moment later: nobody answered, who answered is busy, or it is broken and not for long. */
export const isPassing = (error: unknown, tries: number): boolean =>
  error instanceof Unreachable ||
  (error instanceof ApiError && (AWAY.includes(error.status) || (error.status >= 500 && tries < MOST_BROKEN)));

/** Asks until there is an answer; of a time in which there is none it tells once. @throws what asking again does not mend; the signal's reason */
export const patiently = async <T>(
  ask: () => Promise<T>,
  onAway: OnAway,
  signal: AbortSignal | undefined,
): Promise<T> => {
  let pauseMs = 0;
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      signal?.throwIfAborted();
      if (!isPassing(error, tries)) throw error;
      if (pauseMs === 0) onAway(error);
      pauseMs = pauseMs === 0 ? FIRST_PAUSE_MS : Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      await delay(pauseMs, signal);
    }
  }
};

const TRIES = 6;

/**
 * Asks for what is done once under its key, again where an answer was lost: whether it was done is known then. A platform that nobody reaches at the first
 * try has done nothing, and is an error at once.
 * @throws the first error where the others are no better
 */
export const answeredOnce = async <T>(ask: () => Promise<T>): Promise<T> => {
  let lost: Unreachable | undefined;
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      const isLost = error instanceof Unreachable && !/ECONNREFUSED|ENOTFOUND|EAI_AGAIN/.test(error.message);
      if (isLost) lost ??= error;
      if (!lost || !isPassing(error, tries)) throw error;
      if (tries >= TRIES)
        throw new Unreachable(`${lost.message}. Whether it was done is not known: look before you do it again`);
      await delay(Math.min(FIRST_PAUSE_MS * 2 ** tries, 2 * LONGEST_PAUSE_MS));
    }
  }
};
