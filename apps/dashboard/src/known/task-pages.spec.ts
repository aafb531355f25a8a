import { describe, expect, it } from '@jest/globals';
import { PAGE_SIZE } from '../api/page-size.ts';
import {
  NOT_READ,
  pagesOf,
  placesIn,
  seenWith,
  UNSEEN,
  withPages,
  type PageChain,
  type SeenPages,
} from './task-pages.ts';

interface Page {
  readonly data: readonly { readonly uuid: string }[];
  readonly nextToken: string | null;
  readonly total: number;
}

/** A page as the platform makes it: a token is the last task that it is behind. */
const read = (tasks: readonly string[], token: string): Page => {
  const from = token === '' ? 0 : tasks.indexOf(token) + 1;
  const data = tasks.slice(from, from + PAGE_SIZE).map((uuid) => ({ uuid }));
  return { data, total: tasks.length, nextToken: from + PAGE_SIZE < tasks.length ? (data.at(-1)?.uuid ?? null) : null };
};
const idsOf = (chain: PageChain): readonly string[] => chain.flatMap(({ ids }) => ids);
const readOn = (start: PageChain, tasks: readonly string[], from = 0): PageChain => {
  let chain = start;
  for (let at = from; at < chain.length; at += 1) chain = withPages(chain, at, [read(tasks, chain[at]?.token ?? '')]);
  return chain;
};
const placesOf = (chain: PageChain): number => placesIn({ ...UNSEEN, chain });
const TASKS = Array.from({ length: 250 }, (_, at) => `t${at}`);

describe('the pages of a list', () => {
  it('are read one behind the other, and have a place for each row', () => {
    const first = withPages(NOT_READ, 0, [read(TASKS, '')]);
    expect([placesOf(NOT_READ), placesOf(first), first.length]).toEqual([0, 100, 2]);
    const chain = readOn(NOT_READ, TASKS);
    expect([idsOf(chain), placesOf(chain)]).toEqual([TASKS, 250]);
    expect(pagesOf(chain, [1, 7])).toEqual([1, 2]);
    expect(pagesOf(NOT_READ, [3, 4])).toEqual([0]);
  });

  it('stay as they are where nothing is new', () => {
    const chain = readOn(NOT_READ, TASKS);
    expect(withPages(chain, 1, [read(TASKS, 't99'), undefined])).toBe(chain);
  });

  it('lose no task and show none twice where tasks come or leave', () => {
    const chain = readOn(NOT_READ, TASKS);
    const news = ['n0', 'n1', ...TASKS].filter((id) => id !== 't150');
    // What was at hand of the second page began elsewhere: it does not count.
    const again = withPages(chain, 0, [read(news, ''), read(news, 't99')]);
    expect([again.length, placesOf(again)]).toEqual([2, 100]);
    expect(idsOf(readOn(again, news, 1))).toEqual(news);
  });

  it('end where a list has become shorter', () => {
    const chain = readOn(NOT_READ, TASKS);
    const less = TASKS.slice(0, 100);
    expect(idsOf(withPages(chain, 0, [read(less, '')]))).toEqual(less);
  });
});

/** Reads one page of what is seen, as it is now. */
const look = (seen: SeenPages, tasks: readonly string[], page: number): SeenPages =>
  seenWith(seen, page, [read(tasks, seen.chain[page]?.token ?? '')]);
const MANY = Array.from({ length: 1_000 }, (_, at) => `t${at}`);
const MORE = ['n0', ...MANY];
/** Six pages were read, and rows 90 to 110 are in sight. */
const SEEN: SeenPages = { ...[0, 1, 2, 3, 4, 5].reduce((seen, page) => look(seen, MANY, page), UNSEEN), sight: [0, 1] };

describe('a list that is looked at', () => {
  it('keeps its places where a page ends elsewhere, until the next one in sight is read', () => {
    const cut = look(SEEN, MORE, 0);
    expect([SEEN, cut].map(placesIn)).toEqual([600, 600]);
    expect(pagesOf(cut.chain, cut.sight)).toEqual([0, 1]);
    // Again something comes before the next page is read.
    const again = look(cut, ['n1', ...MORE], 0);
    expect(placesIn(again)).toBe(600);
    expect(placesIn(look(again, ['n1', ...MORE], 1))).toBe(200);
    const three = look({ ...cut, sight: [0, 2] }, MORE, 1);
    expect([three, look(three, MORE, 2)].map(placesIn)).toEqual([600, 300]);
  });

  it('has no places for more than there are, and those that there are at its end', () => {
    const less = look(SEEN, MANY.slice(1, 151), 0);
    expect(placesIn(less)).toBe(150);
    expect(placesIn(look(less, MANY.slice(1, 151), 1))).toBe(150);
    expect(placesIn(look(SEEN, [], 0))).toBe(0);
    // All that stood behind the page is gone when it is read.
    const gone = look(SEEN, MORE, 0);
    expect(placesIn(seenWith(gone, 1, [{ data: [], nextToken: null, total: 100 }]))).toBe(100);
  });

  it('keeps its count while none of its pages in sight is at hand', () => {
    expect([UNSEEN.total, SEEN.total, seenWith(SEEN, 2, [undefined]).total]).toEqual([undefined, 1_000, 1_000]);
    expect(seenWith(SEEN, 2, [undefined])).toBe(SEEN);
    expect(look(SEEN, MORE, 0).total).toBe(1_001);
  });
});
