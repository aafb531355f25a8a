import { readFile, readdir } from 'node:fs/promises';

export interface Held {
  readonly pid: number;
  readonly residentMiB: number;
  readonly descriptors: number;
}

const MIB_KB = 1_024;

const childrenOf = async (pid: number): Promise<readonly number[]> => {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter(Boolean).map(Number);
};

/** A line of /proc/<pid>/status in kB; 0 for a process that is gone. */
const statusKB = async (pid: number, name: string): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0);
};

const descriptorsOf = async (pid: number): Promise<number> => (await readdir(`/proc/${pid}/fd`).catch(() => [])).length;

/**
 * What a part holds. PostgreSQL is a process for each connection on shared pages that fill up once: there the memory of its own of all of them
 * is counted. Each of them keeps files of tables open as a cache, up to `max_files_per_process`, for as long as its connection lives, so their number
 * tells of what was asked last; what must not grow is the number of connections: one for each process, beside the descriptors of the first one.
 */
export const look = async (part: string, pid: number): Promise<Held> => {
  if (part !== 'postgres')
    return { pid, residentMiB: (await statusKB(pid, 'VmRSS')) / MIB_KB, descriptors: await descriptorsOf(pid) };
  const pids = [pid, ...(await childrenOf(pid))];
  const memory = await Promise.all(pids.map((each) => statusKB(each, 'RssAnon')));
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return { pid, residentMiB: sum(memory) / MIB_KB, descriptors: (await descriptorsOf(pid)) + pids.length - 1 };
};
