import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LineBuffer } from './line-buffer.ts';
import { LineSearch } from './line-search.ts';

const untilDone = (search: LineSearch): readonly number[] => {
  while (!search.go(0)) continue;
  return search.found;
};

const bufferOf = (...rows: readonly string[]): LineBuffer => {
  const buffer = new LineBuffer(false);
  for (const row of rows) buffer.add(0, `${row}\n`);
  return buffer;
};

describe('a search', () => {
  it('finds rows in capitals or not, and takes a pattern as text', () => {
    const buffer = new LineBuffer(false);
    buffer.add(0, 'An Error (1/2)\nno\nerror (1/2)\nerror 12\nGRÖSSE\n');
    expect(untilDone(new LineSearch(buffer, 'error (1/2)'))).toEqual([0, 2]);
    expect(untilDone(new LineSearch(buffer, 'größe'.replace('ß', 'ss')))).toEqual([4]);
    expect(untilDone(new LineSearch(buffer, '.*'))).toEqual([]);
  });

  it.each(['exit-code', '2026-11-29', '--flag', '-', '[a-z]', String.raw`C:\\-\d`, '/u', '\u2028', '\u{1F600}-'])(
    'finds %j',
    (text) => {
      expect(untilDone(new LineSearch(bufferOf('none', `its ${text}.`), text))).toEqual([1]);
    },
  );

  it('finds every printable character beside any other', () => {
    const printable = Array.from({ length: 0x7e - 0x20 + 1 }, (_, at) => String.fromCodePoint(0x20 + at));
    const pairs = printable.flatMap((one) => printable.map((other) => one + other));
    const isFound = (text: string): boolean => untilDone(new LineSearch(bufferOf(`<${text}>`), text)).length === 1;
    expect(pairs.filter((pair) => !isFound(pair))).toEqual([]);
  });

  it('finds whatever text there is, as it stands', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.string()),
        fc.string(),
        (any, before) => {
          const [text, row] = [any, before].map((part) => part.replaceAll('\n', '')) as [string, string];
          expect(untilDone(new LineSearch(bufferOf(row + text), text))).toEqual([0]);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('takes half of a pair of surrogates, and a text that is too long for a pattern', () => {
    expect(untilDone(new LineSearch(bufferOf('\ud83d-'), '\ud83d'))).toEqual([0]);
    expect(untilDone(new LineSearch(bufferOf('é'), 'é-'.repeat(100_000)))).toEqual([]);
  });

  it('goes on where more came, also in a row that has grown', () => {
    const buffer = new LineBuffer(true);
    buffer.add(0, 'almost a wo');
    buffer.add(1, 'word\nnone\n');
    const search = new LineSearch(buffer, 'word');
    expect(untilDone(search)).toEqual([1]);
    buffer.add(0, 'rd\nwords\n');
    expect(untilDone(search)).toEqual([0, 1, 3]);
    expect(untilDone(search)).toEqual([0, 1, 3]);
  });

  it('is cut into slices, and forgets rows that are gone', () => {
    const buffer = new LineBuffer(false, { rows: 10_000, characters: 1e9 });
    for (let row = 0; row < 9_000; row += 1) buffer.add(0, `${row}\n`);
    const search = new LineSearch(buffer, '7');
    expect(search.go(0)).toBe(false);
    expect(search.found).toHaveLength(
      Array.from({ length: 512 }, (_, row) => row).filter((row) => String(row).includes('7')).length,
    );
    untilDone(search);
    for (let row = 9_000; row < 20_000; row += 1) buffer.add(0, `${row}\n`);
    const found = untilDone(search);
    const expected = Array.from({ length: buffer.end - buffer.first }, (_, at) => buffer.first + at).filter((row) =>
      String(row).includes('7'),
    );
    expect(found).toEqual(expected);
  });
});
