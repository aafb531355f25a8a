import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InstanceCounts } from './instance-counts.js';
import {
  difference,
  emptyRanges,
  formatRanges,
  fromNumbers,
  has,
  iterate,
  parseRanges,
  sizeOf,
  union,
  type Ranges,
} from './ranges.js';

const numbers = fc.array(fc.nat(40));
const sorted = (set: ReadonlySet<number>): number[] => [...set].sort((a, b) => a - b);
const members = (ranges: Ranges): number[] => [...iterate(ranges)];

describe('ranges behave as a set of numbers', () => {
  it('has the same members as a Set made of the same numbers', () => {
    fc.assert(
      fc.property(numbers, (list) => {
        const ranges = fromNumbers(list);
        const model = new Set(list);
        expect(members(ranges)).toEqual(sorted(model));
        expect(sizeOf(ranges)).toBe(model.size);
        for (let n = 0; n <= 41; n += 1) expect(has(ranges, n)).toBe(model.has(n));
      }),
    );
  });

  it('combines as Sets do, always in the canonical form', () => {
    fc.assert(
      fc.property(numbers, numbers, (a, b) => {
        const [x, y] = [new Set(a), new Set(b)];
        const [left, right] = [fromNumbers(a), fromNumbers(b)];
        expect(union(left, right)).toEqual(fromNumbers([...x, ...y]));
        expect(difference(left, right)).toEqual(fromNumbers([...x].filter((n) => !y.has(n))));
      }),
    );
  });

  it('reads back what it formats', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(200), { minLength: 1 }), (list) => {
        const ranges = fromNumbers(list);
        expect(parseRanges(formatRanges(ranges))).toEqual({ ranges });
      }),
    );
  });

  it('survives a trip through JSON', () => {
    expect(JSON.parse(JSON.stringify(fromNumbers([1, 2, 9])))).toEqual(fromNumbers([1, 2, 9]));
  });
});

describe('the text of ranges', () => {
  it.each([
    ['0-2,4-5,17', [0, 1, 2, 4, 5, 17]],
    ['17, 4 - 5 ,0-2', [0, 1, 2, 4, 5, 17]],
    ['7', [7]],
    ['3-3', [3]],
  ])('reads %s', (text, expected) => {
    expect(parseRanges(text)).toEqual({ ranges: fromNumbers(expected) });
  });

  it.each([
    '',
    ',',
    '1,',
    'a',
    '1-',
    '-1',
    '1-2-3',
    '5-2',
    '1,1',
    '1-4,3',
    '1.5',
    '1e3',
    '0-99999999999',
    '0-4294967295',
  ])('rejects "%s"', (text) => {
    expect(parseRanges(text)).toMatchObject({ rejection: { code: 'bad-ranges' } });
  });

  it('merges neighbors', () => {
    const parsed = parseRanges('4,0-1,2-3');
    expect('ranges' in parsed && formatRanges(parsed.ranges)).toBe('0-4');
    expect(formatRanges(emptyRanges)).toBe('');
  });
});

describe('counts by instance', () => {
  it('count as a Map would', () => {
    fc.assert(
      fc.property(fc.array(fc.uniqueArray(fc.nat(12))), (increments) => {
        const model = new Map<number, number>();
        let counts = InstanceCounts.none;
        for (const group of increments) {
          counts = counts.increment(fromNumbers(group));
          for (const n of group) model.set(n, (model.get(n) ?? 0) + 1);
        }
        expect([...counts].sort(([a], [b]) => a - b)).toEqual([...model].sort(([a], [b]) => a - b));
        expect(counts.size).toBe(model.size);
        expect(InstanceCounts.fromLevels(counts.toLevels())).toEqual(counts);
        for (let n = 0; n <= 13; n += 1) expect(counts.get(n)).toBe(model.get(n));
      }),
    );
  });
});
