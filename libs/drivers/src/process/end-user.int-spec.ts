import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

import { afterEach, expect } from '@jest/globals';

import { asRoot } from '../sandbox/driver.fixture.js';
import { endUser } from './end-user.js';

/** Of nobody else on this machine: instances have ids from 200,000 on, or from a range that is told. */
const UID = 199_000 + (process.pid % 1_000);
const started: ReturnType<typeof spawn>[] = [];
afterEach(() => started.splice(0).forEach((child) => child.kill('SIGKILL')));

/** Holds memory that the kernel takes some time to let go of. */
const HOLD = `
import time
held = b"x" * (512 << 20)
print("up", flush=True)
time.sleep(600)
`;

/** Its state as of now: at once, for a look through all processes takes as long as its end. */
const stateOf = (pid: number | undefined): string => {
  try {
    return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
  } catch {
    return 'gone';
  }
};

asRoot('ends a user: whoever hears that finds none of its processes, however long their end takes', async () => {
  const held = spawn('python3', ['-c', HOLD], { uid: UID, gid: UID, cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(held);
  await once(held.stdout, 'data');
  const isEnded = await endUser(UID);
  expect({ isEnded, state: stateOf(held.pid) }).toEqual({
    isEnded: true,
    state: expect.stringMatching(/^(gone|Z|X)$/),
  });
});
