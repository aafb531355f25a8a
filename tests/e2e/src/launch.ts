import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProcesses, wasStartedWith } from '@fornax/embedded';
import { toolsDir, workspaceRoot } from '@fornax/testing';

export interface Launched {
  readonly child: ChildProcess;
  /** What it printed so far. */
  output(): string;
  /** Resolves with the exit code, or the signal that ended it, once its output is closed too. */
  readonly ended: Promise<number | string | null>;
}

/** Types `npm start -- …` for a data folder, as npm itself would run it. */
export const launch = (
  dataDir: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Launched => {
  const child = spawn(process.execPath, [join(workspaceRoot, 'tools/start.mjs'), ...args], {
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      FORNAX_DATA_DIR: dataDir,
      FORNAX_TOOLS_DIR: toolsDir(),
      FORNAX_PORT: '0',
      FORNAX_STORAGE_PORT: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | string | null>((resolve) =>
    child.once('close', (code, signal) => resolve(signal ?? code)),
  );
  return { child, output: () => output, ended };
};

/** What `runtime.json` tells about the current or last run. */
export interface Runtime {
  readonly run: string;
  readonly launcher: number;
  readonly guardian: number;
  readonly api: { readonly url: string; readonly port: number };
  readonly storage: { readonly url: string; readonly port: number };
  readonly pids: Readonly<Record<string, number>>;
}

/** @throws Error there is none yet */
export const readRuntime = async (dataDir: string): Promise<Runtime> =>
  JSON.parse(await readFile(join(dataDir, 'runtime.json'), 'utf8')) as Runtime;

/** Living processes of a run: all that carry its mark, its parts by number, and instances, which `mark` in their command line tells. */
export const processesOf = ({ run, launcher, guardian, pids }: Runtime, mark?: string): readonly number[] => {
  const known = [launcher, guardian, ...Object.values(pids)];
  return findProcesses((pid) => known.includes(pid) || wasStartedWith(pid, `FORNAX_RUN=${run}`))
    .map(({ pid }) => pid)
    .concat(mark === undefined ? [] : processesWith(mark));
};

/** Living processes whose command line has this text. */
export const processesWith = (text: string): readonly number[] =>
  findProcesses((pid) => commandLine(pid).includes(text)).map(({ pid }) => pid);

const commandLine = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return ''; // it ended
  }
};
