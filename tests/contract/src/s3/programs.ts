import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { packageToolMissing, unpackPackage } from '@fornax/embedded';
import { providePython, toolsDir } from '@fornax/testing';
import { platform } from '../platform.js';

const run = promisify(execFile);
const REQUIREMENTS = new URL('../../python/s3-clients.txt', import.meta.url).pathname;
const LONGEST_MS = 10 * 60_000;

/** Where the programs of the Python clients are. @throws Error when they cannot be had */
export const pythonPrograms = async (): Promise<string> => {
  const python = await providePython(toolsDir(), 's3-clients', REQUIREMENTS);
  if ('missing' in python) throw new Error(`the Python clients of S3 could not be installed: ${python.missing}`);
  return dirname(python.python);
};

/** A program of a package of Debian, unpacked and not installed. @throws Error when it cannot be had */
export const debianProgram = async (name: string): Promise<string> => {
  const target = join(toolsDir(), 's3-clients', name);
  const isThere = await run(target, ['version']).then(
    () => true,
    () => false,
  );
  if (isThere) return target;
  const lacking = await packageToolMissing(process.env);
  if (lacking !== undefined) throw new Error(`${name} could not be had: ${lacking}`);
  await mkdir(dirname(target), { recursive: true });
  const folder = await mkdtemp(join(toolsDir(), '.making-'));
  try {
    const onProgress = (message: string): void => console.error(`${name}: ${message}`);
    const unpacked = await unpackPackage(name, folder, { env: process.env, onProgress });
    if ('reason' in unpacked) throw new Error(`${name} could not be had: ${unpacked.reason}`);
    await cp(join(unpacked.root, 'usr/bin', name), join(folder, name));
    await rename(join(folder, name), target);
    return target;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** What each client finds its keys and the endpoint in. */
const clientEnvironment = (home: string): NodeJS.ProcessEnv => {
  const { AWS_ACCESS_KEY_ID: key = '', AWS_SECRET_ACCESS_KEY: secret = '' } = platform.clientEnv;
  return {
    PATH: process.env['PATH'],
    HOME: home,
    ...platform.clientEnv,
    RCLONE_CONFIG_FORNAX_TYPE: 's3',
    RCLONE_CONFIG_FORNAX_PROVIDER: 'Other',
    RCLONE_CONFIG_FORNAX_ACCESS_KEY_ID: key,
    RCLONE_CONFIG_FORNAX_SECRET_ACCESS_KEY: secret,
    RCLONE_CONFIG_FORNAX_ENDPOINT: platform.storageUrl,
    RESTIC_PASSWORD: 'a password of the test',
  };
};

/** Runs a client to its end. @returns what it printed @throws Error it failed; the message holds what it printed */
export const runClient = async (
  program: string,
  args: readonly string[],
  home: string,
  more: NodeJS.ProcessEnv = {},
): Promise<string> => {
  const env = { ...clientEnvironment(home), ...more };
  const options = { env, cwd: home, timeout: LONGEST_MS, maxBuffer: 64 * 1024 * 1024 };
  const { stdout, stderr } = await run(program, [...args], options);
  return stdout + stderr;
};
