import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { findProgram } from './find-program.js';
import { initProgram } from './init-program.js';

const run = promisify(execFile);

const FLAGS = [
  ...['-O1', '-g', '-std=c11', '-D_GNU_SOURCE', '-fno-omit-frame-pointer'],
  ...['-fsanitize=address,undefined', '-fno-sanitize-recover=all'],
  // Headers of older kernels have no name for the newest call that the filter knows.
  '-D__NR_mseal=462',
];

/** A build of the first process, and what it says of its own faults. */
export interface InitBuild {
  readonly program: string;
  /** What it must have in its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Everything that sanitizers have found so far; empty: nothing. */
  readonly reports: () => Promise<string>;
  readonly close: () => Promise<void>;
}

export const shippedInit = async (): Promise<InitBuild> => ({
  program: await initProgram(),
  env: {},
  reports: () => Promise.resolve(''),
  close: () => Promise.resolve(),
});

/** Faults end a build that was made so, and are written to files of a folder: a child of it may have no other output. */
const withReports = (folder: string): InitBuild => {
  const options = `log_path=${join(folder, 'found')}:halt_on_error=1:print_stacktrace=1`;
  return {
    program: join(folder, 'fornax-init'),
    // Nobody may trace a process behind the filter, as the search for leaks does; it ends soon.
    env: { ASAN_OPTIONS: `${options}:detect_leaks=0`, UBSAN_OPTIONS: options },
    reports: async () => {
      const names = await readdir(folder);
      const found = names.filter((name) => name.startsWith('found'));
      return (await Promise.all(found.map((name) => readFile(join(folder, name), 'utf8')))).join('\n');
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
};

/** Compiles the first process with sanitizers of addresses and of undefined behavior. @returns undefined, and says so, where no compiler here has them */
export const sanitizedInit = async (): Promise<InitBuild | undefined> => {
  const folder = await mkdtemp(join(tmpdir(), 'fornax-sanitized-'));
  const sources = fileURLToPath(new URL('../../native/src', import.meta.url));
  const files = (await readdir(sources)).filter((name) => name.endsWith('.c')).map((name) => join(sources, name));
  const build = withReports(folder);
  const reasons: string[] = [];
  for (const name of ['gcc', 'clang']) {
    const compiler = await findProgram(name);
    if (compiler === undefined) reasons.push(`there is no ${name}`);
    else {
      const why = await run(compiler, [...FLAGS, '-o', build.program, ...files]).then(
        () => undefined,
        (error: unknown) => String(error),
      );
      if (why === undefined) return build;
      reasons.push(why);
    }
  }
  await build.close();
  process.stderr.write(`NOT TRIED: the first process built with sanitizers: ${reasons.join('; ')}\n`);
  return undefined;
};
