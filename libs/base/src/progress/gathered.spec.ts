import { describe, expect, it } from '@jest/globals';
import { Gathered } from './gathered.js';

const settled = async (asked: readonly Promise<unknown>[]): Promise<readonly unknown[]> =>
  (await Promise.allSettled(asked)).map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason)));

describe('questions that are gathered', () => {
  const rig = () => {
    const calls: (readonly number[])[] = [];
    const gates: (() => void)[] = [];
    const call = async (questions: readonly number[]): Promise<readonly number[]> => {
      calls.push(questions);
      await new Promise<void>((resolve) => gates.push(resolve));
      if (questions.includes(13)) throw new Error('unlucky');
      return questions.map((question) => question * 10);
    };
    const openAll = async (asked: readonly Promise<unknown>[]): Promise<readonly unknown[]> => {
      const all = settled(asked);
      let isOver = false;
      void all.then(() => (isOver = true));
      while (!isOver) {
        gates.splice(0).forEach((open) => open());
        await new Promise((resolve) => setImmediate(resolve));
      }
      return all;
    };
    return { calls, call, openAll };
  };

  it('are asked alone at once, and together while others are under way', async () => {
    const { calls, call, openAll } = rig();
    const gathered = new Gathered(call, { most: 3 });
    const asked = [1, 2, 3, 4, 5].map((question) => gathered.ask(question));
    expect(calls).toEqual([[1]]);
    expect(await openAll(asked)).toEqual([10, 20, 30, 40, 50]);
    expect(calls).toEqual([[1], [2, 3, 4], [5]]);
  });

  it('fail alone', async () => {
    const { calls, call, openAll } = rig();
    const gathered = new Gathered(call);
    expect(await openAll([1, 2, 13, 3].map((question) => gathered.ask(question)))).toEqual([
      10,
      20,
      'Error: unlucky',
      30,
    ]);
    expect(calls).toEqual([[1], [2, 13, 3], [2], [13], [3]]);
  });

  it('fail together where nobody knows what became of the call', async () => {
    const { calls, call, openAll } = rig();
    const gathered = new Gathered(call, { isRepeatable: () => false });
    const unlucky = 'Error: unlucky';
    expect(await openAll([1, 2, 13].map((question) => gathered.ask(question)))).toEqual([10, unlucky, unlucky]);
    expect(calls).toEqual([[1], [2, 13]]);
  });

  it('of one name are asked one after the other', async () => {
    const { calls, call, openAll } = rig();
    const gathered = new Gathered(call, { nameOf: (question: number) => String(question % 2) });
    await openAll([0, 2, 1, 4, 3, 6].map((question) => gathered.ask(question)));
    expect(calls).toEqual([[0], [2, 1], [4, 3], [6]]);
  });
});
