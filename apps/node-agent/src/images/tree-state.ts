import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { codeOf } from '../files/job-files.js';

const run = promisify(execFile);

const FLUSHED = 'flushed';

/** Says which start of the machine this is: another one after each loss of power. */
export const bootId = async (): Promise<string> => (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();

/** Brings what was written below a folder to the disk, with all else of its file system: one call for a hundred thousand files. @throws Error it may be lost with the machine's power */
export const flushTree = async (folder: string): Promise<void> => {
  await run('sync', ['-f', folder]);
};

/** Says beside an image that all of it is on the disk. */
export const markFlushed = async (folder: string): Promise<void> => {
  for (const [path, flags] of [
    [join(folder, FLUSHED), 'w'],
    [folder, 'r'],
  ] as const) {
    const file = await open(path, flags, 0o600);
    await file.sync().finally(() => file.close());
  }
};

/** Says whether an image survives that the machine goes down. */
export const isFlushed = async (folder: string): Promise<boolean> =>
  readFile(join(folder, FLUSHED)).then(
    () => true,
    () => false,
  );

const GONE: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR']);

/** Names what lies at the top of an image's root, as one digest; undefined where there is no root. @throws Error it cannot be looked at now, which says nothing of it */
export const topOf = async (root: string): Promise<string | undefined> => {
  const names = await readdir(root, { encoding: 'buffer', withFileTypes: true }).catch((error: unknown) => {
    if (!GONE.has(codeOf(error))) throw error;
  });
  if (!names) return undefined;
  const kinds = names.map((entry) => `${entry.name.toString('latin1')}\0${entry.isDirectory() ? 'folder' : 'other'}\0`);
  return createHash('sha256').update(kinds.sort().join('')).digest('hex');
};
