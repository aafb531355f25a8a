import { describe, expect, it } from '@jest/globals';
import { LineBuffer } from './line-buffer.ts';
import { LineSearch } from './line-search.ts';

const untilDone = (search: LineSearch): readonly number[] => {
  while (!search.go(0)) continue;
  return search.found;
};

describe('a search', () => {
  it('finds rows in capitals or not, and takes a pattern as text', () => {
    const buffer = new LineBuffer(false);
    buffer.add(0, 'An Error (1/2)\nno\nerror (1/2)\nerror 12\nGRÖSSE\n');
    expect(untilDone(new LineSearch(buffer, 'error (1/2)'))).toEqual([0, 2]);
    expect(untilDone(new LineSearch(buffer, 'größe'.replace('ß', 'ss')))).toEqual([4]);
    expect(untilDone(new LineSearch(buffer, '.*'))).toEqual([]);
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
