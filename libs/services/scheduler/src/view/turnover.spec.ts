import { describe, expect, it } from '@jest/globals';
import { overfill, Turnover } from './turnover.js';

const small = { cores: 1, memoryMB: 256 };
const large = { cores: 2, memoryMB: 256 };
const endedOf = (turnover: Turnover, at: number, cores = 1): number =>
  turnover.of('n', at).find(({ request }) => request.cores === cores)?.ended ?? 0;

describe('turnover of a node', () => {
  it('counts what it ended within the last half second, by size', () => {
    const turnover = new Turnover();
    for (let at = 1_000; at < 1_500; at += 50) turnover.count('n', small, at);
    turnover.count('n', large, 1_400);
    turnover.count('other', small, 1_400);
    expect([endedOf(turnover, 1_499), endedOf(turnover, 1_499, 2)]).toEqual([10, 1]);
    expect(endedOf(turnover, 1_750)).toBe(5);
    expect(endedOf(turnover, 2_000)).toBe(0);
  });

  it('goes on from one half second to the next without a gap', () => {
    const turnover = new Turnover();
    for (let at = 0; at < 3_000; at += 10) {
      turnover.count('n', small, at);
      if (at >= 500) expect(Math.abs(endedOf(turnover, at) - 50)).toBeLessThanOrEqual(1);
    }
  });

  it('says nothing of a node that has ended nothing, or that was quick long ago', () => {
    const turnover = new Turnover();
    expect(turnover.of('n', 0)).toEqual([]);
    turnover.count('n', small, 0);
    expect(turnover.of('n', 60_000)).toEqual([]);
    turnover.count('n', small, 60_000);
    expect(endedOf(turnover, 60_000)).toBe(1);
  });
});

it('tells how many leases of a size are beyond the room of a node, by cores and by memory', () => {
  const room = { cores: 4, memoryMB: 1_024 };
  expect(overfill(room, { cores: 4, memoryMB: 1_024 }, small)).toBe(0);
  expect(overfill(room, { cores: 7, memoryMB: 512 }, small)).toBe(3);
  expect(overfill(room, { cores: 7, memoryMB: 512 }, large)).toBe(2);
  expect(overfill(room, { cores: 1, memoryMB: 2_048 }, small)).toBe(4);
  expect(overfill(room, { cores: 9, memoryMB: 9 }, { cores: 0, memoryMB: 0 })).toBe(0);
});
