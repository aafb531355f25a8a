import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findOnPath } from '../process/find-program.js';
import { type CommandResult, lastLine, runCommand } from '../process/run-command.js';

const PACKAGE_TIMEOUT_MS = 5 * 60_000;

export interface UnpackOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly onProgress: (message: string) => void;
  readonly signal?: AbortSignal;
}

/** Says what this machine lacks to unpack a package of its distribution; undefined: nothing. */
export const packageToolMissing = async (env: NodeJS.ProcessEnv): Promise<string | undefined> => {
  for (const program of ['apt-get', 'dpkg-deb'])
    if ((await findOnPath(program, env)) === undefined) return `no ${program} here: not a Debian or Ubuntu system`;
  return undefined;
};

/** Options that let apt work in a folder of its own, without root and without touching the system's state. */
const aptOptions = (state: string): readonly string[] => [
  '-o', `Dir::State::lists=${join(state, 'lists')}`,
  '-o', `Dir::Cache=${join(state, 'cache')}`,
  '-o', `Dir::Log=${join(state, 'log')}`,
  '-o', 'Acquire::Languages=none',
]; // prettier-ignore

const downloadPackage = async (
  name: string,
  folder: string,
  { env, onProgress, signal }: UnpackOptions,
): Promise<CommandResult> => {
  // As root apt would change to a user that cannot write to our folder.
  const asSelf = ['-o', 'APT::Sandbox::User='];
  const options = {
    cwd: folder,
    env: { ...env, LC_ALL: 'C' },
    timeoutMs: PACKAGE_TIMEOUT_MS,
    ...(signal === undefined ? {} : { signal }),
  };
  const direct = await runCommand('apt-get', [...asSelf, 'download', name], options);
  if (direct.code === 0) return direct;
  onProgress('reading the package lists into a private folder (a few seconds)');
  const state = join(folder, 'apt');
  await mkdir(join(state, 'lists', 'partial'), { recursive: true });
  await mkdir(join(state, 'cache', 'archives', 'partial'), { recursive: true });
  await mkdir(join(state, 'log'), { recursive: true });
  const updated = await runCommand('apt-get', [...asSelf, ...aptOptions(state), 'update'], options);
  if (updated.code !== 0) return { ...direct, stderr: `${direct.stderr}\n${updated.stderr}` };
  return runCommand('apt-get', [...asSelf, ...aptOptions(state), 'download', name], options);
};

/**
 * Downloads a package of this distribution, whose signature apt checks, and unpacks it into a folder; nothing is installed.
 * @returns the folder that stands for `/`, or why there is none
 */
export const unpackPackage = async (
  name: string,
  folder: string,
  options: UnpackOptions,
): Promise<{ readonly root: string } | { readonly reason: string }> => {
  const downloaded = await downloadPackage(name, folder, options);
  if (downloaded.code !== 0) return { reason: `apt-get download ${name} failed: ${lastLine(downloaded)}` };
  const archive = (await readdir(folder)).find((file) => file.endsWith('.deb'));
  if (archive === undefined) return { reason: `apt-get download ${name} left no package` };
  const unpacked = await runCommand('dpkg-deb', ['-x', archive, 'root'], {
    cwd: folder,
    timeoutMs: PACKAGE_TIMEOUT_MS,
  });
  return unpacked.code === 0 ? { root: join(folder, 'root') } : { reason: `dpkg-deb failed: ${lastLine(unpacked)}` };
};
