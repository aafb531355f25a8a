import { S3Error } from '@fornax/s3';
import { describe, expect, it } from '@jest/globals';
import { mayPass, mayPassSoon, withPatience } from './patience.js';

const slow = new S3Error(503, 'SlowDown', 'storage answered 503 SlowDown');
const { signal } = new AbortController();

/** Fails so many times, in a time that passes only in pauses. */
const run = async (failures: number, error: unknown, patienceMs?: number) => {
  let [time, tries] = [0, 0];
  const told: (string | undefined)[] = [];
  const pauses: number[] = [];
  const outcome = await withPatience(
    () => {
      tries += 1;
      return tries > failures ? Promise.resolve('stored') : Promise.reject(error as Error);
    },
    {
      signal,
      onWaiting: (reason) => told.push(reason),
      now: () => time,
      pause: (ms) => {
        pauses.push(ms);
        time += ms;
        return Promise.resolve();
      },
      ...(patienceMs === undefined ? {} : { patienceMs }),
    },
  ).catch((failure: unknown) => failure);
  return { outcome, tries, told, pauses };
};

describe('patience with a storage', () => {
  it('tries again, tells why it waits, and that it does not any more', async () => {
    const { outcome, tries, told, pauses } = await run(9, slow);
    expect([outcome, tries]).toEqual(['stored', 10]);
    expect(told).toEqual([...Array.from({ length: 9 }, () => slow.message), undefined]);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(30_000);
    expect(pauses[0]).toBeLessThanOrEqual(1_000);
  });

  it('ends, and says for how long and why', async () => {
    const { outcome } = await run(Infinity, slow, 120_000);
    expect(String(outcome)).toMatch(/did not take the results for \d min: .*SlowDown/);
  });

  it('has none for what does not pass', async () => {
    const denied = new S3Error(403, 'AccessDenied', 'no');
    expect(await run(1, denied)).toMatchObject({ outcome: denied, tries: 1, told: [] });
  });

  it.each([
    [slow, true],
    [new S3Error(507, 'InsufficientStorage', 'full'), true],
    [new S3Error(429, 'TooManyRequests', 'slowly'), true],
    [new S3Error(404, 'NoSuchBucket', 'gone'), false],
    [new S3Error(501, 'NotImplemented', 'never'), false],
    [Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }), true],
    [new Error('the storage does not answer'), true],
    [Object.assign(new Error('read EIO'), { code: 'EIO' }), false],
    [new Error('anything else'), false],
  ])('%s may pass: %s', (error, expected) => expect(mayPass(error)).toBe(expected));

  it('has none for a full storage with what can be taken again later', () => {
    expect(mayPassSoon(new S3Error(507, 'InsufficientStorage', 'full'))).toBe(false);
    expect(mayPassSoon(slow)).toBe(true);
    expect(mayPassSoon(new S3Error(404, 'NoSuchBucket', 'gone'))).toBe(false);
  });
});
