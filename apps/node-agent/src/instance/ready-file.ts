import { type FSWatcher, watch } from 'node:fs';
import { lstat, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the kernel has no room to watch one more folder, it is looked at so often. */
const LOOK_MS = 1_000;

const kindOf = async (path: string): Promise<'file' | 'other' | 'none'> => {
  const facts = await lstat(path).catch(() => undefined);
  if (!facts) return 'none';
  return facts.isFile() ? 'file' : 'other';
};

/** Takes the file of the snapshot before away: a program that finds it gone writes its state. What is no file stays, and is never ready. */
export const removeReadyFile = async (folder: string, name: string): Promise<void> => {
  await unlink(join(folder, name)).catch(() => undefined);
};

/** Tells of changes of one name in a folder; undefined where the kernel has no room for one more, which it tells at once. */
const watched = (folder: string, name: string, onChange: () => void): FSWatcher | undefined => {
  try {
    const watcher = watch(folder, { persistent: false }, (_, changed) => {
      if (changed === name) onChange();
    });
    return watcher.on('error', () => undefined);
  } catch {
    return undefined;
  }
};

/**
 * Waits until a program has made the file. A link, a pipe or a folder of its name is none; nobody opens it.
 * @param over settles when the program is, which makes no file any more
 * @returns undefined once it is there; else why not
 */
export const readyFileProblem = async (
  folder: string,
  name: string,
  { withinMs, over }: { readonly withinMs: number; readonly over: Promise<unknown> },
): Promise<string | undefined> => {
  const path = join(folder, name);
  const found = Promise.withResolvers<'file' | 'late' | 'over'>();
  let isLooking = false;
  let isWanted = false;
  /** One at a time, however often the name changes. */
  const look = async (): Promise<void> => {
    isWanted = true;
    if (isLooking) return;
    isLooking = true;
    while (isWanted) {
      isWanted = false;
      if ((await kindOf(path)) === 'file') found.resolve('file');
    }
    isLooking = false;
  };
  const watcher = watched(folder, name, () => void look());
  const again = setInterval(() => void look(), LOOK_MS);
  const late = setTimeout(() => found.resolve('late'), withinMs);
  void over.then(() => found.resolve('over'));
  try {
    // What came before it was watched is seen now.
    await look();
    const how = await found.promise;
    const kind = await kindOf(path);
    if (kind === 'file') return undefined;
    if (how === 'over') return 'the command ended';
    return kind === 'other'
      ? `${name} is no file, but a link, a folder or something else`
      : `it did not make the file ${name} within ${withinMs / 1_000} s`;
  } finally {
    watcher?.close();
    clearInterval(again);
    clearTimeout(late);
  }
};
