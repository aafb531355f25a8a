import { describe, expect, it } from '@jest/globals';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { finished, PacedWalk } from './paced-walk.js';

/** Counts walks and steps; each walk takes so many turns and finds its own number. */
const walking = (turns: number) => {
  const seen = { walks: 0, steps: 0, now: 0 };
  const begin = function* (): Generator<void, number> {
    const number = (seen.walks += 1);
    for (let turn = 0; turn < turns; turn += 1) {
      seen.steps += 1;
      yield;
    }
    return number;
  };
  return { seen, begin, walk: new PacedWalk(begin, () => seen.now) };
};

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await nextTurn();
};

describe('a walk that is paced', () => {
  it('takes one portion in a turn, and serves all that ask meanwhile', async () => {
    const { seen, walk } = walking(3);
    const asked = [walk.latest(), walk.latest()];
    expect(seen.steps).toBe(1);
    expect(await Promise.all(asked)).toEqual([1, 1]);
    expect(seen).toMatchObject({ walks: 1, steps: 3 });
  });

  it('answers at once with what was found last, and looks anew behind it when that is old', async () => {
    const { seen, walk } = walking(3);
    await walk.latest();
    seen.now = 4_999;
    expect([await walk.latest(), seen.walks]).toEqual([1, 1]);
    seen.now = 5_000;
    expect([await walk.latest(), seen.walks]).toEqual([1, 2]);
    await turns(5);
    expect([await walk.latest(), seen.walks]).toEqual([2, 2]);
  });

  it('rests the longer the longer it took', async () => {
    const { seen, walk } = walking(1);
    const first = walk.latest();
    seen.now = 1_000;
    await first;
    seen.now = 20_999;
    await walk.latest();
    expect(seen.walks).toBe(1);
    seen.now = 21_000;
    await walk.latest();
    expect(seen.walks).toBe(2);
  });

  it('answers nobody with what is too old', async () => {
    const { seen, walk } = walking(1);
    await walk.latest();
    seen.now = 125_000;
    expect(await walk.latest()).toBe(2);
  });

  it('can be gone through at once', () => {
    expect(finished(walking(3).begin())).toBe(1);
  });
});
