import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, readlink } from 'node:fs/promises';
import { once } from 'node:events';
import { findFreePort } from '@fornax/embedded';

const partsOf = async (path: string): Promise<readonly string[]> =>
  (await readFile(path, 'utf8')).split('\0').filter((part) => part !== '');

/** A second process of a part, and where it answers. */
export interface Replica {
  readonly process: ChildProcess;
  readonly apiUrl: string;
}

/** A second process of a part, started with what the first one was started with, on ports of its own. */
export const startReplica = async (pid: number): Promise<Replica> => {
  const [program = '', ...args] = await partsOf(`/proc/${pid}/cmdline`);
  const entries = (await partsOf(`/proc/${pid}/environ`)).map((entry) => {
    const at = entry.indexOf('=');
    return [entry.slice(0, at), entry.slice(at + 1)] as const;
  });
  const env: Record<string, string> = Object.fromEntries(entries);
  for (const port of ['FORNAX_HTTP_PORT', 'FORNAX_STORAGE_PORT'])
    if (env[port] !== undefined) env[port] = String(await findFreePort());
  const cwd = await readlink(`/proc/${pid}/cwd`);
  return {
    process: spawn(program, args, { env, cwd, stdio: 'ignore' }),
    apiUrl: `http://127.0.0.1:${env['FORNAX_HTTP_PORT'] ?? ''}`,
  };
};

/** Ends it, whatever it is doing. */
export const endReplica = async ({ process: replica }: Replica): Promise<void> => {
  if (replica.exitCode !== null || replica.signalCode !== null) return;
  const exit = once(replica, 'exit');
  replica.kill('SIGKILL');
  await exit;
};
