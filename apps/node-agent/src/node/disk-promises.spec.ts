import { describe, expect, it } from '@jest/globals';

import { DiskPromises } from './disk-promises.js';

const never = new AbortController().signal;
const userOf = (promisedBytes: number, uses = 0) => ({
  promisedBytes,
  uses,
  diskBytes() {
    return Promise.resolve(this.uses);
  },
  overfill: () => Promise.resolve(),
});

describe('room that was promised on a disk', () => {
  /** A disk that says what was asked of it, and has what it is told to have. */
  const rig = (spare: number | undefined, cached = 0) => {
    const asked: number[] = [];
    const cache = {
      bytes: cached,
      free(amount: number) {
        this.bytes -= amount;
        return Promise.resolve();
      },
    };
    const room = async (_signal: AbortSignal, wanted?: () => Promise<number>): Promise<void> =>
      void asked.push((await wanted?.()) ?? 0);
    const promises = new DiskPromises({ room, spare: () => Promise.resolve(spare) }, cache);
    return { promises, asked, cache };
  };

  it('is there besides what others have not used of theirs, and free again when they leave', async () => {
    const { promises, asked } = rig(1_000);
    const [half, over] = [userOf(100, 40), userOf(100, 130)];
    await promises.enter(half, never);
    await promises.enter(over, never);
    await promises.enter(userOf(0, 70), never);
    await promises.enter(userOf(50), never);
    expect(await promises.owed()).toBe(60 + 50);
    promises.leave(half);
    promises.leave(half);
    await promises.enter(userOf(10), never);
    expect(asked).toEqual([100, 160, 0, 110, 60]);
  });

  it('is not owed to one that still waits: two of them would wait for each other', async () => {
    const { asked } = rig(1_000);
    const waits = Promise.withResolvers<undefined>();
    const disk = {
      room: async (_signal: AbortSignal, wanted?: () => Promise<number>): Promise<void> => {
        asked.push((await wanted?.()) ?? 0);
        await waits.promise;
      },
      spare: () => Promise.resolve(1_000),
    };
    const promises = new DiskPromises(disk);
    const both = [promises.enter(userOf(80), never), promises.enter(userOf(90), never)];
    expect(asked).toEqual([]);
    await new Promise(setImmediate);
    expect(asked).toEqual([80, 90]);
    waits.resolve(undefined);
    await Promise.all(both);
  });

  it('is not taken twice by two that look at the same time', async () => {
    const asked: number[] = [];
    const spare = 100;
    const abort = new AbortController();
    const disk = {
      room: async (signal: AbortSignal, wanted?: () => Promise<number>): Promise<void> => {
        const bytes = (await wanted?.()) ?? 0;
        asked.push(bytes);
        if (bytes <= spare) return;
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        signal.throwIfAborted();
      },
      spare: () => Promise.resolve(spare),
    };
    const promises = new DiskPromises(disk);
    const first = promises.enter(userOf(80), never);
    const second = promises.enter(userOf(70), abort.signal);
    await first;
    await new Promise(setImmediate);
    expect(asked).toEqual([80, 70, 150]);
    abort.abort(new Error('waited'));
    await expect(second).rejects.toThrow('waited');
  });

  it('is made by kept inputs that go, as many as are in the way', async () => {
    const { promises, cache } = rig(60, 500);
    await promises.enter(userOf(100), never);
    expect(cache.bytes).toBe(460);
    const unknown = rig(undefined, 500);
    await unknown.promises.enter(userOf(100), never);
    expect(unknown.cache.bytes).toBe(500);
  });
});
