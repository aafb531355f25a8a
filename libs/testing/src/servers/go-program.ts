import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { toolsDir } from '../platform/running-platform.js';

const run = promisify(execFile);
/** A build takes some minutes; a module proxy that does not answer would take for ever. */
const BUILD_MS = 10 * 60_000;
/** Where Go's own installer puts it, which is not always on PATH. */
const USUAL_GO = '/usr/local/go/bin/go';

const goIn = async (programs: readonly string[]): Promise<string> => {
  for (const program of programs) {
    const works = await run(program, ['version']).then(
      () => true,
      () => false,
    );
    if (works) return program;
  }
  throw new Error('Go is not installed, and no package registry but its module proxy has this program');
};

/** Runs Go with arguments. @returns what it printed */
export type Go = (args: readonly string[], cwd: string) => Promise<string>;

export interface GoProgram {
  /** Of the program. */
  readonly name: string;
  /** Of the folder beside the other tools; it names the release. */
  readonly home: string;
  /** Told before a step that takes minutes. */
  readonly say?: ((text: string) => void) | undefined;
  /** Builds it in the empty folder `half`, as the file `name`. */
  readonly build: (go: Go, half: string) => Promise<void>;
}

/** Builds a program through Go, once, and keeps it with the other tools. Safe in several processes at once. @throws Error it cannot be built */
export const provideGoProgram = async ({ name, home, say, build }: GoProgram): Promise<string> => {
  const folder = join(toolsDir(), home);
  const program = join(folder, name);
  if (existsSync(program)) return program;
  const go = await goIn(['go', USUAL_GO]);
  say?.(`building ${name} (${home}) through Go, once: some minutes`);
  const half = await mkdtemp(join(tmpdir(), `${name}-`));
  const env = { ...process.env, GOBIN: half, GOFLAGS: '-trimpath', CGO_ENABLED: '0' };
  try {
    await build(async (args, cwd) => (await run(go, args, { env, cwd, timeout: BUILD_MS })).stdout, half);
    await mkdir(folder, { recursive: true });
    // As one step: nobody ever runs half a file. The tools may lie on another file system.
    const beside = join(folder, `.${name}-${process.pid}`);
    await cp(join(half, name), beside);
    await rename(beside, program);
    return program;
  } finally {
    await rm(half, { recursive: true, force: true });
  }
};
