import { describe, expect, it } from '@jest/globals';
import { namedLeftOut } from './result-manifest.js';

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
