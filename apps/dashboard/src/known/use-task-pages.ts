import { useQueries, useQueryClient, type UseQueryResult } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { PAGE_SIZE } from '../api/page-size.ts';
import { readTaskPage } from '../api/tasks.ts';
import type { TasksSearch } from '../address/search.ts';
import type { ListedPage, ListedTask } from '../api/wire.ts';
import { pagesOf, placesIn, seenWith, UNSEEN, type SeenPages } from './task-pages.ts';

/** So many rows before the end of what is known the next page is read. */
const AHEAD = 30;
/** Pages that are out of sight stay at hand for so long. */
const KEPT_MS = 30_000;

/** A list of tasks of which the pages in sight are at hand. */
export interface TaskPages {
  /** Rows that there are places for. */
  readonly count: number;
  /** Of all that fit, read or not; undefined until the first page is there. */
  readonly total: number | undefined;
  /** The task of a row; undefined while it is read. */
  readonly at: (row: number) => ListedTask | undefined;
  /** Ids of all whose page was read. */
  readonly ids: readonly string[];
  readonly error: Error | null;
  readonly isReading: boolean;
  /** Reads anew what is in sight. */
  readonly again: () => void;
  /** Tells which rows are in sight. */
  readonly onSight: (first: number, last: number) => void;
}

interface Seen extends SeenPages {
  /** The list that this is of. */
  readonly of: string;
}
const begun = (of: string): Seen => ({ of, ...UNSEEN });

const combined = (results: UseQueryResult<ListedPage>[]) => ({
  pages: results.map(({ data }) => data),
  error: results.find(({ error }) => error !== null)?.error ?? null,
  isReading: results.some(({ isFetching }) => isFetching),
});

/**
 * Reads pages of a list as they come in sight, and keeps them while they are.
 * @param key of what is read in the cache of queries
 * @param everyMs how often it is read anew; false: when it is told to
 */
export const useTaskPages = (key: string, search: TasksSearch, everyMs: number | false): TaskPages => {
  const queries = useQueryClient();
  const of = JSON.stringify([key, search]);
  const [state, setState] = useState<Seen>(() => begun(of));
  // Another list begins at its first page.
  const seen = state.of === of ? state : begun(of);
  const { chain, sight } = seen;
  const shown = pagesOf(chain, sight);
  const { pages, error, isReading } = useQueries({
    queries: shown.map((index) => {
      const token = chain[index]?.token ?? '';
      return {
        queryKey: [key, search, token],
        queryFn: () => readTaskPage(search, token),
        refetchInterval: everyMs,
        gcTime: KEPT_MS,
      };
    }),
    combine: combined,
  });
  const from = shown[0] ?? 0;

  useEffect(() => {
    setState((before) => {
      const known = before.of === of ? before : begun(of);
      const next = seenWith(known, from, pages);
      return next === known ? known : { of, ...next };
    });
  }, [pages, from, of]);

  const onSight = useCallback(
    (first: number, last: number) =>
      setState((before) => {
        const known = before.of === of ? before : begun(of);
        const next = [Math.floor(first / PAGE_SIZE), Math.floor((last + AHEAD) / PAGE_SIZE)] as const;
        return next.every((page, at) => page === known.sight[at]) ? before : { ...known, sight: next };
      }),
    [of],
  );

  const ids = useMemo(() => chain.flatMap((page) => page.ids), [chain]);
  return {
    count: placesIn(seen),
    total: pages.findLast((page) => page !== undefined)?.total ?? seen.total,
    at: (row) => pages[Math.floor(row / PAGE_SIZE) - from]?.data[row % PAGE_SIZE],
    ids,
    error,
    isReading,
    again: () => void queries.refetchQueries({ queryKey: [key, search], type: 'active' }),
    onSight,
  };
};
