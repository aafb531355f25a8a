import { describe, expect, it } from '@jest/globals';
import { specFor } from '../specs/given.fixture.js';
import { booksDecider, correctionsDecider, endOfMonth } from './books.decider.js';
import type { CorrectLines, LinesCorrected } from './books.events.js';

const FEBRUARY = Date.UTC(2028, 1, 1);
const at = Date.UTC(2028, 2, 3);
const rating = (ratingId: string) => ({ ratingId, from: 0, to: FEBRUARY, through: 9, list: 2 });
const begin = (ratingId: string, runs: number) =>
  ({ type: 'BeginRatingCommit', ...rating(ratingId), runs, at }) as const;
const begun = (ratingId: string, run: number) => ({ type: 'RatingCommitBegun', ...rating(ratingId), run, at }) as const;
const sums = { parts: 1, lines: 2, amount: '-7' };
const end = (ratingId: string) => ({ type: 'EndRatingCommit', ratingId, ...sums, at }) as const;
const ended = (ratingId: string, run: number) => ({ type: 'RatingCommitted', ratingId, run, ...sums, at }) as const;
const close = (month: string) => ({ type: 'CloseMonth', month, at }) as const;
const closed = (month: string) => ({ type: 'MonthClosed', month, until: endOfMonth(month), at }) as const;

describe('the books', () => {
  const { given } = specFor(booksDecider);

  it('take one rating after the other, and number them', () => {
    given().when(begin('a', 0)).then(begun('a', 1));
    given(begun('a', 1)).when(end('a')).then(ended('a', 1));
    given(begun('a', 1), ended('a', 1)).when(begin('b', 1)).then(begun('b', 2));
  });
  it('take a rating once', () => {
    given(begun('a', 1)).when(begin('a', 0)).thenNothing();
    given(begun('a', 1), ended('a', 1)).when(begin('a', 1)).thenRejected('rating-committed');
    given(begun('a', 1), ended('a', 1)).when(end('a')).thenNothing();
  });
  it('refuse a rating while another one is booked, or when one was booked since', () => {
    given(begun('a', 1)).when(begin('b', 1)).thenRejected('rating-commit-underway');
    given(begun('a', 1), ended('a', 1)).when(begin('b', 0)).thenRejected('rating-stale');
    given().when(end('a')).thenRejected('rating-not-open');
  });
  it('let go of a rating whose booking failed, which is not booked any more', () => {
    const fail = { type: 'FailRatingCommit', ratingId: 'a', reason: 'why', at } as const;
    const failed = { type: 'RatingCommitFailed', ratingId: 'a', run: 1, reason: 'why', at } as const;
    given(begun('a', 1)).when(fail).then(failed);
    given(begun('a', 1), failed).when(fail).thenNothing();
    given(begun('a', 1), failed).when(begin('a', 1)).thenRejected('rating-commit-failed');
    given(begun('a', 1), failed).when(begin('b', 1)).then(begun('b', 2));
    given(begun('a', 1), failed).when(close('2028-02')).then(closed('2028-02'));
  });
  it('close months that are over, once, and those before with them', () => {
    given().when(close('2028-02')).then(closed('2028-02'));
    given().when(close('2028-03')).thenRejected('month-not-over');
    given(closed('2028-02')).when(close('2028-02')).thenNothing();
    given(closed('2028-02')).when(close('2027-12')).thenNothing();
    given(closed('2027-12')).when(close('2028-01')).then(closed('2028-01'));
    given(begun('a', 1)).when(close('2028-02')).thenRejected('rating-commit-underway');
  });
  it('know where a month ends', () => {
    expect(endOfMonth('2028-02')).toBe(Date.UTC(2028, 2, 1));
    expect(endOfMonth('2027-12')).toBe(Date.UTC(2028, 0, 1));
  });
});

describe('the difference of a rating', () => {
  const { given } = specFor(correctionsDecider);
  const facts = (part: number) => ({
    ...{ ratingId: 'a', run: 1, part, volumes: [], at },
    lines: [{ taskId: 't', instance: part, attempt: 1, parts: '-5', rule: 'work/flex', priceListVersion: 2 }],
  });
  const correct = (part: number): CorrectLines => ({ type: 'CorrectLines', ...facts(part) });
  const corrected = (part: number): LinesCorrected => ({ type: 'LinesCorrected', ...facts(part) });

  it('is booked part after part, each of them once', () => {
    given().when(correct(1)).then(corrected(1));
    given(corrected(1)).when(correct(1)).thenNothing();
    given(corrected(1)).when(correct(2)).then(corrected(2));
    given(corrected(1)).when(correct(3)).thenRejected('correction-out-of-order');
  });
  it('is summed up', () => {
    const state = [corrected(1), corrected(2)].reduce(correctionsDecider.evolve, correctionsDecider.initial);
    expect(state).toEqual({ parts: 2, lines: 2, amount: -10n });
  });
});
