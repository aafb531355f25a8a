import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SequenceWindow } from './sequence-window.js';

interface Item {
  readonly sequence: number;
  readonly size: number;
}

const bounds = { items: 8, size: 100, sizeOf: ({ size }: Item): number => size };
const some = fc
  .uniqueArray(fc.integer({ min: 101, max: 300 }), { minLength: 1, maxLength: 60 })
  .chain((places) =>
    fc.tuple(
      ...places
        .toSorted((a, b) => a - b)
        .map((sequence) => fc.record({ sequence: fc.constant(sequence), size: fc.nat(60) })),
    ),
  );

describe('a window over a sequence', () => {
  it('gives a reader from any covered place everything behind it, once, in order, however much it takes at once', () =>
    fc.assert(
      fc.property(some, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 200 }), (items, most, size) => {
        const window = new SequenceWindow<Item>(100, bounds);
        for (const item of items) window.add([item]);
        for (const from of [100, ...items.map(({ sequence }) => sequence)].filter((place) => window.covers(place))) {
          const got: Item[] = [];
          for (let at = from; ; at = got.at(-1)?.sequence ?? at) {
            const portion = window.after(at, { items: most, size });
            if (portion.length === 0) break;
            expect(portion.length).toBeLessThanOrEqual(most);
            got.push(...portion);
          }
          expect(got).toEqual(items.filter(({ sequence }) => sequence > from));
        }
      }),
    ));

  it('covers the last place, and the newest items up to its bounds; it holds twice of them at most', () =>
    fc.assert(
      fc.property(some, (items) => {
        const window = new SequenceWindow<Item>(100, bounds);
        window.add(items);
        expect(window.covers(items.at(-1)?.sequence ?? 100)).toBe(true);
        const held = items.filter(({ sequence }) => window.covers(sequence - 1));
        expect(held.length).toBeLessThanOrEqual(2 * bounds.items);
        const size = held.reduce((sum, item) => sum + item.size, 0);
        expect(size).toBeLessThanOrEqual(2 * bounds.size);
        const isAll = held.length === items.length;
        expect(isAll || held.length >= bounds.items || size >= bounds.size).toBe(true);
      }),
    ));

  it('covers no place before what it began with', () => {
    const window = new SequenceWindow<Item>(100, bounds);
    expect([window.covers(99), window.covers(100)]).toEqual([false, true]);
    expect(window.after(100, { items: 5 })).toEqual([]);
  });

  it('gives an item that is larger than what is taken at once by itself', () => {
    const window = new SequenceWindow<Item>(0, bounds);
    window.add([
      { sequence: 1, size: 90 },
      { sequence: 2, size: 90 },
    ]);
    expect(window.after(0, { items: 5, size: 50 })).toEqual([{ sequence: 1, size: 90 }]);
  });
});
