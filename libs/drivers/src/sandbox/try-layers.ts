import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Driver } from '../driver/driver.js';

const DEADLINE_MS = 10_000;
/** Changes a file and moves what it may of the other's tree; says what it saw. */
const SCRIPT = 'cat "$TASK_PATH/folder/file" && echo changed > "$TASK_PATH/folder/file" && rm "$TASK_PATH/gone"';

/** Lays the files of one instance over those of another, as a task's over those of its slot. @throws Error this machine does not permit it, or does not do it right */
export const tryLayers = async (driver: Pick<Driver, 'prepare'>, name: string): Promise<void> => {
  const lower = await driver.prepare({ id: `probe-lower-${name}`, cores: 1, memoryMB: 0 });
  try {
    await mkdir(join(lower.jobDir, 'folder'));
    await Promise.all(['folder/file', 'gone'].map((path) => writeFile(join(lower.jobDir, path), 'first\n')));
    // Hands them over to its user.
    await runIn(lower, 'true');
    const upper = await driver.prepare({ id: `probe-upper-${name}`, cores: 1, memoryMB: 0, over: lower.jobDir });
    try {
      await runIn(upper, SCRIPT);
      const read = (folder: string): Promise<string> => readFile(join(folder, 'folder/file'), 'utf8');
      if ((await read(upper.jobDir)) !== 'changed\n') throw new Error('what is changed is not seen');
      if ((await read(lower.jobDir)) !== 'first\n') throw new Error('what lies below is changed');
    } finally {
      await upper.dispose();
    }
  } finally {
    await lower.dispose();
  }
};

const runIn = async (prepared: Awaited<ReturnType<Driver['prepare']>>, script: string): Promise<void> => {
  const env = { TASK_PATH: prepared.paths.job, PATH: '/usr/bin:/bin' };
  const running = await prepared.start({ argv: ['/bin/sh', '-c', script], env });
  running.stdout.resume();
  let complaint = '';
  running.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  const deadline = setTimeout(running.kill, DEADLINE_MS);
  const { kind, exitCode } = await running.exit;
  clearTimeout(deadline);
  if (exitCode !== 0) throw new Error(`the trial ${kind} with code ${exitCode ?? 'none'}: ${complaint.trim()}`);
};
