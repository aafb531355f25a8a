import { describe, expect, it } from '@jest/globals';

import { countStaleAt } from './count-age.js';

describe('how long a count is good', () => {
  it.each([
    ['at once', 0, 3_000],
    ['in a tenth of a second', 100, 3_100],
    ['in a second', 1_000, 22_000],
    ['in three seconds', 3_000, 64_000],
    ['in an hour', 3_600_000, 3_661_000],
  ])('that was made %s', (_how, tookMs, staleAt) => expect(countStaleAt(1_000, 1_000 + tookMs, 2_000)).toBe(staleAt));
});
