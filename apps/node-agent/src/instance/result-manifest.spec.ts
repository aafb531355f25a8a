import { S3Error, type S3Client } from '@fornax/s3';
import { describe, expect, it } from '@jest/globals';
import { ManifestDraft, namedLeftOut } from './result-manifest.js';

describe('what a manifest says of files that were left out', () => {
  it('is all of it, as it is', () => {
    const leftOut = [{ path: 'link', why: 'links that lead out of the job' }];
    expect(namedLeftOut(leftOut)).toEqual({ leftOut });
  });

  it('has a bound, and says how many are not named', () => {
    const all = Array.from({ length: 5_000 }, (_, at) => ({ path: `${at}`.padEnd(1_000, '\u0001'), why: 'pipes' }));
    const { leftOut, leftOutUnnamed = 0 } = namedLeftOut(all);
    expect(leftOut).toEqual(all.slice(0, leftOut.length));
    expect(leftOut.length + leftOutUnnamed).toBe(all.length);
    expect(Buffer.byteLength(JSON.stringify(leftOut))).toBeLessThanOrEqual(1_048_577);
    expect(Buffer.byteLength(JSON.stringify(leftOut))).toBeGreaterThan(1_000_000);
  });
});

describe('a manifest that the storage does not take', () => {
  const stored = (status: number, code: string): Promise<string | undefined> => {
    const refuse = (): Promise<never> => Promise.reject(new S3Error(status, code, 'It is shared no more.'));
    const about = { taskId: 't', instance: 0, attempt: 1, bucket: 'results', folder: '' };
    const s3 = { putObject: refuse } as unknown as S3Client;
    return new ManifestDraft(about).store(s3, [], { isWhole: true, signal: new AbortController().signal });
  };

  it('is left out, for want of room or as one of an earlier version', async () => {
    expect(await stored(403, 'QuotaExceeded')).toBeUndefined();
    expect(await stored(404, 'NoSuchBucket')).toBeUndefined();
  });

  it('fails the attempt when its results are gone with their bucket or the right to it, in the words of the storage', () =>
    expect(stored(409, 'InvalidBucketState')).rejects.toMatchObject({
      code: 'FX-RESULT',
      message: 'The results are not kept. It is shared no more.',
    }));
});
