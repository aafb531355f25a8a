import { PAGE_SIZE } from '../api/page-size.ts';
import type { ListedPage } from '../api/wire.ts';

/** A page of a list that is known: what it begins behind, and the tasks that it had when it was read last. */
interface KnownPage {
  readonly token: string;
  readonly ids: readonly string[];
}

/**
 * The pages of a list as far as they are known, each behind the one before; the last may not be read yet. Only those in sight need be at hand: of the others
 * their ids are kept.
 */
export type PageChain = readonly KnownPage[];

export const NOT_READ: PageChain = [{ token: '', ids: [] }];

type ReadPage = Pick<ListedPage, 'nextToken'> & { readonly data: readonly { readonly uuid: string }[] };

/**
 * The chain with a page as it was read. Where the page ends elsewhere than before (a task came, or left), all that stood behind it is read anew from there when it
 * comes in sight: so no task is left out, and none is there twice.
 * @returns the same chain if it says nothing new
 */
const withPage = (chain: PageChain, index: number, { data, nextToken }: ReadPage): PageChain => {
  const known = chain[index];
  if (known === undefined) return chain;
  const next = chain[index + 1]?.token ?? null;
  const isSame = known.ids.length === data.length && data.every(({ uuid }, at) => uuid === known.ids[at]);
  if (isSame && next === nextToken) return chain;
  const page = { token: known.token, ids: data.map(({ uuid }) => uuid) };
  if (next === nextToken) return chain.with(index, page);
  const before = [...chain.slice(0, index), page];
  return nextToken === null ? before : [...before, { token: nextToken, ids: [] }];
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

/** How many rows there are places for: each page but the last is full. */
export const placesIn = (chain: PageChain): number => (chain.length - 1) * PAGE_SIZE + (chain.at(-1)?.ids.length ?? 0);

/** Those of some pages that are known. */
export const pagesOf = (chain: PageChain, [first, last]: readonly [number, number]): readonly number[] => {
  const to = Math.min(last, chain.length - 1);
  const from = Math.min(first, to);
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
};
