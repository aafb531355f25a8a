import { describe, expect, it } from '@jest/globals';
import { LineJoiner } from './follow-lines.js';

const piece = (instance: number, text: string, attempt = 1) => ({
  instance,
  attempt,
  offset: 0,
  data: Buffer.from(text),
});

describe('followed lines', () => {
  it('come whole, behind the number of their instance', () => {
    const joiner = new LineJoiner();
    expect(joiner.take(piece(1, 'a\nb'))).toBe('1> a\n');
    expect(joiner.take(piece(0, 'c\n\nd'))).toBe('0> c\n0> \n');
    expect(joiner.take(piece(1, 'e\n'))).toBe('1> be\n');
    expect(joiner.rest()).toBe('0> d\n');
    expect(joiner.rest()).toBe('');
  });
  it('of one attempt are not joined with those of the next', () => {
    const joiner = new LineJoiner();
    joiner.take(piece(0, 'old'));
    expect(joiner.take(piece(0, 'new\n', 2))).toBe('0> old\n0> new\n');
  });
});
