import { describe, expect, it } from '@jest/globals';

import { UsageCounts } from './usage-counts.js';

describe('counts of what buckets hold', () => {
  it('are made again after a minute at the latest, however long they take', async () => {
    let [now, made] = [0, 0];
    const counts = new UsageCounts(
      () => {
        now += 600_000; // ten minutes
        return Promise.resolve({ objects: (made += 1), bytes: 0 });
      },
      () => now,
    );
    expect(await counts.of('b')).toMatchObject({ objects: 1 });
    now += 59_999;
    expect(await counts.of('b')).toMatchObject({ objects: 1 });
    now += 1;
    expect(await counts.of('b')).toMatchObject({ objects: 2 });
  });

  it('are made again where something was stored, and where the last one failed', async () => {
    let made = 0;
    const counts = new UsageCounts(
      () => ((made += 1) === 1 ? Promise.reject(new Error('away')) : Promise.resolve({ objects: made, bytes: 0 })),
      () => 0,
    );
    await expect(counts.of('b')).rejects.toThrow('away');
    expect(await counts.of('b')).toMatchObject({ objects: 2 });
    expect(await counts.of('b')).toMatchObject({ objects: 2 });
    counts.forget('b');
    expect(await counts.of('b')).toMatchObject({ objects: 3 });
  });
});
