import { afterPrefix, rolledUp } from './keys.js';
import type { Listing, ListOptions, ObjectInfo } from './object-store.js';

/** At most `limit` objects with `from` <= key (or < when `isExclusive`) and key < `to`, in binary order of their keys. */
export type ReadKeys = (span: {
  readonly from: string;
  readonly isExclusive: boolean;
  readonly to: string | undefined;
  readonly limit: number;
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

/**
 * One page of a listing over an ordered index. A rolled-up prefix costs one read of the index, however many keys are below it: the next
 * read begins behind them.
 */
export const listPage = async (read: ReadKeys, options: ListOptions): Promise<Listing> => {
  const { prefix = '', delimiter = '', limit } = options;
  const to = afterPrefix(prefix);
  const objects: ObjectInfo[] = [];
  const prefixes: string[] = [];
  let cursor = startOf(options);
  let last = options.after ?? '';
  while (cursor !== undefined) {
    const wanted = limit - objects.length - prefixes.length + 1;
    const page = await read({ ...cursor, to, limit: wanted });
    let next: Cursor | undefined;
    for (const object of page) {
      if (objects.length + prefixes.length >= limit) return { objects, prefixes, next: last };
      const common = rolledUp(object.key, prefix, delimiter);
      if (common === undefined) {
        objects.push(object);
        last = object.key;
        next = { from: object.key, isExclusive: true };
        continue;
      }
      prefixes.push(common);
      last = common;
      const beyond = afterPrefix(common);
      if (beyond === undefined) return { objects, prefixes };
      next = { from: beyond, isExclusive: false };
      break; // what else the page holds may be below the same prefix
    }
    const isBroken = next !== undefined && !next.isExclusive;
    cursor = isBroken || page.length >= wanted ? next : undefined;
  }
  return { objects, prefixes };
};
