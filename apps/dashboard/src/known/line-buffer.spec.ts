import { describe, expect, it } from '@jest/globals';
import { LineBuffer } from './line-buffer.ts';

const rowsOf = (buffer: LineBuffer): readonly string[] =>
  Array.from({ length: buffer.end - buffer.first }, (_, at) => buffer.at(buffer.first + at));

describe('rows of output', () => {
  it('are lines, however they were cut into pieces', () => {
    const buffer = new LineBuffer(false);
    for (const piece of ['on', 'e\n', '\ntw', 'o\nthr']) buffer.add(0, piece);
    expect(rowsOf(buffer)).toEqual(['one', '', 'two', 'thr']);
    expect([0, 3].map((row) => buffer.isOpen(row))).toEqual([false, true]);
    buffer.add(0, 'ee\n');
    expect([buffer.at(3), buffer.isOpen(3)]).toEqual(['three', false]);
  });

  it('of several instances stand where they began, each with its number', () => {
    const buffer = new LineBuffer(true);
    buffer.add(0, 'a');
    buffer.add(1, 'b\nc');
    buffer.add(0, 'A\n');
    expect(rowsOf(buffer)).toEqual(['0> aA', '1> b', '1> c']);
  });

  it('hold a line that is too long for one in several', () => {
    const buffer = new LineBuffer(false);
    for (let at = 0; at < 5; at += 1) buffer.add(0, 'x'.repeat(5_000));
    buffer.add(0, '\nshort\n');
    expect(rowsOf(buffer).map(({ length }) => length)).toEqual([10_000, 10_000, 5_000, 5]);
  });

  it('are no more than the bound, and keep their numbers', () => {
    const buffer = new LineBuffer(false, { rows: 10_000, characters: 1e9 });
    for (let row = 0; row < 30_000; row += 1) buffer.add(0, `${row}\n`);
    expect(buffer.end).toBe(30_000);
    expect(buffer.end - buffer.first).toBeLessThanOrEqual(10_000);
    expect(buffer.first).toBeGreaterThan(19_000);
    expect([buffer.at(buffer.first), buffer.at(29_999), buffer.at(buffer.first - 1)]).toEqual([
      String(buffer.first),
      '29999',
      '',
    ]);
  });

  it('hold no more characters than the bound, also of few lines', () => {
    const buffer = new LineBuffer(true, { rows: 1e9, characters: 1_000_000 });
    buffer.add(7, 'still open');
    for (let row = 0; row < 20_000; row += 1) buffer.add(0, `${'x'.repeat(99)}\n`);
    const characters = rowsOf(buffer).reduce((sum, { length }) => sum + length, 0);
    expect(characters).toBeLessThanOrEqual(1_000_000);
    // What was begun in rows that are gone goes on in a new one.
    buffer.add(7, ', and on\n');
    expect(buffer.at(buffer.end - 1)).toBe('7> , and on');
  });
});
