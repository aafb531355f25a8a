import { expect, test } from '@jest/globals';
import { soon } from './soon.js';

/** What is called in which order, when three continuations of one answer ask, of which the first one arranges the call. */
const orderOf = async (isIdle: boolean): Promise<readonly string[]> => {
  const seen: string[] = [];
  const turned = new Promise<void>((resolve) =>
    setImmediate(() => {
      seen.push('turned');
      setImmediate(resolve);
    }),
  );
  const answer = Promise.resolve();
  await Promise.all(
    ['a', 'b', 'c'].map(async (name, index) => {
      await answer;
      seen.push(name);
      if (index === 0) soon(isIdle, () => seen.push('called'));
    }),
  );
  await turned;
  return seen;
};

test('where nothing is under way, who is due already comes first', async () => {
  expect(await orderOf(true)).toEqual(['a', 'b', 'c', 'called', 'turned']);
});

test('else the whole turn of the event loop does', async () => {
  expect(await orderOf(false)).toEqual(['a', 'b', 'c', 'turned', 'called']);
});
