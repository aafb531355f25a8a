import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SDK = new URL('../../python/qarnot-sdk.txt', import.meta.url).pathname;
const STATEMENTS = new URL('../../python/statements.txt', import.meta.url).pathname;

/** The Python that has the official SDK, or why there is none (no Python, or its registry cannot be reached). */
export type PythonSdk =
  | { readonly python: string }
  /** `isTooOld`: this machine's own Python is older than the packages take, which no registry mends. */
  | { readonly missing: string; readonly isTooOld?: true };

const reasonOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message.split('\n').slice(0, 4).join(' ') : String(cause);

/**
 * Makes, once for each content of the list of packages, a virtual environment with the pinned official SDK.
 * It is built beside its final place and renamed, so an interrupted build leaves nothing half made.
 */
export const providePythonSdk = (toolsDir: string): Promise<PythonSdk> => providePython(toolsDir, 'python-sdk', SDK);

/** The validator of FOCUS and a reader of Parquet, in the same way. */
export const provideStatementReaders = (toolsDir: string): Promise<PythonSdk> =>
  providePython(toolsDir, 'statement-readers', STATEMENTS, 12);

/** Interpreters that may be on a machine beside its own one. */
const interpreters = async (): Promise<readonly string[]> => {
  const beside = join(homedir(), '.pyenv', 'versions');
  const versions = await readdir(beside).catch(() => []);
  return [
    'python3',
    'python3.12',
    'python3.13',
    'python3.14',
    ...versions.map((one) => join(beside, one, 'bin', 'python3')),
  ];
};

/** The first Python 3 that is new enough. */
const interpreter = async (minor: number): Promise<string | undefined> => {
  for (const each of await interpreters()) {
    const script = `import sys, venv, ensurepip; sys.exit(sys.version_info < (3, ${minor}))`;
    if (
      await run(each, ['-c', script]).then(
        () => true,
        () => false,
      )
    )
      return each;
  }
  return undefined;
};

/** The same for any list of pinned packages. @param minor of the oldest Python 3 that they work with */
export const providePython = async (
  toolsDir: string,
  name: string,
  requirements: string,
  minor = 0,
): Promise<PythonSdk> => {
  const digest = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 12);
  const home = join(toolsDir, `${name}-${digest}`);
  const python = join(home, 'bin', 'python');
  if (existsSync(join(home, 'complete'))) return { python };
  const own = minor === 0 ? 'python3' : await interpreter(minor);
  if (own === undefined) return { missing: `there is no Python 3.${minor} or later here`, isTooOld: true };
  try {
    await mkdir(toolsDir, { recursive: true });
    await rm(home, { recursive: true, force: true });
    await run(own, ['-m', 'venv', home]);
    await run(
      python,
      ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '-r', requirements],
      {
        timeout: 300_000,
      },
    );
    await mkdir(join(home, 'complete.new'));
    await rename(join(home, 'complete.new'), join(home, 'complete'));
    return { python };
  } catch (cause) {
    return { missing: reasonOf(cause) };
  }
};
