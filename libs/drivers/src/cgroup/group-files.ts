import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { errorCode } from '../process/error-code.js';
import { initProgram } from '../process/init-program.js';

const run = promisify(execFile);

/** What both versions of control groups do with their files. */

export const CPU_PERIOD_US = 100_000;
// Files of control groups are the kernel's memory: a call takes some microseconds, and ten times that through the thread pool. An instance needs thirty.
export const readNumber = (path: string): number | undefined => {
  try {
    const value = Number(readFileSync(path, 'utf8').trim());
    return Number.isFinite(value) ? value : undefined;
  } catch {
    return undefined;
  }
};
/** Value of `key` in a flat keyed file such as memory.events. */
export const readKeyed = (path: string, key: string): number | undefined => {
  try {
    const line = readFileSync(path, 'utf8')
      .split('\n')
      .find((text) => text.startsWith(`${key} `));
    return line === undefined ? undefined : Number(line.slice(key.length + 1));
  } catch {
    return undefined;
  }
};
export const megabytes = (bytes: number | undefined): number | undefined =>
  bytes === undefined ? undefined : bytes / 1_048_576;
export const optional = <K extends string>(key: K, value: number | undefined): { [P in K]?: number } =>
  value === undefined ? {} : ({ [key]: value } satisfies Record<string, number> as { [P in K]?: number });

export const processesOf = (folder: string): readonly number[] => {
  try {
    return readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
  } catch {
    return []; // the group is gone
  }
};

/**
 * Kills all that is in groups which the kernel cannot kill in one step, until nothing is (`native/src/empty.c`): from here a process could be killed by its
 * number only, which may be another's by then. What cannot be ended now is left to the next start, as a group that cannot be removed is.
 */
export const killAll = async (folders: readonly string[]): Promise<void> => {
  const files = folders
    .filter((folder) => processesOf(folder).length > 0)
    .map((folder) => join(folder, 'cgroup.procs'));
  if (files.length === 0) return;
  try {
    await run(await initProgram(), ['--empty', ...files], { cwd: '/', env: {} });
  } catch {
    // left to the next start
  }
};

/** Sets a limit. @throws Error the kernel does not take it */
export const writeLimit = (folder: string, file: string, value: string): void =>
  writeFileSync(join(folder, file), value);

/** Sets what only some kernels count. */
export const tryLimit = (folder: string, file: string, value: string): void => {
  try {
    writeLimit(folder, file, value);
  } catch {
    // no accounting of swap
  }
};

/** Memory without the part of the page cache that nobody uses. */
export const workingSet = (bytes: number | undefined, inactive: number | undefined): number | undefined =>
  bytes === undefined ? undefined : Math.max(0, bytes - (inactive ?? 0));

/** Makes a group. Not in this thread, nor is it removed there: unlike their files, groups have the kernel wait for half a millisecond each. */
export const makeGroup = async (folder: string): Promise<void> => {
  await mkdir(folder).catch((error: unknown) => {
    if (errorCode(error) !== 'EEXIST') throw error;
  });
};

/** Removing fails with EBUSY while the last process is being reaped: a few tries, then it is left to the next start. */
export const removeGroup = async (folder: string): Promise<void> => {
  for (let waitMs = 1; waitMs < 1_000; waitMs *= 2) {
    try {
      return await rmdir(folder);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
};

/** Kills and removes the groups that an earlier agent with the same folder left. */
export const sweep = async (parent: string): Promise<void> => {
  for (const entry of await readdir(parent, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    await killAll([join(parent, entry.name)]);
    await removeGroup(join(parent, entry.name));
  }
};
