import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { unlessAborted } from './unless-aborted.js';

describe('waiting unless a signal aborts', () => {
  it('brings what the promise brings, and leaves nothing at the signal', async () => {
    const { signal } = new AbortController();
    expect(await unlessAborted(Promise.resolve(7), signal)).toBe(7);
    await expect(unlessAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('ends with undefined when the signal aborts, or has aborted', async () => {
    const controller = new AbortController();
    const never = Promise.withResolvers<number>().promise;
    const waiting = unlessAborted(never, controller.signal);
    controller.abort();
    expect(await waiting).toBeUndefined();
    expect(await unlessAborted(Promise.resolve(7), controller.signal)).toBeUndefined();
  });
});
