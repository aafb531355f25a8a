import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SDK = new URL('../../python/qarnot-sdk.txt', import.meta.url).pathname;

/** The Python that has the official SDK, or why there is none (no Python, or its registry cannot be reached). */
export type PythonSdk = { readonly python: string } | { readonly missing: string };

const reasonOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message.split('\n').slice(0, 4).join(' ') : String(cause);

/**
 * Makes, once for each content of the list of packages, a virtual environment with the pinned official SDK.
 * It is built beside its final place and renamed, so an interrupted build leaves nothing half made.
 */
export const providePythonSdk = (toolsDir: string): Promise<PythonSdk> => providePython(toolsDir, 'python-sdk', SDK);

/** The same for any list of pinned packages. */
export const providePython = async (toolsDir: string, name: string, requirements: string): Promise<PythonSdk> => {
  const digest = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 12);
  const home = join(toolsDir, `${name}-${digest}`);
  const python = join(home, 'bin', 'python');
  if (existsSync(join(home, 'complete'))) return { python };
  try {
    await mkdir(toolsDir, { recursive: true });
    await rm(home, { recursive: true, force: true });
    await run('python3', ['-m', 'venv', home]);
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
