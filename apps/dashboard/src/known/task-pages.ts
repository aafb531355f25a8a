import { PAGE_SIZE } from '../api/page-size.ts';
import type { ListedPage } from '../api/wire.ts';

/** A page of a list that is known: what it begins behind, and the tasks that it had when it was read last. */
interface KnownPage {
  readonly token: string;
  readonly ids: readonly string[];
  readonly isRead: boolean;
}

/**
 * The pages of a list as far as they are known, each behind the one before; the last may not be read yet. Only those in sight need be at hand: of the others
 * their ids are kept.
 */
export type PageChain = readonly KnownPage[];

export const NOT_READ: PageChain = [{ token: '', ids: [], isRead: false }];

type ReadPage = Pick<ListedPage, 'nextToken' | 'total'> & { readonly data: readonly { readonly uuid: string }[] };

/**
 * The chain with a page as it was read. Where the page ends elsewhere than before (a task came, or left), all that stood behind it is read anew from there when it
 * comes in sight: so no task is left out, and none is there twice.
 * @returns the same chain if it says nothing new
 */
const withPage = (chain: PageChain, index: number, { data, nextToken }: ReadPage): PageChain => {
  const known = chain[index];
  if (known === undefined) return chain;
  const next = chain[index + 1]?.token ?? null;
  const isSame =
    known.isRead && known.ids.length === data.length && data.every(({ uuid }, at) => uuid === known.ids[at]);
  if (isSame && next === nextToken) return chain;
  const page = { token: known.token, ids: data.map(({ uuid }) => uuid), isRead: true };
  if (next === nextToken) return chain.with(index, page);
  const before = [...chain.slice(0, index), page];
  return nextToken === null ? before : [...before, { token: nextToken, ids: [], isRead: false }];
};

/** The chain with pages that follow one another, as they are at hand; what is undefined is not read yet. */
export const withPages = (chain: PageChain, from: number, pages: readonly (ReadPage | undefined)[]): PageChain => {
  let known = chain;
  for (const [at, page] of pages.entries()) {
    if (page === undefined) continue;
    const next = withPage(known, from + at, page);
    const behind = from + at + 1;
    const isCut = next[behind]?.token !== known[behind]?.token;
    known = next;
    // What is at hand of the pages behind it began elsewhere.
    if (isCut) break;
  }
  return known;
};

/** How many rows of a chain are known: each page but the last is full. */
const knownIn = (chain: PageChain): number => (chain.length - 1) * PAGE_SIZE + (chain.at(-1)?.ids.length ?? 0);

/** Those of some pages that are known. */
export const pagesOf = (chain: PageChain, [first, last]: readonly [number, number]): readonly number[] => {
  const to = Math.min(last, chain.length - 1);
  const from = Math.min(first, to);
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
};

/** What is known of a list, and what of it is in sight. */
export interface SeenPages {
  readonly chain: PageChain;
  /** The first and the last page that are in sight, or nearly. */
  readonly sight: readonly [number, number];
  /** Of all that fit, as it was read last. */
  readonly total: number | undefined;
  /** Places that there were before a page ended elsewhere: they stay until those in sight behind it are read. */
  readonly held: number;
}

export const UNSEEN: SeenPages = { chain: NOT_READ, sight: [0, 0], total: undefined, held: 0 };

/** How many rows there are places for. */
export const placesIn = ({ chain, held, total = held }: SeenPages): number => {
  const known = knownIn(chain);
  return chain.at(-1)?.isRead === true ? known : Math.max(known, Math.min(held, total));
};

/**
 * The list with pages as they are at hand. Neither its count nor its places go where a page is read anew: what is looked at would jump.
 * @returns the same list if they say nothing new
 */
export const seenWith = (seen: SeenPages, from: number, pages: readonly (ReadPage | undefined)[]): SeenPages => {
  const chain = withPages(seen.chain, from, pages);
  const total = pages.findLast((page) => page !== undefined)?.total ?? seen.total;
  if (chain === seen.chain) return total === seen.total ? seen : { ...seen, total };
  const isReadOn = chain.length > seen.chain.length && chain.length - 1 > seen.sight[1];
  return { ...seen, chain, total, held: isReadOn ? 0 : placesIn(seen) };
};
