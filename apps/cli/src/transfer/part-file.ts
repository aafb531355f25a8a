import { createHash } from 'node:crypto';
import { readdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

const SUFFIX = '.fornax-part';
const PART = /\.fornax-part(-\d+)?$/;
/** With the suffix and a process id it is still a name. */
const LONGEST_BYTES = 230;
/** What is worth a look into the folder for what a killed process left. */
const LARGE_BYTES = 8 * 1_048_576;

/** Whether a file is a part of a download that was broken off, or is under way. */
export const isPart = (path: string): boolean => PART.test(path);

/** Where what has come of a file waits for the rest after a break. */
export const partOf = (file: string): string => {
  const name = basename(file);
  const isLong = Buffer.byteLength(name) > LONGEST_BYTES;
  return join(dirname(file), (isLong ? createHash('sha256').update(name).digest('hex') : name) + SUFFIX);
};

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
};

/** Parts that processes left which are no more. */
const leftBehind = async (part: string): Promise<readonly string[]> => {
  const begin = `${basename(part)}-`;
  const names = await readdir(dirname(part)).catch((): string[] => []);
  return names
    .filter((name) => name.startsWith(begin) && !isAlive(Number(name.slice(begin.length))))
    .map((name) => join(dirname(part), name));
};

/**
 * Takes over what has come of a file, under a name that is this process's own: several that bring the same file at the same time would write into one
 * another's. Where there is nothing, or another process has it, it begins anew.
 * @returns the path to write to; there may be a file by now
 */
export const takePart = async (part: string, sizeBytes: number): Promise<string> => {
  const own = `${part}-${process.pid}`;
  const take = (from: string): Promise<boolean> =>
    rename(from, own).then(
      () => true,
      () => false,
    );
  if ((await take(part)) || sizeBytes < LARGE_BYTES) return own;
  for (const left of await leftBehind(part)) if (await take(left)) break;
  return own;
};

/** Leaves what has come for whoever brings the file next. */
export const leavePart = (own: string, part: string): Promise<void> => rename(own, part).catch(() => undefined);
