import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { findProgram } from './find-program.js';
import { findByUser } from './proc.js';

/** Threads that a user has now: the kernel counts those, and above some namespaces those of the whole machine. */
const threadsOf = async (uid: number): Promise<number> => {
  const statuses = (await findByUser(uid)).map((pid) => readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''));
  return (await Promise.all(statuses)).reduce(
    (sum, text) => sum + Number(/^Threads:\t(\d+)$/m.exec(text)?.[1] ?? 0),
    0,
  );
};

/**
 * Bounds the processes of all instances of an ordinary user together, where no control group bounds those of each: a limit of resources (RLIMIT_NPROC,
 * setrlimit(2)), which none of them can raise again.
 * @param each as many as one instance may have
 * @returns what stands before the command line that is bounded; undefined: util-linux is not here
 */
export const boundingProcesses = async (each: number): Promise<readonly string[] | undefined> => {
  const prlimit = await findProgram('prlimit');
  if (prlimit === undefined) return undefined;
  const most = each * availableParallelism() + (await threadsOf(process.getuid?.() ?? 0));
  return [prlimit, `--nproc=${most}:${most}`];
};
