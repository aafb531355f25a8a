import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const FLUSHED = 'flushed';

/** Says which start of the machine this is: another one after each loss of power. */
export const bootId = async (): Promise<string> => (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();

/**
 * Brings an unpacked image to the disk, and then says so beside it. Nobody waits for that: until the machine goes down, its files are what was written.
 * @param folder of the image; all of its file system is flushed, which takes one call for a hundred thousand files
 * @throws Error it may be lost with the machine's power
 */
export const flushTree = async (folder: string): Promise<void> => {
  await run('sync', ['-f', folder]);
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

/** Names what lies at the top of an image's root, as one digest; undefined where that cannot be looked at. */
export const topOf = async (root: string): Promise<string | undefined> => {
  const names = await readdir(root, { encoding: 'buffer', withFileTypes: true }).catch(() => undefined);
  if (!names) return undefined;
  const kinds = names.map((entry) => `${entry.name.toString('latin1')}\0${entry.isDirectory() ? 'folder' : 'other'}\0`);
  return createHash('sha256').update(kinds.sort().join('')).digest('hex');
};
