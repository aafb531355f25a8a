import { spawn } from 'node:child_process';

import { findByUser, signalQuietly } from './proc.js';

const ROUNDS = 100;
const ONE_MS = 5_000;
/** What was killed is there until the kernel has let go of its memory and its files: how long and how often that is waited for. */
const GOING_MS = 10_000;
const LOOK_MS = 5;

/**
 * Whether a process that became this user could send SIGKILL to all others of it. The kernel does that in one step, in which nobody can fork, so it also ends what
 * forks and exits faster than anybody can look: by the time a process is found its successor runs.
 */
const killAllOf = (uid: number): Promise<boolean> =>
  new Promise((resolve) => {
    // No shell's own `kill` tells "nobody was there" from a failure, and zombies count as somebody: that it ended by itself says that it has done it.
    const child = spawn('/bin/sh', ['-c', 'kill -s KILL -- -1 2>/dev/null; exit 0'], {
      uid,
      gid: uid,
      stdio: 'ignore',
      cwd: '/',
      env: {},
      detached: true,
    });
    // The user's processes may stop or kill it first.
    const deadline = setTimeout(() => child.kill('SIGKILL'), ONE_MS);
    child.once('error', () => {
      clearTimeout(deadline);
      resolve(false);
    });
    child.once('exit', (code) => {
      clearTimeout(deadline);
      resolve(code === 0);
    });
  });

/** @returns whether none of a user's processes, which were all killed, is there any more */
const areGone = async (uid: number): Promise<boolean> => {
  for (const deadline = performance.now() + GOING_MS; ; await new Promise((resolve) => setTimeout(resolve, LOOK_MS))) {
    if ((await findByUser(uid)).length === 0) return true;
    if (performance.now() > deadline) return false;
  }
};

/**
 * Ends every process of a user that was lent to one instance, and waits until they are gone; this process must be root.
 * @returns whether none is left
 */
export const endUser = async (uid: number): Promise<boolean> => {
  // Never everybody, and never ourselves.
  if (!Number.isSafeInteger(uid) || uid <= 0 || uid === process.getuid?.()) return false;
  for (let round = 0; round < ROUNDS; round += 1) {
    if (await killAllOf(uid)) return areGone(uid);
    // It could not start, because the user has too many processes, say: those stand still long enough to be found.
    for (const pid of await findByUser(uid)) signalQuietly(pid, 'SIGKILL');
  }
  return (await findByUser(uid)).length === 0;
};
