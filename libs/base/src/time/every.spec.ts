import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { every } from './every.js';

describe('something that is done again and again', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('does not pile up behind a turn that waits, goes on after it, and ends', async () => {
    let turns = 0;
    let { promise, resolve } = Promise.withResolvers<void>();
    const stop = every(100, () => {
      turns += 1;
      return promise;
    });
    await jest.advanceTimersByTimeAsync(10_000);
    expect(turns).toBe(1);
    resolve();
    ({ promise, resolve } = Promise.withResolvers<void>());
    await jest.advanceTimersByTimeAsync(1_000);
    expect(turns).toBe(2);
    resolve();
    await jest.advanceTimersByTimeAsync(0);
    stop();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(turns).toBe(2);
  });
});
