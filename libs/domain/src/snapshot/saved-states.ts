/** What became of the times that a program ended and said that its state is saved. */
export interface SavedStates {
  readonly count: number;
  /** In a row, after which nothing had changed since the one before. */
  readonly unchanged: number;
  /** Of these, those of which no snapshot shows what they hold. */
  readonly unseen: number;
  /** In a row, that ran for a moment only. */
  readonly short: number;
}

export const NO_SAVED_STATES: SavedStates = { count: 0, unchanged: 0, unseen: 0, short: 0 };

const SHORT_MS = 10_000;
const MOST_UNCHANGED = 3;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Counts one more.
 * @param ranMs how long the command ran
 * @param files what the snapshot of it holds, compared with the one before; `unknown`: there is none
 */
export const withSavedState = (
  { count, unchanged, unseen, short }: SavedStates,
  { ranMs, files }: { readonly ranMs: number; readonly files: 'changed' | 'same' | 'unknown' },
): SavedStates => {
  const isShort = ranMs < SHORT_MS;
  // A long run may have done much that no snapshot shows, while the storage was away, say.
  const isUnchanged = files === 'same' || (files === 'unknown' && isShort);
  return {
    count: count + 1,
    unchanged: isUnchanged ? unchanged + 1 : 0,
    unseen: isUnchanged ? unseen + (files === 'unknown' ? 1 : 0) : 0,
    short: isShort ? short + 1 : 0,
  };
};

/**
 * More than an instance can have saved in the time that it has run, whatever it does: what a node says beyond that is not true. A thousand more, so that a clock
 * that is set back by an hour takes no snapshot from anybody.
 */
export const mostSavedStates = (ranMs: number): number => 1_000 + Math.floor(Math.max(0, ranMs) / 5_000);

/** Whether it only ends and begins again, without getting on. */
export const isStuck = ({ unchanged }: SavedStates): boolean => unchanged >= MOST_UNCHANGED;

/** How long it waits before it runs again: at once after the first, and after each that ran for a while; then longer and longer, so that a loop costs little. */
export const pauseBeforeRunMs = ({ short }: SavedStates): number =>
  short <= 1 ? 0 : Math.min(LONGEST_PAUSE_MS, 250 * 2 ** (short - 2));
