import { describe, expect, it } from '@jest/globals';
import { PAGE_SIZE } from '../api/page-size.ts';
import { NOT_READ, pagesOf, placesIn, withPages, type PageChain } from './task-pages.ts';

interface Page {
  readonly data: readonly { readonly uuid: string }[];
  readonly nextToken: string | null;
}

/** A page as the platform makes it: a token is the last task that it is behind. */
const read = (tasks: readonly string[], token: string): Page => {
  const from = token === '' ? 0 : tasks.indexOf(token) + 1;
  const data = tasks.slice(from, from + PAGE_SIZE).map((uuid) => ({ uuid }));
  return { data, nextToken: from + PAGE_SIZE < tasks.length ? (data.at(-1)?.uuid ?? null) : null };
};
const idsOf = (chain: PageChain): readonly string[] => chain.flatMap(({ ids }) => ids);
const readOn = (start: PageChain, tasks: readonly string[], from = 0): PageChain => {
  let chain = start;
  for (let at = from; at < chain.length; at += 1) chain = withPages(chain, at, [read(tasks, chain[at]?.token ?? '')]);
  return chain;
};
const TASKS = Array.from({ length: 250 }, (_, at) => `t${at}`);

describe('the pages of a list', () => {
  it('are read one behind the other, and have a place for each row', () => {
    const first = withPages(NOT_READ, 0, [read(TASKS, '')]);
    expect([placesIn(NOT_READ), placesIn(first), first.length]).toEqual([0, 100, 2]);
    const chain = readOn(NOT_READ, TASKS);
    expect([idsOf(chain), placesIn(chain)]).toEqual([TASKS, 250]);
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
    expect([again.length, placesIn(again)]).toEqual([2, 100]);
    expect(idsOf(readOn(again, news, 1))).toEqual(news);
  });

  it('end where a list has become shorter', () => {
    const chain = readOn(NOT_READ, TASKS);
    const less = TASKS.slice(0, 100);
    expect(idsOf(withPages(chain, 0, [read(less, '')]))).toEqual(less);
  });
});
