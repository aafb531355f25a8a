import { afterPrefix, rolledUp } from './keys.js';
import type { Listing, ListOptions, ObjectInfo } from './object-store.js';

/** What a listing rolls up: of the keys that have a text up to and with the delimiter in common, behind the prefix, one is enough. */
export interface RollUp {
  readonly prefix: string;
  readonly delimiter: string;
  /** The least text greater than all that begin with the delimiter. */
  readonly pastDelimiter: string;
}

/**
 * At most `limit` objects with `from` <= key (or < when `isExclusive`) and key < `to`, in binary order of their keys; fewer only when there are no more.
 * With `rollUp` a reader that can does without all but the first of the keys that are rolled up together.
 */
export type ReadKeys = (span: {
  readonly from: string;
  readonly isExclusive: boolean;
  readonly to: string | undefined;
  readonly limit: number;
  readonly rollUp: RollUp | undefined;
}) => Promise<readonly ObjectInfo[]>;

interface Cursor {
  readonly from: string;
  readonly isExclusive: boolean;
}

/** Where a page begins; undefined when nothing can follow. */
const startOf = ({ prefix = '', delimiter = '', after = '' }: ListOptions): Cursor | undefined => {
  const isRolledUp = after.startsWith(prefix) && rolledUp(after, prefix, delimiter) === after;
  if (isRolledUp) {
    const from = afterPrefix(after);
    return from === undefined ? undefined : { from, isExclusive: false };
  }
  const isPast = Buffer.compare(Buffer.from(after), Buffer.from(prefix)) >= 0;
  return isPast && after !== '' ? { from: after, isExclusive: true } : { from: prefix, isExclusive: false };
};

const rollUpOf = ({ prefix = '', delimiter = '' }: ListOptions): RollUp | undefined => {
  const pastDelimiter = delimiter === '' ? undefined : afterPrefix(delimiter);
  return pastDelimiter === undefined ? undefined : { prefix, delimiter, pastDelimiter };
};

/** Keys that are read to see how much is below the prefixes, and how many times as many then where each is hardly more than an entry. */
const FIRST_IN_A_ROW = 20;
const GROWTH = 8;
/** Entries for each key that was read, from which on the next keys are read in a row as well. */
const DENSE = 0.1;

/**
 * One page of a listing over an ordered index. Where there is much below its prefixes, a rolled-up prefix costs what its first key costs where the reader
 * can skip the others, and one read of the index where it cannot, however many keys are below it: the next read begins behind them.
 */
export const listPage = async (read: ReadKeys, options: ListOptions): Promise<Listing> => {
  const { prefix = '', delimiter = '', limit } = options;
  const to = afterPrefix(prefix);
  const rollUp = rollUpOf(options);
  const objects: ObjectInfo[] = [];
  const prefixes: string[] = [];
  let cursor = startOf(options);
  let last = options.after ?? '';
  // Reading keys in a row costs a tenth of skipping to each: they are skipped where some of them have shown that there is much below the prefixes.
  let inARow = rollUp ? FIRST_IN_A_ROW : Infinity;
  while (cursor !== undefined) {
    const found = objects.length + prefixes.length;
    const wanted = Math.min(limit - found + 1, inARow === 0 ? Infinity : inARow);
    const page = await read({ ...cursor, to, limit: wanted, rollUp: inARow === 0 ? rollUp : undefined });
    let next: Cursor | undefined;
    let common: string | undefined;
    for (const object of page) {
      if (common !== undefined && object.key.startsWith(common)) continue;
      if (objects.length + prefixes.length >= limit) return { objects, prefixes, next: last };
      common = rolledUp(object.key, prefix, delimiter);
      if (common === undefined) {
        objects.push(object);
        last = object.key;
        next = { from: last, isExclusive: true };
        continue;
      }
      prefixes.push(common);
      last = common;
      const beyond = afterPrefix(common);
      if (beyond === undefined) return { objects, prefixes };
      next = { from: beyond, isExclusive: false };
    }
    cursor = page.length >= wanted ? next : undefined;
    const isDense = objects.length + prefixes.length - found > page.length * DENSE;
    inARow = isDense ? inARow * GROWTH : 0;
  }
  return { objects, prefixes };
};
