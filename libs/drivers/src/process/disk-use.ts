import { execFile } from 'node:child_process';
import { type Dirent, lstatSync, opendirSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from './find-program.js';
import { keepsOutOfSight, laidOver, unnamedBytes, writtenBytes } from './unnamed-files.js';

const run = promisify(execFile);
/** `stat` counts in these, whatever the file system does. */
const BLOCK_BYTES = 512;
/** More than the walk through a million files takes on a loaded machine. */
const WALK_MS = 60_000;

interface Answer {
  readonly count: number;
  /** It may not look everywhere: what it says is of the rest. */
  readonly isPartial: boolean;
}

/** `du` ends with an error for whatever it could not look at, what has gone meanwhile too; what it says of the rest stands in its output all the same. */
const ask = async (program: string, args: readonly string[]): Promise<Answer> => {
  const told = await run(program, [...args], {
    timeout: WALK_MS,
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
  }).catch((error: unknown) => error);
  const { stdout = '', stderr = '' } = told as { readonly stdout?: string; readonly stderr?: string };
  return { count: Number(/^\d+/.exec(stdout)?.[0] ?? 0), isPartial: stderr.includes('Permission denied') };
};

/**
 * Asks `du` of a folder. An instance may have left its folders without the right to be listed, which binds an agent that is the same ordinary user: as the
 * root of a user namespace, which owns what its user owns, it looks everywhere.
 */
const du = async (options: readonly string[], folder: string): Promise<number> => {
  const args = [...options, '--', folder];
  const plain = await ask('du', args);
  const unshare = plain.isPartial ? await findProgram('unshare') : undefined;
  if (unshare === undefined) return plain.count;
  return Math.max(plain.count, (await ask(unshare, ['--user', '--map-root-user', '--', 'du', ...args])).count);
};

/** Bytes that the files of a folder take, without those of other file systems in it. */
const namedBytes = async (folder: string): Promise<number> => (await du(['-skx'], folder)) * 1024;

/** Files and folders in a folder, without those of other file systems in it. Never rejects; 0 where this machine's `du` does not count them. */
export const filesIn = (folder: string): Promise<number> => du(['-sx', '--inodes'], folder);

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

/**
 * Measures what the files of a folder take on its disk, and those without a name that processes keep there. Never rejects.
 * @param view another folder by which they write there  @param changesRoot whether they write there by what was laid over the files that they see  @returns bytes
 */
export const diskUse = async (
  folder: string,
  pids: readonly number[],
  view?: string,
  changesRoot = false,
): Promise<number> => {
  const facts = await stat(folder).catch(() => undefined);
  if (!facts) return 0;
  const viewed = view === undefined ? undefined : await stat(view).catch(() => undefined);
  const devices = new Set([facts.dev, ...(viewed ? [viewed.dev] : []), ...(changesRoot ? await laidOver(pids) : [])]);
  const [named, unnamed] = await Promise.all([namedBytes(folder), unnamedBytes(pids, devices)]);
  const seen = named + unnamed;
  // What nobody can look at is no more than what was written and is not seen.
  return (await keepsOutOfSight(pids, devices)) ? Math.max(seen, await writtenBytes(pids)) : seen;
};
