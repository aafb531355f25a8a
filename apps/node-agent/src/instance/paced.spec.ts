import { describe, expect, it, jest } from '@jest/globals';
import { Paced } from './paced.js';

describe('values that are told at a pace', () => {
  it('are the first at once, then the latest of those that came too soon, and none once it is over', async () => {
    jest.useFakeTimers();
    try {
      const told: number[] = [];
      const paced = new Paced<number>(500, (value) => {
        told.push(value);
        return Promise.resolve();
      });
      for (const value of [1, 2, 3]) await paced.say(value);
      expect(told).toEqual([1]);
      await jest.advanceTimersByTimeAsync(500);
      expect(told).toEqual([1, 3]);
      await paced.say(4);
      paced.stop();
      await jest.advanceTimersByTimeAsync(5_000);
      expect(told).toEqual([1, 3]);
      await paced.say(5);
      expect(told).toEqual([1, 3, 5]);
    } finally {
      jest.useRealTimers();
    }
  });
});
