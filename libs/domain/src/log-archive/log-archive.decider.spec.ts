import { describe, expect, it } from '@jest/globals';
import { specFor } from '../specs/given.fixture.js';
import { ARCHIVE_ROOT, logArchiveDecider, proofOfRange, type ArchivedSegment } from './log-archive.decider.js';

const { given } = specFor(logArchiveDecider);
const segment = (number: number, from: number, to: number): ArchivedSegment => ({
  number,
  from,
  to,
  messages: to - from + 1,
  previous: number === 1 ? ARCHIVE_ROOT.hash : `hash-${number - 1}`,
  hash: `hash-${number}`,
  sizeBytes: 100,
  key: `log/${number}`,
});
const record = (facts: ArchivedSegment) => ({ type: 'RecordSegment', ...facts, at: 1 }) as const;
const archived = (facts: ArchivedSegment) => ({ type: 'LogSegmentArchived', ...facts, at: 1 }) as const;

describe('the index of the archive of the log', () => {
  it('takes the segment that follows', () => {
    given()
      .when(record(segment(1, 1, 5)))
      .then(archived(segment(1, 1, 5)));
    given(archived(segment(1, 1, 5)))
      .when(record(segment(2, 6, 9)))
      .then(archived(segment(2, 6, 9)));
  });

  it('takes a segment once', () =>
    given(archived(segment(1, 1, 5)))
      .when(record(segment(1, 1, 5)))
      .thenNothing());

  it.each([
    ['another one of the same number', { ...segment(1, 1, 5), hash: 'other' }],
    ['one that leaves sequences out', segment(2, 7, 9)],
    ['one that leaves a number out', segment(3, 6, 9)],
    ['one that is chained to another', { ...segment(2, 6, 9), previous: 'other' }],
  ])('refuses %s', (_, facts) =>
    given(archived(segment(1, 1, 5)))
      .when(record(facts))
      .thenRejected('segment-does-not-follow'),
  );
});

describe('the proof of a range', () => {
  const index = [segment(1, 1, 5), segment(2, 6, 9), segment(3, 10, 12)];

  it('is the hash of the segment that its end lies in, which covers all before', () => {
    expect(proofOfRange(index, 2, 7)).toEqual({ from: 2, to: 7, firstSegment: 1, lastSegment: 2, hash: 'hash-2' });
    expect(proofOfRange(index, 9, 9)).toEqual({ from: 9, to: 9, firstSegment: 2, lastSegment: 2, hash: 'hash-2' });
  });

  it.each([
    ['while its end is not archived', 2, 13],
    ['for no range', 7, 6],
    ['before the log', 0, 3],
  ])('is not there %s', (_, from, to) => expect(proofOfRange(index, from, to)).toBeUndefined());
});
