import { describe, expect, it } from '@jest/globals';

import { DiskGuard, fillersOf } from './disk-guard.js';

interface Given {
  readonly bytes: number;
  readonly promisedBytes?: number;
}
const uses = (...all: readonly (number | Given)[]) =>
  all.map((given, index) => {
    const { bytes, ...promised }: Given = typeof given === 'number' ? { bytes: given } : given;
    return { user: { index, ...promised }, bytes };
  });

describe('who is ended when the disk of a node is short of room', () => {
  it.each([
    ['the largest, if that is enough', uses(10, 500, 20), 300, [1]],
    ['as few as are enough', uses(200, 500, 150), 600, [1, 0]],
    ['nobody, if somebody else has filled it', uses(10, 20), 300, []],
    ['nobody without instances', uses(), 300, []],
    [
      'who has more than was promised before who has not, whatever their size',
      uses({ bytes: 900, promisedBytes: 1_000 }, 310),
      300,
      [1],
    ],
    ['who has most beyond the promise', uses({ bytes: 900, promisedBytes: 500 }, 310), 300, [0]],
    [
      'also who was promised its room, if nothing else helps',
      uses({ bytes: 900, promisedBytes: 1_000 }, 10),
      300,
      [1, 0],
    ],
  ])('%s', (_, all, shortage, ended) => expect(fillersOf(all, shortage).map(({ user }) => user.index)).toEqual(ended));

  it('is looked for only while room is missing, and each is told once that it is over', async () => {
    let missing = 0;
    const files = [10, 500];
    const ended: number[] = [];
    const guard = new DiskGuard({
      shortage: () => Promise.resolve(missing),
      users: () =>
        files.map((bytes, index) => ({
          diskBytes: () => Promise.resolve(bytes),
          overfill: () => {
            ended.push(index);
            missing = 0;
            return Promise.resolve();
          },
        })),
      onEnd: () => undefined,
      onError: (error) => {
        throw error;
      },
    });
    await guard.look();
    expect(ended).toEqual([]);
    missing = 400;
    await guard.look();
    await guard.look();
    expect(ended).toEqual([1]);
  });
});
