import { describe, expect, it } from '@jest/globals';
import { isMapped } from './user-ids.js';

describe('user ids', () => {
  it('exist where the user namespace maps all of them', () => {
    const host = '         0          0 4294967295\n';
    const container = '0 100000 65536\n70000 300000 10\n';
    expect(isMapped({ first: 200_000, last: 265_535 }, host)).toBe(true);
    expect(isMapped({ first: 200_000, last: 265_535 }, container)).toBe(false);
    expect(isMapped({ first: 65_535, last: 65_536 }, container)).toBe(false);
    expect(isMapped({ first: 50_000, last: 59_999 }, container)).toBe(true);
    expect(isMapped({ first: 70_000, last: 70_009 }, container)).toBe(true);
    expect(isMapped({ first: 1, last: 1 }, '')).toBe(false);
  });
});
