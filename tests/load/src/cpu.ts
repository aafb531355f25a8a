import { readdir, readFile } from 'node:fs/promises';

/** Hundredths of a second: what the kernel counts in, on every machine that we run on. */
const TICK_MS = 10;

interface Counted {
  readonly parent: number;
  readonly ticks: number;
}

const statOf = async (pid: string): Promise<readonly [number, Counted] | undefined> => {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  // The name before it may hold anything. Fields 14 to 17 of proc(5): its own time and that of children that it has waited for.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const ticks = fields.slice(11, 15).reduce((sum, value) => sum + value, 0);
  return [Number(pid), { parent: fields[1] ?? 0, ticks }];
};

/** Milliseconds of processor time that everything this process has started used so far: its children, theirs, and those that have ended. */
export const cpuOfDescendants = async (): Promise<number> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const counted = new Map((await Promise.all(pids.map(statOf))).flatMap((found) => (found ? [found] : [])));
  const isOurs = (pid: number): boolean => {
    for (let at = counted.get(pid)?.parent ?? 0; at > 1; at = counted.get(at)?.parent ?? 0)
      if (at === process.pid) return true;
    return false;
  };
  return [...counted].reduce((sum, [pid, { ticks }]) => sum + (isOurs(pid) ? ticks : 0), 0) * TICK_MS;
};
