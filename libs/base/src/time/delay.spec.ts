import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { delay } from './delay.js';

const LONG_MS = 2_000_000;

describe('a wait', () => {
  it('ends at once when the signal aborts, or has aborted, and never rejects', async () => {
    const controller = new AbortController();
    const waiting = delay(LONG_MS, controller.signal);
    controller.abort(new Error('over'));
    await waiting;
    await delay(LONG_MS, controller.signal);
  });

  it('leaves nothing at a signal that outlives it', async () => {
    const { signal } = new AbortController();
    await delay(1, signal);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
