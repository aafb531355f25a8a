import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunningPlatform } from '@fornax/testing';
import type { Ended } from './command-line.js';

const environmentOf = (home: string): Readonly<Record<string, string>> => ({
  PATH: process.env['PATH'] ?? '',
  HOME: home,
  TERM: 'xterm',
});
const sourced = ({ dataDir }: RunningPlatform, lines: string): string => `. '${dataDir}/env'\n${lines}`;

/** Lines that do not end are ended, and have no exit code: -1. */
const MOST_MS = 240_000;

/** Types lines as a user does who sourced the env file, in a folder of a home folder; it is made. */
export const typed = async (platform: RunningPlatform, home: string, job: string, lines: string): Promise<Ended> => {
  const folder = join(home, job);
  await mkdir(folder, { recursive: true });
  return new Promise((resolve) => {
    const child = execFile(
      'bash',
      ['-c', sourced(platform, lines)],
      { cwd: folder, env: environmentOf(home), maxBuffer: 2 ** 26, timeout: MOST_MS },
      (_, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
    // Nobody types anything more.
    child.stdin?.end();
  });
};

export interface AtTerminal {
  /** What the screen was sent so far. */
  readonly seen: () => string;
  /** Types letters: `\u0003` is Ctrl-C. */
  readonly type: (keys: string) => void;
  /** The exit code. */
  readonly ended: Promise<number | null>;
}

/** Types a command at a terminal: `script` of util-linux makes a real one. */
export const atTerminal = async (platform: RunningPlatform, home: string, command: string): Promise<AtTerminal> => {
  const file = join(await mkdtemp(join(home, 'typed-')), 'command.sh');
  await writeFile(file, sourced(platform, `stty cols 200 rows 40\nexec ${command}\n`));
  // A shell that waits for the command would be interrupted as well, and end by that whatever the command says.
  const child = spawn('script', ['--quiet', '--return', '--command', `exec bash ${file}`, '/dev/null'], {
    cwd: home,
    env: environmentOf(home),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let screen = '';
  child.stdout.on('data', (chunk: Buffer) => (screen += chunk.toString()));
  return {
    seen: () => screen,
    type: (keys) => void child.stdin.write(keys),
    ended: new Promise((resolve) => child.once('close', (code) => resolve(code))),
  };
};
