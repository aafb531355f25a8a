import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { Progress } from './progress.js';

const LONG_MS = 2_000_000;

describe('waiting until a place was passed', () => {
  it('ends at once for what was passed, and in order for what comes', async () => {
    const progress = new Progress(3);
    expect(await progress.reach(3)).toBe(true);
    const passed: number[] = [];
    const waits = [5, 4].map((sequence) => progress.reach(sequence).then(() => passed.push(sequence)));
    progress.advance(4);
    await waits[1];
    expect(passed).toEqual([4]);
    progress.advance(9);
    await Promise.all(waits);
    expect(progress.position).toBe(9);
    expect(progress.isIdle).toBe(true);
  });

  it('ends without it when the time is over, or the signal aborts or has aborted, and leaves nothing behind', async () => {
    const progress = new Progress();
    expect(await progress.reach(1, { timeoutMs: 1 })).toBe(false);
    const controller = new AbortController();
    const waiting = progress.reach(1, { timeoutMs: LONG_MS, signal: controller.signal });
    controller.abort();
    expect(await waiting).toBe(false);
    expect(await progress.reach(1, { signal: controller.signal })).toBe(false);
    expect(progress.isIdle).toBe(true);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  it('goes back only when it is moved', async () => {
    const progress = new Progress(7);
    progress.advance(2);
    expect(progress.position).toBe(7);
    progress.moveTo(2);
    const waiting = progress.reach(5);
    progress.moveTo(5);
    expect(await waiting).toBe(true);
  });

  it('does not hurry whoever gathers for one that has time', async () => {
    const progress = new Progress();
    let isHurried = false;
    const gathered = progress.arrival(LONG_MS).then(() => (isHurried = true));
    const patient = progress.reach(1, { hasTime: true });
    expect(progress.isIdle).toBe(true);
    await Promise.resolve();
    expect(isHurried).toBe(false);
    const waiting = progress.reach(1);
    expect(progress.isIdle).toBe(false);
    await gathered;
    progress.advance(1);
    expect(await Promise.all([patient, waiting])).toEqual([true, true]);
  });

  it('tells whoever gathers that somebody waits', async () => {
    const progress = new Progress();
    const arrived = progress.arrival(LONG_MS);
    const waiting = progress.reach(1);
    await arrived;
    progress.advance(1);
    expect(await waiting).toBe(true);
  });
});
