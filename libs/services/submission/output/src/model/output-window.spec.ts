import { describe, expect, it } from '@jest/globals';
import { OutputWindow } from './output-window.js';

const MIB = 1_048_576;
const MOST = 16 * MIB;

describe('what nodes may have in the stream unread', () => {
  it('is what is read in a quarter of a second, within its bounds', () => {
    const windowAt = (bytesPerMs: number): number => {
      const window = new OutputWindow(MOST);
      window.stored(1_000 * bytesPerMs, 1_000);
      return window.of('node', 0);
    };
    expect([100, 20_000, 1_000_000].map(windowAt)).toEqual([MIB / 4, 5_000_000, MOST]);
  });

  it('says nothing of the pace for a batch that is small, and follows a reader that becomes slow', () => {
    const window = new OutputWindow(MOST);
    window.stored(20_000_000, 1_000);
    for (let batch = 0; batch < 100; batch += 1) window.stored(100, 20);
    expect(window.of('node', 0)).toBe(5_000_000);
    for (let batch = 0; batch < 30; batch += 1) window.stored(5_000_000, 1_000);
    expect(window.of('node', 0)).toBeLessThan(1_300_000);
  });

  it('is shared by the nodes that have asked of late, of which each may send a little', () => {
    const window = new OutputWindow(MOST);
    window.stored(1_000_000_000, 1_000);
    expect(window.of('a', 0)).toBe(MOST);
    expect(window.of('b', 1_000)).toBe(MOST / 2);
    expect(window.of('a', 2_900)).toBe(MOST / 2);
    // b has not asked for long.
    expect(window.of('a', 4_500)).toBe(MOST);
    for (let node = 0; node < 1_000; node += 1) window.of(`n${node}`, 5_000);
    expect(window.of('a', 5_000)).toBe(131_072);
  });
});
