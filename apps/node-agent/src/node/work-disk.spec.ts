import { describe, expect, it } from '@jest/globals';

import { WorkDisk } from './work-disk.js';

const diskWith = (...free: readonly number[]) => {
  const changes: boolean[] = [];
  let at = 0;
  const disk = new WorkDisk({
    folder: '/work',
    lowBytes: 100,
    onChange: (isFull) => changes.push(isFull),
    freeBytes: () => Promise.resolve(free[Math.min(at++, free.length - 1)] ?? 0),
    everyMs: 1,
  });
  return { disk, changes };
};

describe('the disk of a node’s work', () => {
  it('lets an instance begin at once while there is room', async () => {
    const { disk, changes } = diskWith(100);
    await disk.room(new AbortController().signal);
    expect(changes).toEqual([]);
  });

  it('lets it wait until there is room, and says so once each', async () => {
    const { disk, changes } = diskWith(99, 0, 99, 100);
    await disk.room(new AbortController().signal);
    expect(changes).toEqual([true, false]);
  });

  it('lets one wait that was promised more than there is beyond the mark', async () => {
    const { disk, changes } = diskWith(140, 140, 149, 149, 150, 150);
    await disk.room(new AbortController().signal, () => Promise.resolve(50));
    expect(changes).toEqual([]);
    expect(await disk.spare()).toBe(50);
  });

  it('is offered as what is free beyond the mark and what is kept, and no more than the share of the node', async () => {
    const offeredBy = (mostMB?: number) =>
      new WorkDisk({
        folder: '/work',
        lowBytes: 100,
        onChange: () => undefined,
        freeBytes: () => Promise.resolve(50e6 + 100),
        ...(mostMB === undefined ? {} : { mostMB }),
      }).offeredMB({ bytes: 7e6 });
    expect(await Promise.all([offeredBy(), offeredBy(0), offeredBy(40), offeredBy(400)])).toEqual([57, 57, 40, 57]);
  });

  it('ends the waiting of one that is cancelled', async () => {
    const { disk } = diskWith(0);
    const cancelled = new AbortController();
    const waiting = disk.room(cancelled.signal);
    cancelled.abort(new Error('cancelled'));
    await expect(waiting).rejects.toThrow();
  });

  it('is not called full when it cannot be measured', async () => {
    const disk = new WorkDisk({
      folder: '/no/such/folder',
      lowBytes: 1,
      onChange: () => expect('nothing').toBe('said'),
    });
    expect(await disk.isFull()).toBe(false);
    await disk.room(new AbortController().signal, () => Promise.resolve(1e12));
    expect(await disk.spare()).toBeUndefined();
  });
});
