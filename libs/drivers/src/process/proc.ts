import { readFile, readdir } from 'node:fs/promises';

/** What tells a process from a later one with the same number: field 22 of /proc/<pid>/stat, in clock ticks since boot. */
export const startTimeOf = async (pid: number): Promise<string | undefined> => {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined; // no such process
  }
};

/** A signal to a process or, if negative, to a group; a process that is gone already is what we wanted. */
export const signalQuietly = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch {
    // gone, or never ours
  }
};

interface ProcessUse {
  readonly pids: readonly number[];
  /** Resident memory of all, shared pages counted for each. */
  readonly memoryMB: number;
  /** User and system time of all and of their children that ended. */
  readonly cpuMs: number;
}

/** /proc counts in clock ticks; Linux shows them as hundredths of a second to every program. */
const TICK_MS = 10;

/** Fields 14 to 17 of /proc/<pid>/stat: user and system time, own and of the children that were waited for. */
export const cpuMsOfStat = (stat: string): number => {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * TICK_MS, 0);
};

/** The children of a process, whichever of its threads made them. @throws Error it is gone */
const childrenOf = async (pid: number): Promise<readonly number[]> => {
  const tasks = await readdir(`/proc/${pid}/task`);
  const lists = await Promise.all(
    tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '')),
  );
  return lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
};

/** Lets children of a process go on that somebody stopped. Never rejects. */
export const continueChildren = async (pid: number): Promise<void> => {
  for (const child of await childrenOf(pid).catch(() => [])) {
    const stat = await readFile(`/proc/${child}/stat`, 'utf8').catch(() => '');
    if (stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')) signalQuietly(child, 'SIGCONT');
  }
};

/**
 * Finds a task of a process that still has what all of its threads share: its first one may have ended, and then shows nothing of it.
 * @returns its folder in /proc; undefined: there is none
 */
export const liveTaskOf = async (pid: number): Promise<string | undefined> => {
  const own = `/proc/${pid}`;
  const isOver = async (folder: string): Promise<boolean> => {
    const stat = await readFile(`${folder}/stat`, 'utf8').catch(() => '');
    return stat === '' || /^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  };
  if (!(await isOver(own))) return own;
  for (const task of await readdir(`${own}/task`).catch(() => []))
    if (!(await isOver(`${own}/task/${task}`))) return `${own}/task/${task}`;
  return undefined;
};

/** The process and its descendants, with what they hold now. A daemon that left its parents is not found. */
export const treeUse = async (...roots: readonly number[]): Promise<ProcessUse> => {
  const pids: number[] = [];
  let pages = 0;
  let cpuMs = 0;
  const queue = [...roots];
  for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
    try {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
      const live = await liveTaskOf(pid);
      if (live !== undefined) pages += Number((await readFile(`${live}/statm`, 'utf8')).split(' ')[1] ?? 0);
      cpuMs += cpuMsOfStat(stat);
      pids.push(pid);
      queue.push(...(await childrenOf(pid)));
    } catch {
      // ended in between
    }
  }
  return { pids, memoryMB: (pages * 4096) / 1_048_576, cpuMs };
};

/** Processes whose first environment holds `NAME=value`: finds daemons that left their group, where no namespace holds them. */
export const findByEnvironment = async (entry: string): Promise<readonly number[]> => {
  const found: number[] = [];
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  await Promise.all(
    names.map(async (name) => {
      try {
        const environment = await readFile(`/proc/${name}/environ`, 'utf8');
        if (environment.split('\0').includes(entry)) found.push(Number(name));
      } catch {
        // somebody else's, or gone
      }
    }),
  );
  return found;
};

/** Processes that run as this user, however well they hide otherwise. */
export const findByUser = async (uid: number): Promise<readonly number[]> => {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const status = await readFile(`/proc/${name}/status`, 'utf8').catch(() => '');
    const ids = /^Uid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/).map(Number) ?? [];
    // One whose first thread has ended goes on as long as another one does.
    const isOver = /^State:\s+[ZX]/m.test(status) && Number(/^Threads:\s+(\d+)/m.exec(status)?.[1] ?? 0) <= 1;
    if (ids.includes(uid) && !isOver) found.push(Number(name));
  }
  return found;
};
