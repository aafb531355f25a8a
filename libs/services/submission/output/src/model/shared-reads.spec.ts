import { describe, expect, it } from '@jest/globals';
import { SharedReads } from './shared-reads.js';

/** Reads that end when they are told to, each with the number of reads that had begun by then. */
const controlled = () => {
  const shared = new SharedReads<number>();
  const ends: (() => void)[] = [];
  let begun = 0;
  const read = (): Promise<number> => {
    begun += 1;
    const number = begun;
    return new Promise((resolve) => ends.push(() => resolve(number)));
  };
  return { ask: (name = 'page') => shared.share(name, read), end: () => ends.shift()?.(), begun: () => begun };
};

describe('shared reads', () => {
  it('give nobody a read that began before he asked', async () => {
    const { ask, end, begun } = controlled();
    const first = ask();
    const late = [ask(), ask(), ask()];
    end();
    expect(await first).toBe(1);
    await Promise.resolve();
    end();
    expect(await Promise.all(late)).toEqual([2, 2, 2]);
    expect(begun()).toBe(2);
  });

  it('keep different reads apart, and forget those that are done', async () => {
    const { ask, end } = controlled();
    const both = [ask('a'), ask('b')];
    end();
    end();
    expect(await Promise.all(both)).toEqual([1, 2]);
    const again = ask('a');
    end();
    expect(await again).toBe(3);
  });

  it('go on after one that failed, which only fails for those who shared it', async () => {
    const shared = new SharedReads<string>();
    const failing = shared.share('page', () => Promise.reject(new Error('away')));
    const next = shared.share('page', () => Promise.resolve('there'));
    await expect(failing).rejects.toThrow('away');
    expect(await next).toBe('there');
  });
});
