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
 * is counted, and the descriptors of all.
 */
export const look = async (part: string, pid: number): Promise<Held> => {
  if (part !== 'postgres')
    return { pid, residentMiB: (await statusKB(pid, 'VmRSS')) / MIB_KB, descriptors: await descriptorsOf(pid) };
  const pids = [pid, ...(await childrenOf(pid))];
  const memory = await Promise.all(pids.map((each) => statusKB(each, 'RssAnon')));
  const open = await Promise.all(pids.map(descriptorsOf));
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return { pid, residentMiB: sum(memory) / MIB_KB, descriptors: sum(open) };
};
