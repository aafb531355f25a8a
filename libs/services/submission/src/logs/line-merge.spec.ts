import { describe, expect, it } from '@jest/globals';
import { mergeBytes, mergeLines, type HeldBytes, type OutputChunk } from './line-merge.js';

const chunk = (instance: number, text: string | Buffer, attempt = 1): OutputChunk => ({
  instance,
  attempt,
  data: Buffer.from(text),
});
const none: HeldBytes = new Map();
const running = () => false;
const over = () => true;

describe('lines of a task', () => {
  it('come whole, in order of arrival, behind the number of their instance', () => {
    const first = mergeLines([chunk(1, 'a\nb'), chunk(0, 'c\n'), chunk(1, 'd\n')], none, running);
    expect(first.text.toString()).toBe('1> a\n0> c\n1> bd\n');
    expect(first.held.size).toBe(0);
  });
  it('wait for their end from one read to the next', () => {
    const first = mergeLines([chunk(1, 'par')], none, running);
    expect(first.text.length).toBe(0);
    expect(mergeLines([chunk(1, 'tial\n')], first.held, running).text.toString()).toBe('1> partial\n');
  });
  it('are ended when their instance is', () => {
    expect(mergeLines([chunk(1, 'last')], none, over).text.toString()).toBe('1> last\n');
  });
  it('are not joined across attempts', () => {
    expect(mergeLines([chunk(1, 'old'), chunk(1, 'new\n', 2)], none, running).text.toString()).toBe('1> old\n1> new\n');
  });
  it('are cut when they never end', () => {
    expect(mergeLines([chunk(1, 'x'.repeat(70_000))], none, running).text.length).toBe(70_000 + '1> \n'.length);
  });
});

describe('bytes of an instance', () => {
  it.each(['é', '€', '😀'])('never end inside %s', (character) => {
    const bytes = Buffer.from(`a${character}`);
    for (let cut = 1; cut <= bytes.length; cut++) {
      const first = mergeBytes([chunk(0, bytes.subarray(0, cut))], none, running);
      const second = mergeBytes(
        [chunk(0, bytes.subarray(cut))].filter(({ data }) => data.length > 0),
        first.held,
        over,
      );
      expect([first.text.toString(), second.text.toString()].join('')).toBe(`a${character}`);
      expect(first.text.toString()).not.toContain('\uFFFD');
    }
  });
  it('that are no text pass as they are once the instance is over', () => {
    const bytes = Buffer.from([0xff, 0xc3]);
    expect(mergeBytes([chunk(0, bytes)], none, over).text).toEqual(bytes);
  });
});
