import { expect, it } from '@jest/globals';
import { retryPauseMs } from './retry-pause.js';

it('gives a storage that starts again about six seconds with the six tries of an agent', () => {
  const lastsMs = (chance: number): number =>
    [1, 2, 3, 4, 5].reduce((sum, tries) => sum + retryPauseMs(tries, () => chance), 0);
  expect(lastsMs(0.5)).toBeCloseTo(6_200);
  expect(lastsMs(1)).toBeCloseTo(3_100);
  expect(retryPauseMs(50, () => 0.5)).toBeCloseTo(5_000);
});
