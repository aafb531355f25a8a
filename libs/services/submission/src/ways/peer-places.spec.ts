import { execFileSync } from 'node:child_process';

import { describe, expect, it } from '@jest/globals';

import { mostOpenFiles, openFilesOf, peersWithin } from './peer-places.js';

const usual = { mostPeers: 16_384, mostConnections: 1_000 };

describe('places of peers', () => {
  it('are all that are set where the limit of open files has room for them', () => {
    expect(peersWithin(usual, 36_816)).toBe(16_384);
    expect(peersWithin(usual, Infinity)).toBe(16_384);
    expect(peersWithin({ ...usual, mostPeers: 2 }, 1_024)).toBe(2);
  });

  it('are fewer where it has not, but a quarter of it at least', () => {
    expect(peersWithin(usual, 36_814)).toBe(16_383);
    expect(peersWithin(usual, 8_192)).toBe(2_072);
    expect(peersWithin(usual, 4_096)).toBe(512);
    expect(peersWithin({ ...usual, mostConnections: 100_000 }, 65_536)).toBe(8_192);
  });

  it('go by the limit that a process really has', () => {
    const limits = execFileSync('/bin/sh', ['-c', 'ulimit -n 777 && exec cat /proc/self/limits'], { encoding: 'utf8' });
    expect(openFilesOf(limits)).toBe(777);
    expect(openFilesOf(limits.replace(/^Max open files.*$/m, 'Max open files  unlimited  unlimited  files'))).toBe(
      Infinity,
    );
    expect(mostOpenFiles()).toBeGreaterThan(0);
  });
});
