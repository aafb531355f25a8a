import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Where the servers of a test run live, found by the workers through the environment. They are started by whoever needs one first
 * (see `servers/`), and they all lie in this folder, so that ending them needs no list.
 */
export const RUN_FOLDER_VARIABLE = 'FORNAX_TEST_RUN_DIR';

/**
 * Waits until its standard input closes (the run is over, or its process died in whatever way), then ends every process that works
 * in the run's folder or names it, politely first so that shared memory is given back, and removes the folder.
 */
const REAPER = `
const { readdirSync, readFileSync, readlinkSync, rmSync } = require('node:fs');
const folder = process.argv[1];
const read = (f) => { try { return f(); } catch { return ''; } };
const isOurs = (pid) => pid !== process.pid &&
  (read(() => readlinkSync('/proc/' + pid + '/cwd')).startsWith(folder) || read(() => readFileSync('/proc/' + pid + '/cmdline', 'utf8')).includes(folder));
const ours = () => readdirSync('/proc').map(Number).filter((pid) => pid > 0 && isOurs(pid));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const end = async () => {
  for (const [signal, rounds] of [['SIGINT', 40], ['SIGQUIT', 20], ['SIGKILL', 20]]) {
    for (const pid of ours()) read(() => process.kill(pid, signal));
    for (let i = 0; i < rounds && ours().length > 0; i += 1) await pause(50);
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
process.stdin.resume().on('end', () => void end()).on('error', () => void end());
`;

let reaper: ChildProcess | undefined;

/** A new folder for servers, and the process that will clean it up. `unref`: do not keep this process alive for it. */
export const createRunFolder = async ({ unref }: { readonly unref: boolean }): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'fornax-test-'));
  reaper = spawn(process.execPath, ['-e', REAPER, folder], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  if (unref) {
    reaper.unref();
    const { stdin } = reaper;
    if (stdin !== null && 'unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
  }
  return folder;
};

/** Ends the servers of the run and waits until they are gone. */
export const endRun = async (): Promise<void> => {
  const child = reaper;
  if (child === undefined || child.exitCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.stdin?.end();
  await ended;
};

/** Jest's `globalSetup`. The teardown is `jest-global-teardown.ts`; if the run is killed, its servers end all the same. */
const setUp = async (): Promise<void> => {
  process.env[RUN_FOLDER_VARIABLE] = await createRunFolder({ unref: false });
  Reflect.set(globalThis, 'fornaxEndRun', endRun);
};

export { setUp as default };
