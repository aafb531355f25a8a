import { describe, expect, it } from '@jest/globals';
import { defaultPriceList } from '../pricing/default-price-list.js';
import { priceListAt, type PublishedPriceList } from './bill-fold.js';
import { listsInTime } from './lists-in-time.js';

const list = (version: number, from: number, validUntil?: number): PublishedPriceList => ({
  priceList: { ...defaultPriceList, version, ...(validUntil === undefined ? {} : { validUntil }) },
  ...{ from, sequence: version },
});
const told = (...lists: PublishedPriceList[]) =>
  listsInTime(lists).map(({ endsAt, replacedBy }) => [endsAt, replacedBy]);

describe('price lists in time', () => {
  it('end as the next one begins, or by themselves', () => {
    expect(told(list(1, 0), list(2, 50))).toEqual([
      [50, undefined],
      [undefined, undefined],
    ]);
    expect(told(list(1, 0, 30), list(2, 30, 90))).toEqual([
      [30, undefined],
      [90, undefined],
    ]);
  });

  it('give way to one that is published later and begins no later', () => {
    expect(told(list(1, 0), list(2, 50), list(3, 50), list(4, 20))).toEqual([
      [20, undefined],
      [undefined, 3],
      [undefined, 4],
      [undefined, undefined],
    ]);
  });

  it('hold when they price', () => {
    const lists = [list(1, 0), list(2, 50), list(3, 20, 40), list(4, 40)];
    for (const { list: one, endsAt = 100, replacedBy } of listsInTime(lists)) {
      const { version } = one.priceList;
      const prices = (at: number): boolean => priceListAt(lists, at)?.version === version;
      expect([version, prices(one.from), prices(endsAt - 1)]).toEqual([
        ...[version, replacedBy === undefined, replacedBy === undefined],
      ]);
      expect([version, endsAt < 100 && prices(endsAt)]).toEqual([version, false]);
    }
  });
});
