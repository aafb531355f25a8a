import { lstat, readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { endUser } from '../process/end-user.js';
import { markOf } from '../process/mark.js';
import { findByEnvironment, findByUser, signalQuietly, startTimeOf } from '../process/proc.js';
import { removeIpcOf } from '../process/remove-ipc.js';
import { removeTree } from '../process/remove-tree.js';
import { isRoot, type Level } from './level.js';
import type { Owner } from './user-ids.js';

/** Processes of an instance that is over; where it had a namespace of processes, they ended with that. */
export const leftOf = (level: Level, { uid }: Owner): Promise<readonly number[]> =>
  level.name === 'process' ? findByUser(uid) : Promise.resolve([]);

/** What a plain process left on the host, where everybody may leave things. The next instance with this id must not find it. */
export const removeWhatIsLeftOf = async (uid: number): Promise<void> => {
  await removeIpcOf(uid);
  for (const folder of ['/tmp', '/var/tmp', '/dev/shm', '/dev/mqueue']) {
    // As bytes: a name need not be text.
    for (const name of await readdir(folder, { encoding: 'buffer' }).catch(() => [])) {
      const path = Buffer.concat([Buffer.from(`${folder}/`), name]);
      if ((await lstat(path).catch(() => undefined))?.uid === uid) await removeTree(path);
    }
  }
};

/** Ends and removes what an agent that was killed left behind. */
export const sweep = async (instancesDir: string): Promise<void> => {
  const names = await readdir(instancesDir).catch(() => []);
  for (const name of names) {
    const folder = join(instancesDir, name);
    const [pid = '', startTime] = (await readFile(join(folder, 'pid'), 'utf8').catch(() => '')).split(' ');
    if (startTime !== undefined && (await startTimeOf(Number(pid))) === startTime) {
      signalQuietly(-Number(pid), 'SIGKILL');
      signalQuietly(Number(pid), 'SIGKILL');
    }
    for (const straggler of await findByEnvironment(markOf(name))) signalQuietly(straggler, 'SIGKILL');
    // Its user, if it had one of its own: the folder's group tells.
    const { gid } = await stat(folder);
    if (isRoot() && gid !== 0) {
      await endUser(gid);
      await removeWhatIsLeftOf(gid);
    }
    await removeTree(folder);
  }
};
