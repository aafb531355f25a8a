import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** Tables of System V IPC, and how `ipcrm` calls what each holds. */
const KINDS = { shm: '-m', sem: '-s', msg: '-q' } as const;

/** Ids of what a user owns or made. @param table lines of a file of /proc/sysvipc, the first of which names the columns */
export const idsOf = (uid: number, table: string): readonly string[] => {
  const [names = [], ...lines] = table.split('\n').map((line) => line.trim().split(/\s+/));
  const idAt = names.findIndex((name) => /^(shm|sem|msq)id$/.test(name));
  const owners = [names.indexOf('uid'), names.indexOf('cuid')];
  return lines.flatMap((line) => {
    const id = line[idAt];
    return id !== undefined && owners.some((at) => line[at] === String(uid)) ? [id] : [];
  });
};

/**
 * Removes what a user left in the machine's System V IPC: shared memory, queues and semaphores outlive every process, hold memory, and the next instance
 * with this id would read them.
 */
export const removeIpcOf = async (uid: number): Promise<void> => {
  for (const [name, option] of Object.entries(KINDS)) {
    const ids = idsOf(uid, await readFile(`/proc/sysvipc/${name}`, 'utf8').catch(() => ''));
    for (const id of ids) await run('ipcrm', [option, id]).catch(() => undefined);
  }
};
