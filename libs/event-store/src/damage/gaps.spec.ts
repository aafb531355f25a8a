import { describe, expect, it } from '@jest/globals';
import { checkCommit, checksumOf } from './commit-checksum.js';
import { describeGap, gapsIn, without } from './gaps.js';
import { PartReading, WholeReading } from './reading.js';

describe('what a stream says of itself', () => {
  it.each([
    ['an empty one', { messages: 0, first_seq: 0, last_seq: 0 }, []],
    ['a whole one', { messages: 60, first_seq: 1, last_seq: 60 }, []],
    [
      'one without its end',
      { messages: 1, first_seq: 1, last_seq: 3, deleted: [2, 3] },
      [{ from: 2, through: 3, missing: 2 }],
    ],
    [
      'one with holes, in any order',
      { messages: 3, first_seq: 1, last_seq: 7, deleted: [6, 2, 3, 5] },
      [
        { from: 2, through: 3, missing: 2 },
        { from: 5, through: 6, missing: 2 },
      ],
    ],
    ['one without its beginning', { messages: 2, first_seq: 3, last_seq: 4 }, [{ from: 1, through: 2, missing: 2 }]],
    ['an emptied one', { messages: 0, first_seq: 5, last_seq: 4 }, [{ from: 1, through: 4, missing: 4 }]],
    ['one that does not say which', { messages: 1, first_seq: 1, last_seq: 9 }, [{ from: 1, through: 9, missing: 8 }]],
  ])('shows the gaps of %s', (_, counts, gaps) => expect(gapsIn(counts)).toEqual(gaps));

  it.each([
    ['what has left is gone', { messages: 60, first_seq: 41, last_seq: 100 }, 40, []],
    ['what has left is not gone yet', { messages: 100, first_seq: 1, last_seq: 100 }, 40, []],
    [
      'more is gone than has left',
      { messages: 50, first_seq: 51, last_seq: 100 },
      40,
      [{ from: 41, through: 50, missing: 10 }],
    ],
    [
      'some of what has left is not gone, with a hole',
      { messages: 78, first_seq: 21, last_seq: 100, deleted: [50, 51] },
      40,
      [{ from: 50, through: 51, missing: 2 }],
    ],
    [
      'it does not say which',
      { messages: 58, first_seq: 41, last_seq: 100 },
      40,
      [{ from: 41, through: 100, missing: 2 }],
    ],
  ])('begin behind what has left: %s', (_, counts, left, gaps) => expect(gapsIn(counts, left)).toEqual(gaps));

  it('is put into words', () => {
    expect(describeGap({ from: 7, through: 7, missing: 1 })).toBe('sequence 7 is missing');
    expect(describeGap({ from: 1, through: 9, missing: 8 })).toBe('8 of the sequences 1 to 9 are missing');
  });
});

describe('what is left of a gap beside what is known', () => {
  const gap = { from: 10, through: 20, missing: 11 };
  it.each([
    [[], [gap]],
    [[{ from: 5, through: 25 }], []],
    [
      [{ from: 12, through: 13 }],
      [
        { from: 10, through: 11, missing: 2 },
        { from: 14, through: 20, missing: 7 },
      ],
    ],
    [
      [
        { from: 1, through: 10 },
        { from: 20, through: 30 },
      ],
      [{ from: 11, through: 19, missing: 9 }],
    ],
  ])('%j', (known, left) => expect(without(gap, known)).toEqual(left));
});

describe('a reader', () => {
  const message = (subject: string, sequence: number, previous?: number) => ({ subject, sequence, previous });
  const gapsOf = (reading: WholeReading | PartReading, messages: readonly ReturnType<typeof message>[]) =>
    messages.map((one) => {
      const gap = reading.gapBefore(one);
      reading.given(one);
      return gap?.from;
    });

  it('of everything finds each sequence that it was not given', () => {
    expect(gapsOf(new WholeReading(0), [message('a', 1), message('b', 2), message('a', 4)])).toEqual([
      undefined,
      undefined,
      3,
    ]);
  });

  it('of some subjects finds a commit by the one that was decided on it', () => {
    const whole = [message('a', 1, 0), message('b', 5, 0), message('a', 9, 1), message('b', 12, 5)];
    expect(gapsOf(new PartReading(1), whole)).toEqual([undefined, undefined, undefined, undefined]);
    expect(gapsOf(new PartReading(1), [message('a', 1, 0), message('a', 9, 4)])).toEqual([undefined, 4]);
    expect(gapsOf(new PartReading(1), [message('a', 9, 4)])).toEqual([4]);
  });

  it('of some subjects says nothing of what lies before its beginning, or where nobody named one', () => {
    expect(gapsOf(new PartReading(5), [message('a', 9, 4), message('a', 10)])).toEqual([undefined, undefined]);
  });
});

describe('the checksum of a commit', () => {
  const commit = { subject: 'fx.ev.task.a', msgId: 'fx.ev.task.a/c', data: Buffer.from('[{"a":1}]') };
  const checksum = checksumOf(commit);

  it('holds for what was appended, and for what is older than it', () => {
    expect(() => checkCommit({ ...commit, checksum })).not.toThrow();
    expect(() => checkCommit({ ...commit, checksum: '' })).not.toThrow();
  });

  it.each([
    { data: Buffer.from('[{"a":3}]') },
    { data: Buffer.from('[{"a":1}') },
    { subject: 'fx.ev.task.b' },
    { msgId: 'fx.ev.task.a/d' },
    { checksum: checksum.replace('sha256-', 'sha256_') },
  ])('does not hold with %j', (change) =>
    expect(() => checkCommit({ ...commit, checksum, ...change })).toThrow('other bytes than were appended'),
  );
});
