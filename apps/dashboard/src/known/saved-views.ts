import { useState } from 'react';
import { searchOfTasks, type Raw, type TasksSearch } from '../address/search.ts';
import { useMe } from './me.tsx';

/** A list of tasks that somebody has given a name. */
export interface SavedView {
  readonly name: string;
  readonly search: TasksSearch;
}

const MOST_VIEWS = 50;

const isRecord = (value: unknown): value is Raw => typeof value === 'object' && value !== null;

/** What is kept may have been written by anybody who used this browser: it is read as an address is. */
const readViews = (key: string): readonly SavedView[] => {
  try {
    const kept: unknown = JSON.parse(globalThis.localStorage.getItem(key) ?? '[]');
    if (!Array.isArray(kept)) return [];
    return kept.slice(0, MOST_VIEWS).flatMap((one: unknown): readonly SavedView[] => {
      if (!isRecord(one)) return [];
      const { name, search } = one;
      return typeof name === 'string' && isRecord(search) ? [{ name, search: searchOfTasks(search) }] : [];
    });
  } catch {
    return [];
  }
};

interface SavedViews {
  readonly views: readonly SavedView[];
  /** Keeps a view under a name, in place of another one of that name. */
  readonly save: (view: SavedView) => void;
  readonly forget: (name: string) => void;
}

/** The views of who is signed in, kept by this browser. */
export const useSavedViews = (): SavedViews => {
  const { uuid } = useMe();
  const key = `fornax-views-${uuid}`;
  const [views, setViews] = useState(() => readViews(key));
  const keep = (changed: readonly SavedView[]): void => {
    setViews(changed);
    try {
      globalThis.localStorage.setItem(key, JSON.stringify(changed));
    } catch {
      // A browser that keeps nothing shows them until the page is left.
    }
  };
  return {
    views,
    save: (view) => keep([view, ...views.filter(({ name }) => name !== view.name)].slice(0, MOST_VIEWS)),
    forget: (name) => keep(views.filter((view) => view.name !== name)),
  };
};
