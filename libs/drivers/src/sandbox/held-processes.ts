import { readdir, readFile } from 'node:fs/promises';

/** States of a thread (proc(5)) that runs none of its program: stopped, traced, or over. */
const STILL: readonly string[] = ['T', 't', 'Z', 'X'];
const PAUSE_MS = 5;

const isThreadStill = async (path: string): Promise<boolean> => {
  const stat = await readFile(path, 'utf8').catch(() => undefined);
  return stat === undefined || STILL.includes(stat[stat.lastIndexOf(')') + 2] ?? '');
};

const isStill = async (pid: number): Promise<boolean> => {
  const threads = await readdir(`/proc/${pid}/task`).catch((): string[] => []);
  const still = await Promise.all(threads.map((thread) => isThreadStill(`/proc/${pid}/task/${thread}/stat`)));
  return !still.includes(false);
};

/** The first process of a namespace, which holds the others, is the first in it (`NSpid`, proc(5)). */
const isFirst = async (pid: number): Promise<boolean> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return /^NSpid:.*\t1$/m.test(status);
};

/**
 * Waits until each thread of each process stands still: one that is in a call of the kernel, a write say, stops only at its end.
 * @param processes all of an instance; those that hold the others are left out: `guard`, and the first of a namespace
 * @returns false when one did not in time
 */
export const standStill = async (
  processes: () => Promise<readonly number[]>,
  guard: number,
  withinMs: number,
): Promise<boolean> => {
  const until = performance.now() + withinMs;
  for (;;) {
    const still = await Promise.all(
      (await processes()).map(async (pid) => pid === guard || (await isStill(pid)) || isFirst(pid)),
    );
    if (!still.includes(false)) return true;
    if (performance.now() >= until) return false;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
};
