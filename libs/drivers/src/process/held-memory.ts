import { readdir, readFile, readlink, stat } from 'node:fs/promises';

import { liveTaskOf } from './proc.js';

const KB = 1024;
const PAGE_BYTES = 4096;
const BLOCK_BYTES = 512;
const BYTES_PER_MB = 1_048_576;

/** Proportional set sizes of /proc/<pid>/smaps_rollup in bytes: a page that n processes share counts 1/n for each. */
export const sharesOf = (rollup: string): { readonly all: number; readonly shared: number } => {
  const of = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(rollup)?.[1] ?? 0) * KB;
  return { all: of('Pss'), shared: of('Pss_Shmem') };
};

/** What a process may keep from the agent (prctl(2), PR_SET_DUMPABLE), and kernels before 4.14 do not have: then all that it has mapped is its own. */
const sharesIn = async (task: string): Promise<ReturnType<typeof sharesOf>> => {
  const rollup = await readFile(`${task}/smaps_rollup`, 'utf8').catch(() => '');
  if (rollup !== '') return sharesOf(rollup);
  const pages = Number((await readFile(`${task}/statm`, 'utf8').catch(() => '')).split(' ')[1] ?? 0);
  return { all: pages * PAGE_BYTES, shared: 0 };
};

/** Files that are nothing but memory, and in no folder: what is written to them is no process's until it is mapped. */
const memoryFilesOf = async (task: string, sizes: Map<string, number>): Promise<void> => {
  const folder = `${task}/fd`;
  for (const fd of await readdir(folder).catch(() => [])) {
    const path = `${folder}/${fd}`;
    const target = await readlink(path).catch(() => '');
    if (!target.startsWith('/memfd:')) continue;
    const facts = await stat(path).catch(() => undefined);
    if (facts) sizes.set(`${facts.dev}:${facts.ino}`, facts.blocks * BLOCK_BYTES);
  }
};

/**
 * Measures what processes hold together, each page once: dear, so asked where a sum of sizes is not enough. Segments of System V that nobody has attached
 * and what waits in sockets are not in it: only a control group counts them.
 * @returns MB
 */
export const heldMemoryMB = async (pids: readonly number[]): Promise<number> => {
  const files = new Map<string, number>();
  let [own, shared] = [0, 0];
  for (const pid of pids) {
    const task = await liveTaskOf(pid);
    // One that has ended holds nothing.
    if (task === undefined) continue;
    const shares = await sharesIn(task);
    own += shares.all - shares.shared;
    shared += shares.shared;
    await memoryFilesOf(task, files);
  }
  const inFiles = [...files.values()].reduce((sum, bytes) => sum + bytes, 0);
  // What is mapped of these files is in both.
  return (own + Math.max(shared, inFiles)) / BYTES_PER_MB;
};
