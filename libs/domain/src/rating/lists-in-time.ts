import type { InstantMs } from '../shared/time.js';
import type { PublishedPriceList } from './bill-fold.js';

/** A list, and what became of it in time. */
export interface ListInTime {
  readonly list: PublishedPriceList;
  /** When it ends, by itself or as the next one begins. Undefined: not known yet, or it never held. */
  readonly endsAt: InstantMs | undefined;
  /** Version of the list that it gave way to before it began. Undefined: to none. */
  readonly replacedBy: number | undefined;
}

/**
 * When each list holds: what `priceListAt` follows, for people. A list that is published later and begins no later takes the place of one, for good.
 * @param lists in the order of their publication
 */
export const listsInTime = (lists: readonly PublishedPriceList[]): readonly ListInTime[] => {
  const found = lists.map((list, index) => ({
    list,
    replacedBy: lists.slice(index + 1).find(({ from }) => from <= list.from)?.priceList.version,
  }));
  const beginnings = found.filter(({ replacedBy }) => replacedBy === undefined).map(({ list }) => list.from);
  return found.map(({ list, replacedBy }) => {
    const ends = [...beginnings.filter((from) => from > list.from), list.priceList.validUntil ?? Infinity];
    const end = Math.min(...ends);
    return { list, replacedBy, endsAt: replacedBy !== undefined || end === Infinity ? undefined : end };
  });
};
