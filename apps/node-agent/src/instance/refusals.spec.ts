import { S3Error } from '@fornax/s3';
import { describe, expect, it } from '@jest/globals';

import { notesOf } from './notes.js';
import { refusalOf, refusesOne } from './refusals.js';

const file = { path: 'deep/er', sizeBytes: 7, mode: 0o644, changedAt: 0, version: '1' };
const target = { bucket: 'out', prefix: 'run/' };
const refusal = (code: string) => refusalOf(new S3Error(400, code, 'as storage says'), file, target);

describe("storage's no to a result", () => {
  it.each([
    ['KeyTooLongError', 'user', 'has one of 11 bytes with its prefix'],
    ['EntityTooLarge', 'limit', '7 bytes'],
    [
      'QuotaExceeded',
      'limit',
      'storage quota; others that were on their way may be stored, no more were begun: as storage says',
    ],
    ['NoSuchBucket', 'user', 'The bucket for results, out, does not exist any more'],
    ['InvalidBucketState', 'user', 'out, cannot be written any more: as storage says'],
    ['InvalidArgument', 'user', '"deep/er": as storage says'],
  ])('%s is a matter of the %s', (code, cause, words) => {
    expect(refusal(code)).toMatchObject({ code: 'FX-RESULT', cause, message: expect.stringContaining(words) });
  });

  it.each(['SlowDown', 'AccessDenied', 'ServiceUnavailable', 'InsufficientStorage', 'SignatureDoesNotMatch'])(
    '%s is none of the user',
    (code) => expect(refusal(code)).toBeUndefined(),
  );

  it('keeps others back only when it is about all of them', () =>
    expect(
      ['KeyTooLongError', 'QuotaExceeded', 'NoSuchBucket'].map((code) => refusesOne(new S3Error(400, code, ''))),
    ).toEqual([true, false, false]));
});

describe('notes', () => {
  it('name a few files for each reason, and count them all', () => {
    const pipes = Array.from({ length: 7 }, (_, at) => ({ path: `p${at}`, why: 'pipes' }));
    expect(notesOf([...pipes, { path: 'x'.repeat(200), why: 'links that lead nowhere' }])).toEqual([
      'No results, since they are pipes: "p0", "p1", "p2", "p3", "p4" and 2 more',
      `No results, since they are links that lead nowhere: "${'x'.repeat(60)}…"`,
    ]);
  });
});
