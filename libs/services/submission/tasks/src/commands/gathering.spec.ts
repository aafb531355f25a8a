import { describe, expect, it } from '@jest/globals';
import { Gathering } from './gathering.js';

describe('gathering', () => {
  it('asks once for what comes together, and answers each', async () => {
    const asked: (readonly number[])[] = [];
    const doubled = new Gathering(async (items: readonly number[]) => {
      asked.push(items);
      return items.map((item) => item * 2);
    });
    expect(await Promise.all([1, 2, 3].map((item) => doubled.one(item)))).toEqual([2, 4, 6]);
    expect(await doubled.one(4)).toBe(8);
    expect(asked).toEqual([[1, 2, 3], [4]]);
  });

  it('fails for everybody who asked together, and for nobody after', async () => {
    let isBroken = true;
    const asking = new Gathering(async (items: readonly number[]) => {
      if (isBroken) throw new Error('away');
      return items;
    });
    const outcomes = await Promise.allSettled([asking.one(1), asking.one(2)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    isBroken = false;
    expect(await asking.one(3)).toBe(3);
  });
});
