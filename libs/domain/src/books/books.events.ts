import type { InstantMs } from '../shared/time.js';

/** What one attempt costs more, or less, than all of its lines until now say. */
export interface LineCorrection {
  readonly taskId: string;
  readonly instance: number;
  readonly attempt: number;
  /** The exact amount that is added, as text: a number in JSON may be too small for it. */
  readonly parts: string;
  /** What prices the attempt from then on. */
  readonly rule: string;
  readonly priceListVersion: number;
}

/** What an account used more, or less, in a month before discounts: later discounts of volume depend on it. */
export interface VolumeCorrection {
  readonly owner: string;
  readonly month: string;
  readonly parts: string;
}

/** What of the ledger was rated again, and by what. */
export interface CommittedRating {
  readonly ratingId: string;
  /** The period, by the starts of attempts. */
  readonly from: InstantMs;
  readonly to: InstantMs;
  /** It covers lines of commits up to this sequence. */
  readonly through: number;
  /** A price list by its version; null: each line by the list that it has. */
  readonly list: number | null;
}

/** The difference of a rating is being booked, in parts. */
export interface RatingCommitBegun extends CommittedRating {
  readonly type: 'RatingCommitBegun';
  /** Number of the rating run, from 1; lines of the log itself are of run 0. */
  readonly run: number;
  readonly at: InstantMs;
}
export interface LinesCorrected {
  readonly type: 'LinesCorrected';
  readonly ratingId: string;
  readonly run: number;
  /** Counted from 1. */
  readonly part: number;
  readonly lines: readonly LineCorrection[];
  readonly volumes: readonly VolumeCorrection[];
  readonly at: InstantMs;
}
export interface RatingCommitted {
  readonly type: 'RatingCommitted';
  readonly ratingId: string;
  readonly run: number;
  readonly parts: number;
  /** How many lines were corrected, and by how much in all. */
  readonly lines: number;
  readonly amount: string;
  readonly at: InstantMs;
}
/** The difference of a rating is not booked, or not to its end: what was booked of it until then stays, and rating the period again says what is left. */
export interface RatingCommitFailed {
  readonly type: 'RatingCommitFailed';
  readonly ratingId: string;
  readonly run: number;
  readonly reason: string;
  readonly at: InstantMs;
}
/** Nothing counts in a month (UTC), nor in those before it, any more: what is told of them later counts when it is told. */
export interface MonthClosed {
  readonly type: 'MonthClosed';
  readonly month: string;
  /** Where the month ends. */
  readonly until: InstantMs;
  readonly at: InstantMs;
}
export type BooksEvent = RatingCommitBegun | RatingCommitted | RatingCommitFailed | MonthClosed;

export type BooksCommand =
  | (CommittedRating & {
      readonly type: 'BeginRatingCommit';
      /** How many runs had begun when it was looked whether anything of it was rated since. */
      readonly runs: number;
      readonly at: InstantMs;
    })
  | (Omit<RatingCommitted, 'type' | 'run'> & { readonly type: 'EndRatingCommit' })
  | (Omit<RatingCommitFailed, 'type' | 'run'> & { readonly type: 'FailRatingCommit' })
  | { readonly type: 'CloseMonth'; readonly month: string; readonly at: InstantMs };

export type CorrectLines = Omit<LinesCorrected, 'type'> & { readonly type: 'CorrectLines' };
