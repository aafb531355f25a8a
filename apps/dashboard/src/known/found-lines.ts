import { useEffect, useRef, useState } from 'react';
import { LineSearch } from './line-search.ts';
import type { OutputLines } from './output-lines.ts';

/** Rows that are shown: all that are kept, or those that hold what is looked for. */
export interface FoundLines {
  readonly count: number;
  /** The row that stands in this place. */
  readonly rowAt: (place: number) => number;
  readonly isSearching: boolean;
}

/** Of a frame at 60 a second there is as much left for all else. */
const SLICE_MS = 8;
const SHOW_MS = 100;

interface Progress {
  readonly search: LineSearch;
  readonly count: number;
  readonly isDone: boolean;
}

/** @param text looked for in the rows, in capitals or not; undefined: all rows */
export const useFoundLines = ({ buffer, first, end }: OutputLines, text: string | undefined): FoundLines => {
  const kept = useRef<LineSearch>(undefined);
  const [progress, setProgress] = useState<Progress>();

  useEffect(() => {
    if (text === undefined) {
      kept.current = undefined;
      return;
    }
    const known = kept.current;
    const search = known?.buffer === buffer && known.text === text ? known : new LineSearch(buffer, text);
    kept.current = search;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let shownAt = -Infinity;
    const slice = (): void => {
      const isDone = search.go(SLICE_MS);
      const now = performance.now();
      if (isDone || (search.found.length > 0 && now - shownAt >= SHOW_MS)) {
        shownAt = now;
        setProgress({ search, count: search.found.length, isDone });
      }
      if (!isDone) timer = setTimeout(slice);
    };
    slice();
    return () => clearTimeout(timer);
  }, [buffer, end, text]);

  if (text === undefined) return { count: end - first, rowAt: (place) => first + place, isSearching: false };
  const isOfIt = progress?.search.buffer === buffer && progress.search.text === text;
  if (!isOfIt) return { count: 0, rowAt: () => first, isSearching: true };
  const { search, count, isDone } = progress;
  return { count, rowAt: (place) => search.found[place] ?? first, isSearching: !isDone };
};
