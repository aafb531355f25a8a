import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** A process that cannot be mistaken for a later one with the same number: pid plus its start time since boot, in ticks. */
export interface ProcessId {
  readonly pid: number;
  readonly startTime: string;
}

const readProc = (pid: number, file: string): string | undefined => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined; // it ended, or it belongs to somebody else: either way it is not ours
  }
};

/** Fields of /proc/<pid>/stat after the command name, which may itself contain spaces and parentheses (proc(5)). */
const statFields = (pid: number): readonly string[] | undefined => {
  const stat = readProc(pid, 'stat');
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
};

/** The start time that identifies a living process, undefined for one that has ended (a zombie has ended). */
const startTimeOf = (pid: number): string | undefined => {
  const fields = statFields(pid);
  const state = fields?.[0];
  return state === undefined || state === 'Z' || state === 'X' ? undefined : fields?.[19];
};

/** The process with this number as it is now, or undefined when there is none. */
export const identify = (pid: number): ProcessId | undefined => {
  const startTime = startTimeOf(pid);
  return startTime === undefined ? undefined : { pid, startTime };
};

/** Whether exactly this process is still alive; a new process under a recycled number is not. */
export const isAlive = (id: ProcessId): boolean => startTimeOf(id.pid) === id.startTime;

/** Sends a signal to this process, never to a later one with its number. Returns whether it was there. */
export const signal = (id: ProcessId, name: NodeJS.Signals): boolean => {
  if (!isAlive(id)) return false;
  try {
    process.kill(id.pid, name);
    return true;
  } catch {
    return false; // ended in between
  }
};

const allPids = (): readonly number[] =>
  readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);

/** Every living process that `accept` recognizes. It may be called with pids that end meanwhile. */
export const findProcesses = (accept: (pid: number) => boolean): readonly ProcessId[] =>
  allPids().flatMap((pid) => {
    const id = identify(pid);
    return id !== undefined && accept(pid) ? [id] : [];
  });

/** The command line of a process as its arguments, empty when it cannot be read. */
export const commandLineOf = (pid: number): readonly string[] =>
  (readProc(pid, 'cmdline') ?? '').split('\0').slice(0, -1);

/** Whether the environment a process was started with contains `NAME=value`. */
export const wasStartedWith = (pid: number, assignment: string): boolean =>
  (readProc(pid, 'environ') ?? '').split('\0').includes(assignment);

/** The current folder of a process, undefined when it cannot be read. */
export const workingFolderOf = (pid: number): string | undefined => {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
};

/** The program a process runs, undefined when it cannot be read. */
export const programOf = (pid: number): string | undefined => {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined;
  }
};
