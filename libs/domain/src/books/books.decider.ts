import { accept, reject, type Decider, type Decision } from '../shared/decider.js';
import type { InstantMs } from '../shared/time.js';
import type { BooksCommand, BooksEvent, CommittedRating, CorrectLines, LinesCorrected } from './books.events.js';

export interface BooksState {
  /** How many rating runs were begun to be booked. */
  readonly runs: number;
  /** The rating whose difference is being booked. */
  readonly open: (CommittedRating & { readonly run: number }) | undefined;
  /** Ids of the ratings that are booked. */
  readonly committed: readonly string[];
  /** Those whose booking failed, the last reason of each. */
  readonly failed: ReadonlyMap<string, string>;
  /** What starts before it is of a closed month. */
  readonly closedUntil: InstantMs;
}

/** The instant at which a calendar month (UTC, `YYYY-MM`) is over. */
export const endOfMonth = (month: string): InstantMs => {
  const [year = 0, number = 1] = month.split('-').map(Number);
  return Date.UTC(year, number, 1);
};

const underWay = ({ ratingId }: CommittedRating) =>
  reject('conflict', 'rating-commit-underway', `The difference of rating ${ratingId} is being booked: ask again then.`);

const begin = (
  { open, committed, failed, runs }: BooksState,
  { type: _, runs: seen, ...rating }: Extract<BooksCommand, { type: 'BeginRatingCommit' }>,
): Decision<BooksEvent> => {
  if (open) return open.ratingId === rating.ratingId ? accept() : underWay(open);
  if (committed.includes(rating.ratingId))
    return reject('conflict', 'rating-committed', 'The difference of this rating is booked already.');
  if (failed.has(rating.ratingId))
    return reject(
      'conflict',
      'rating-commit-failed',
      'Booking this rating failed: rate the period again, and book that.',
    );
  if (seen !== runs)
    return reject('conflict', 'rating-stale', 'Another rating was booked since this one: rate the period again.');
  return accept({ type: 'RatingCommitBegun', ...rating, run: runs + 1 });
};

const close = ({ open, closedUntil }: BooksState, month: string, at: InstantMs): Decision<BooksEvent> => {
  const until = endOfMonth(month);
  if (until > at) return reject('invalid', 'month-not-over', `The month ${month} is not over yet (UTC).`);
  if (until <= closedUntil) return accept();
  return open ? underWay(open) : accept({ type: 'MonthClosed', month, until, at });
};

/**
 * The books of the ledger: ratings whose difference is booked, one after the other, and months that are closed. Rejections: `rating-commit-underway`,
 * `rating-committed`, `rating-commit-failed`, `rating-stale`, `rating-not-open`, `month-not-over`.
 */
export const booksDecider: Decider<BooksState, BooksCommand, BooksEvent> = {
  initial: { runs: 0, open: undefined, committed: [], failed: new Map(), closedUntil: 0 },
  decide: (state, command) => {
    if (command.type === 'BeginRatingCommit') return begin(state, command);
    if (command.type === 'CloseMonth') return close(state, command.month, command.at);
    const { open, committed } = state;
    if (command.type === 'FailRatingCommit')
      return open?.ratingId === command.ratingId
        ? accept({ ...command, type: 'RatingCommitFailed', run: open.run })
        : accept();
    // Whoever ended it died, or was overtaken, before it heard so.
    if (committed.includes(command.ratingId)) return accept();
    return open?.ratingId === command.ratingId
      ? accept({ ...command, type: 'RatingCommitted', run: open.run })
      : reject('conflict', 'rating-not-open', 'This rating is not being booked.');
  },
  evolve: (state, event) => {
    if (event.type === 'RatingCommitBegun') {
      const { type: _, at: _at, ...open } = event;
      return { ...state, runs: open.run, open };
    }
    if (event.type === 'MonthClosed') return { ...state, closedUntil: event.until };
    if (event.type === 'RatingCommitFailed')
      return { ...state, open: undefined, failed: new Map([...state.failed, [event.ratingId, event.reason]]) };
    return { ...state, open: undefined, committed: [...state.committed, event.ratingId] };
  },
};

/** How much of the difference of one rating is booked. */
export interface CorrectionsState {
  readonly parts: number;
  readonly lines: number;
  readonly amount: bigint;
}

/** The difference of one rating, part after part: one that is booked already is not booked again. Rejection: `correction-out-of-order`. */
export const correctionsDecider: Decider<CorrectionsState, CorrectLines, LinesCorrected> = {
  initial: { parts: 0, lines: 0, amount: 0n },
  decide: ({ parts }, { type: _, ...part }) => {
    if (part.part <= parts) return accept();
    return part.part === parts + 1
      ? accept({ type: 'LinesCorrected', ...part })
      : reject(
          'conflict',
          'correction-out-of-order',
          `Part ${part.part} of a correction does not follow part ${parts}.`,
        );
  },
  evolve: ({ lines, amount }, event) => ({
    parts: event.part,
    lines: lines + event.lines.length,
    amount: event.lines.reduce((sum, { parts }) => sum + BigInt(parts), amount),
  }),
};
