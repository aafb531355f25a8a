import { readFile, readdir } from 'node:fs/promises';

/** Clock ticks of /proc are hundredths of a second on Linux. */
const TICK_MS = 10;

/** A process and all that descend from it, itself first; empty when it is gone. */
export const treeOf = async (pid: number): Promise<readonly number[]> => {
  const tree = [pid];
  for (const at of tree) {
    const threads = await readdir(`/proc/${at}/task`).catch(() => []);
    for (const thread of threads) {
      const children = await readFile(`/proc/${at}/task/${thread}/children`, 'utf8').catch(() => '');
      tree.push(...children.split(' ').filter(Boolean).map(Number));
    }
  }
  return tree;
};

/** A signal to a process that may be gone. @returns whether it was there */
export const signal = (pid: number, name: NodeJS.Signals): boolean => {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
};

/** Whether a process is there. */
export const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Whether a process is there and stands still by SIGSTOP. */
export const isStopped = async (pid: number): Promise<boolean> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) === 'T';
};

/** Open descriptors; undefined when the process is gone. */
export const descriptorsOf = async (pid: number): Promise<number | undefined> => {
  try {
    return (await readdir(`/proc/${pid}/fd`)).length;
  } catch {
    return undefined;
  }
};

/** Resident memory in MiB; undefined when the process is gone. */
export const residentMiB = async (pid: number): Promise<number | undefined> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const [, kB] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
  return kB === undefined ? undefined : Number(kB) / 1_024;
};

/** User and system time that a process has used; undefined when it is gone. */
export const cpuMs = async (pid: number): Promise<number | undefined> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.length < 13 ? undefined : (Number(fields[11]) + Number(fields[12])) * TICK_MS;
};

/** Seconds since the machine's boot, as an instance reads them. */
export const uptime = async (): Promise<number> => Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0]);
