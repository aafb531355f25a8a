import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Example } from './page.js';

/** Programs that a page may use beside those of the system: name to the words in front of its arguments. */
export type Programs = Readonly<Record<string, readonly string[]>>;

export interface PageRun {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly programs: Programs;
  readonly timeoutMs: number;
}

const quoted = (word: string): string => `'${word.replaceAll("'", String.raw`'\''`)}'`;

const provide = async (folder: string, programs: Programs): Promise<void> => {
  await mkdir(folder, { recursive: true });
  for (const [name, words] of Object.entries(programs)) {
    await writeFile(join(folder, name), `#!/bin/sh\nexec ${words.map(quoted).join(' ')} "$@"\n`);
    await chmod(join(folder, name), 0o755);
  }
};

const MARK = '<end of example>';

/** As a reader would: one shell for the whole page, one example after the other, until one fails. */
const scriptOf = (examples: readonly Example[], codeFolder: string): string =>
  examples
    .map(({ language, code }, at) => {
      const run = language === 'bash' ? code : `python ${quoted(join(codeFolder, `${at}.py`))}`;
      return `${run}\nprintf '%s' '${MARK}'\n`;
    })
    .join('\n');

/**
 * Runs the examples of a page in a folder of its own.
 * @returns what each printed on standard output
 * @throws Error with the example that failed and what it said
 */
export const runPage = async (examples: readonly Example[], page: PageRun): Promise<readonly string[]> => {
  const bin = join(page.folder, 'bin');
  const code = join(page.folder, 'code');
  const work = join(page.folder, 'work');
  await provide(bin, page.programs);
  for (const folder of [code, work]) await mkdir(folder, { recursive: true });
  for (const [at, { language, code: text }] of examples.entries())
    if (language === 'python') await writeFile(join(code, `${at}.py`), text);
  await writeFile(join(code, 'page.sh'), `set -eu\n${scriptOf(examples, code)}`);
  const env = { ...process.env, ...page.env, PATH: `${bin}:${process.env['PATH'] ?? ''}`, NODE_OPTIONS: '' };
  const { outputs, problem } = await new Promise<{ outputs: readonly string[]; problem: string | undefined }>(
    (resolve) => {
      const options = { cwd: work, env, timeout: page.timeoutMs, maxBuffer: 16 * 1024 * 1024 };
      execFile('bash', [join(code, 'page.sh')], options, (error, stdout, stderr) =>
        resolve({
          outputs: stdout.split(MARK),
          problem: error === null ? undefined : `${error.killed === true ? 'it takes too long\n' : ''}${stderr}`,
        }),
      );
    },
  );
  if (problem === undefined) return outputs.slice(0, examples.length);
  const failed = examples[outputs.length - 1];
  throw new Error(`the example at line ${failed?.line} failed: ${problem}\n${outputs.at(-1)}\n${failed?.code}`);
};
