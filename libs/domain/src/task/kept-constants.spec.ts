import { describe, expect, it } from '@jest/globals';
import { holdsAll } from './kept-constants.js';

describe('envelopes that a change takes values from', () => {
  const constants = [
    { key: 'A', value: 'x' },
    { key: 'QARNOT_SECRET_B', sealed: 's1' },
  ];
  it.each([
    [undefined, true],
    [[], true],
    [['s1'], true],
    [['s1', 's2'], false],
    // A value in clear is none.
    [['x'], false],
  ])('are %j, and there: %j', (envelopes, isThere) => expect(holdsAll(constants, envelopes)).toBe(isThere));
});
