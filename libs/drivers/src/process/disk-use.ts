import { execFile } from 'node:child_process';
import { type Dirent, lstatSync, opendirSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** `stat` counts in these, whatever the file system does. */
const BLOCK_BYTES = 512;
/** More than the walk through a million files takes on a loaded machine. */
const WALK_MS = 60_000;

/** What `du` says when it may not look everywhere stands in its output all the same. */
const outputOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'stdout' in error ? String(error.stdout) : '';

/** Bytes that the files of a folder take, without those of other file systems in it. */
const namedBytes = async (folder: string): Promise<number> => {
  const text = await run('du', ['-skx', '--', folder], {
    timeout: WALK_MS,
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
  }).then(({ stdout }) => stdout, outputOf);
  return Number(/^\d+/.exec(text)?.[0] ?? 0) * 1024;
};

/** Files and folders in a folder, without those of other file systems in it. Never rejects; 0 where this machine's `du` does not count them. */
export const filesIn = async (folder: string): Promise<number> => {
  const text = await run('du', ['-sx', '--inodes', '--', folder], {
    timeout: WALK_MS,
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
  }).then(({ stdout }) => stdout, outputOf);
  return Number(/^\d+/.exec(text)?.[0] ?? 0);
};

/** Most instances leave fewer: to start `du` costs more than to look at these. */
const FEW = 64;

/**
 * Bytes and number of all that lies in folders, without what lies on other file systems there, and without the folders themselves. Nobody may change them
 * meanwhile. Never rejects.
 */
export const filesUse = async (
  folders: readonly string[],
): Promise<{ readonly bytes: number; readonly files: number }> => {
  const few = fewUse(folders);
  if (few) return few;
  const all = await Promise.all(folders.map((folder) => Promise.all([namedBytes(folder), filesIn(folder)])));
  return all.reduce(
    (sum, [bytes, files]) => ({ bytes: sum.bytes + bytes, files: sum.files + Math.max(0, files - 1) }),
    {
      bytes: 0,
      files: 0,
    },
  );
};

/**
 * Synchronous and bounded: a call takes some microseconds, and ten times that through the thread pool.
 * @returns undefined: there are more than a few, or on several file systems, or they cannot be looked at
 */
const fewUse = (folders: readonly string[]): { readonly bytes: number; readonly files: number } | undefined => {
  const left = [...folders];
  const devices = new Set<number>();
  const seen = new Map<number, number>();
  let names = 0;
  try {
    for (let folder = left.pop(); folder !== undefined; folder = left.pop()) {
      for (const entry of entriesOf(folder)) {
        // A name that is no text would be another one here: `du` looks at those.
        if ((names += 1) > FEW || entry.name.includes('\uFFFD')) return undefined;
        const { ino, blocks, dev } = lstatSync(join(folder, entry.name));
        if (devices.add(dev).size > 1) return undefined;
        seen.set(ino, blocks * BLOCK_BYTES);
        if (entry.isDirectory()) left.push(join(folder, entry.name));
      }
    }
  } catch {
    return undefined;
  }
  return { bytes: [...seen.values()].reduce((sum, bytes) => sum + bytes, 0), files: seen.size };
};

function* entriesOf(folder: string): Generator<Dirent> {
  const open = opendirSync(folder);
  try {
    for (let entry = open.readSync(); entry; entry = open.readSync()) yield entry;
  } finally {
    open.closeSync();
  }
}

/** Bytes of files without a name that these processes hold open: deleting what one writes to hides it from a walk, and frees nothing. */
const unnamedBytes = async (pids: readonly number[], devices: ReadonlySet<number>): Promise<number> => {
  const found = new Map<number, number>();
  for (const pid of pids) {
    for (const name of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const facts = await stat(`/proc/${pid}/fd/${name}`).catch(() => undefined);
      if (facts?.isFile() === true && facts.nlink === 0 && devices.has(facts.dev))
        found.set(facts.ino, facts.blocks * BLOCK_BYTES);
    }
  }
  return [...found.values()].reduce((sum, bytes) => sum + bytes, 0);
};

/**
 * Bytes that the files of a folder take on its disk, and those that processes have written there and deleted. Never rejects.
 * @param view another folder by which they write there
 */
export const diskUse = async (folder: string, pids: readonly number[], view?: string): Promise<number> => {
  const facts = await stat(folder).catch(() => undefined);
  if (!facts) return 0;
  const seen = view === undefined ? undefined : await stat(view).catch(() => undefined);
  const devices = new Set([facts.dev, ...(seen ? [seen.dev] : [])]);
  const [named, unnamed] = await Promise.all([namedBytes(folder), unnamedBytes(pids, devices)]);
  return named + unnamed;
};
