import { useState } from 'react';
import { useMe } from './me.tsx';

/** The bucket that files of a task went into that was not submitted yet. */
export interface KeptBucket {
  readonly name: string | undefined;
  readonly keep: (name: string) => void;
  readonly forget: () => void;
}

const read = (key: string): string | undefined => {
  try {
    return globalThis.sessionStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
};

const write = (key: string, name: string | undefined): void => {
  try {
    if (name === undefined) globalThis.sessionStorage.removeItem(key);
    else globalThis.sessionStorage.setItem(key, name);
  } catch {
    // A browser that keeps nothing knows it until the page is left.
  }
};

/** Knows where the files of a task went, also after the page was loaded again: large ones that were broken go on there. */
export const useKeptBucket = (): KeptBucket => {
  const key = `fornax-files-of-a-task-${useMe().uuid}`;
  const [name, setName] = useState(() => read(key));
  const change = (to: string | undefined): void => {
    setName(to);
    write(key, to);
  };
  return { name, keep: change, forget: () => change(undefined) };
};
