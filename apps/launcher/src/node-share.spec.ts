import { describe, expect, it } from '@jest/globals';
import { shareOf } from './node-share.js';

const sharesOf = (cores: number, memoryMB: number, nodes: number) =>
  Array.from({ length: nodes }, (_, index) => shareOf({ cores, memoryMB }, nodes, index));
const coresOf = (cores: number, nodes: number) => sharesOf(cores, 1, nodes).map((share) => share.cores);

describe('the share of a node in its machine', () => {
  it('is the whole of it for the only one', () =>
    expect(shareOf({ cores: 3, memoryMB: 5 }, 1, 0)).toEqual({ cores: 3, memoryMB: 5 }));

  it('is offered once by all of them together', () => {
    for (let cores = 1; cores <= 9; cores += 1)
      for (let nodes = 1; nodes <= cores; nodes += 1) {
        const shares = sharesOf(cores, 1_000, nodes);
        expect(shares.reduce((sum, share) => sum + share.cores, 0)).toBe(cores);
        expect(shares.reduce((sum, share) => sum + share.memoryMB, 0)).toBeLessThanOrEqual(1_000);
      }
    expect(coresOf(8, 3)).toEqual([3, 3, 2]);
  });

  it('is an equal part of the disk, where that is known, and never nothing, which would mean all of it', () => {
    const diskOf = (diskMB: number) => shareOf({ cores: 4, memoryMB: 1, diskMB }, 3, 0).diskMB;
    expect([diskOf(100), diskOf(0)]).toEqual([33, 1]);
    expect(shareOf({ cores: 4, memoryMB: 1 }, 3, 0)).not.toHaveProperty('diskMB');
  });

  it('is a core at least', () => expect(coresOf(2, 3)).toEqual([1, 1, 1]));
});
