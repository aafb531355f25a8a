import type { LeaseClaims } from '@fornax/contracts';
import { S3Error } from '@fornax/s3';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { placeForLease } from './access/authorize.js';
import { LeaseGate } from './access/lease-gate.js';
import { isBucketName, isStrictBucketName } from './model/bucket-names.js';

const codeOf = (attempt: Promise<unknown>): Promise<unknown> =>
  attempt.then(
    () => 'passed',
    (error: unknown) => (error instanceof S3Error ? error.code : error),
  );
const claims: LeaseClaims = {
  leaseId: 'l',
  taskId: 't',
  instance: 3,
  node: 'n',
  owner: 'o',
  read: [{ bucket: 'in' }, { bucket: 'part', prefix: 'p/' }],
  results: { bucket: 'out', prefix: 'r/' },
  snapshot: { bucket: 'snap', prefix: null },
  expiresAt: 1_000_000,
};

describe('a lease', () => {
  it('has places for what it claims alone', () => {
    const place = (access: 'read' | 'write', bucket: string, key: string) =>
      placeForLease(claims, access, { bucket, key });
    expect(place('read', 'in', 'any')).toEqual({ bucket: 'in', key: 'any', isStaged: false });
    expect(place('read', 'part', 'p/x')).toBeDefined();
    expect(place('write', 'out', 'r/x')).toEqual({ bucket: '.staging', key: 't/l/out/r/x', isStaged: true });
    expect(place('write', 'snap', 'x')).toEqual({ bucket: 'snap', key: 'x', isStaged: false });
    for (const [access, bucket, key] of [
      ['read', 'part', 'q'],
      ['read', 'part', 'p'],
      ['read', 'out', 'r/x'],
      ['read', 'other', 'x'],
      ['write', 'out', 'x'],
      ['write', 'in', 'x'],
      ['write', 'snap', ''],
      ['write', 'out', ''],
    ] as const) {
      expect(place(access, bucket, key)).toBeUndefined();
    }
  });

  it('cannot leave its staging area, whatever its keys are', () => {
    fc.assert(
      fc.property(fc.string(), (rest) => {
        expect(placeForLease(claims, 'write', { bucket: 'out', key: `r/${rest}` })?.key).toBe(`t/l/out/r/${rest}`);
      }),
    );
  });

  it('is asked about once in two seconds, and never after it expired', async () => {
    let asked = 0;
    let now = 0;
    const gate = new LeaseGate({
      now: () => now,
      isCurrent: () => {
        asked += 1;
        return Promise.resolve(true);
      },
    });
    await Promise.all(Array.from({ length: 10 }, () => gate.check(claims)));
    now = 1_999;
    await gate.check(claims);
    expect(asked).toBe(1);
    now = 2_000;
    await gate.check(claims);
    expect(asked).toBe(2);
    now = claims.expiresAt;
    expect(await codeOf(gate.check(claims))).toBe('AccessDenied');
    expect(asked).toBe(2);
  });

  it('is denied at once when the log tells of its end, also while the scheduler is being asked', async () => {
    let answer = Promise.resolve(true);
    const gate = new LeaseGate({ now: () => 0, isCurrent: () => answer });
    await gate.check(claims);
    gate.end(claims.leaseId);
    expect(await codeOf(gate.check(claims))).toBe('AccessDenied');

    const late = Promise.withResolvers<boolean>();
    answer = late.promise;
    const other = { ...claims, leaseId: 'other' };
    const asking = codeOf(gate.check(other));
    gate.end('other');
    late.reject(new Error('no answer'));
    expect(await asking).toBe('SlowDown');
    expect(await codeOf(gate.check(other))).toBe('AccessDenied');
  });

  it('is denied when it is not current, and told to come back when nobody knows', async () => {
    let answer = (): Promise<boolean> => Promise.reject(new Error('no answer'));
    const gate = new LeaseGate({ now: () => 0, isCurrent: () => answer() });
    expect(await codeOf(gate.check(claims))).toBe('SlowDown');
    answer = () => Promise.resolve(false);
    expect(await codeOf(gate.check(claims))).toBe('AccessDenied');
  });
});

describe('bucket names', () => {
  const strict = ['abc', 'a-b', 'my.bucket-1', '1ab', 'x'.repeat(63), '1.2.3'];
  const plain = [
    'x'.repeat(64),
    'x'.repeat(255),
    'Abc',
    'a_b',
    'input_houdini',
    'meshroomIn',
    '-ab',
    'ab-',
    'ab.',
    'a..b',
    'a.-b',
    '1.2.3.4',
  ];
  const none = ['ab', 'x'.repeat(256), '.ab', '.staging', '...', 'a b', 'é-bucket', 'a/b', 'a%b', 'ab\n', ''];

  it('are letters, digits, dots, hyphens and underscores', () => {
    for (const name of [...strict, ...plain]) expect([name, isBucketName(name)]).toEqual([name, true]);
    for (const name of none) expect([name, isBucketName(name)]).toEqual([name, false]);
  });

  it('are those of Amazon S3 where the operator wants them strict', () => {
    for (const name of strict) expect([name, isStrictBucketName(name)]).toEqual([name, true]);
    for (const name of [...plain, ...none]) expect([name, isStrictBucketName(name)]).toEqual([name, false]);
  });
});
