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
    expect(proofOfRange(index, 2, 7)).toEqual({ from: 2, to: 7, archivedTo: 7, segment: 2, hash: 'hash-2' });
    expect(proofOfRange(index, 9, 9)).toEqual({ from: 9, to: 9, archivedTo: 9, segment: 2, hash: 'hash-2' });
  });

  it('says how far it goes while its end is not archived', () => {
    expect(proofOfRange(index, 2, 13)).toEqual({ from: 2, to: 13, archivedTo: 12, segment: 3, hash: 'hash-3' });
  });

  it.each([
    ['where nothing of the range is archived', index, 13, 20],
    ['where nothing is', [], 1, 3],
    ['for no range', index, 7, 6],
  ])('is none %s', (_, segments, from, to) =>
    expect(proofOfRange(segments, from, to)).toEqual({
      ...{ from, to, archivedTo: from - 1, segment: 0, hash: ARCHIVE_ROOT.hash },
    }),
  );
});
