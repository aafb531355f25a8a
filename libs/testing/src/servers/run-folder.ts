import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RUN_FOLDER_VARIABLE, createRunFolder } from '../run/jest-global-setup.js';

let own: Promise<string> | undefined;

/** The run's folder; one of this process alone where Jest was started without our global setup. */
export const runFolder = async (): Promise<string> =>
  process.env[RUN_FOLDER_VARIABLE] ?? (own ??= createRunFolder({ unref: true }));

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const readIfPresent = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined);

/**
 * Does something once in the whole run, whichever worker asks first, and gives its JSON result to all.
 * @throws Error what the first one failed with, or it took longer than `timeoutMs`
 */
export const oncePerRun = async <T>(name: string, timeoutMs: number, make: () => Promise<T>): Promise<T> => {
  const folder = await runFolder();
  const file = join(folder, `${name}.json`);
  const isFirst = await mkdir(`${file}.lock`).then(
    () => true,
    () => false,
  );
  if (isFirst) {
    const outcome = await make().then(
      (made) => ({ made }),
      (error: unknown) => ({ failed: error instanceof Error ? error.message : String(error) }),
    );
    await writeFile(`${file}.new`, JSON.stringify(outcome));
    await rename(`${file}.new`, file);
    if ('failed' in outcome) await rm(`${file}.lock`, { recursive: true });
  }
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const text = await readIfPresent(file);
    if (text !== undefined) {
      const outcome = JSON.parse(text) as { readonly made: T } | { readonly failed: string };
      if ('made' in outcome) return outcome.made;
      throw new Error(outcome.failed);
    }
    if (Date.now() > deadline) throw new Error(`${name} did not become ready within ${timeoutMs} ms`);
    await pause(20);
  }
};
