import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startPostgres } from '@fornax/embedded';
import pg from 'pg';
import { workspaceRoot } from './running-platform.js';

const FOLDERS = join(workspaceRoot, 'tests/e2e/releases');

const ARCHIVE = '.tar.gz';

/**
 * Names of data folders as releases left them, the oldest first. `tests/e2e/releases/make-release-folder.mjs` makes them: event log, secrets (made for the
 * folder, they open nothing else), objects, the database as SQL, and what GET answered.
 */
export const RELEASES: readonly string[] = readdirSync(FOLDERS)
  .filter((name) => name.endsWith(ARCHIVE))
  .map((name) => name.slice(0, -ARCHIVE.length))
  .sort();

/** Settings that those folders were made with. */
export const RELEASE_SETTINGS = {
  FORNAX_BOOTSTRAP_EMAIL: 'operator@example.org',
  FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: '127.0.0.1:9',
};

/**
 * Makes a data folder as that release left it.
 * @returns what its release answered, as `expected.json` of the archive has it
 */
export const unpackRelease = async (release: string, folder: string): Promise<unknown> => {
  await promisify(execFile)('tar', ['-xzf', join(FOLDERS, `${release}${ARCHIVE}`), '-C', folder, '--no-same-owner']);
  const take = async (name: string): Promise<string> => {
    const text = await readFile(join(folder, name), 'utf8');
    await rm(join(folder, name));
    return text;
  };
  const expected = JSON.parse(await take('expected.json')) as unknown;
  const sql = await take('database.sql');
  const secretsFile = join(folder, 'secrets', 'postgres');
  const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), secretsFile });
  const db = new pg.Client({ connectionString: postgres.url });
  try {
    await db.connect();
    await db.query(sql);
  } finally {
    await db.end();
    await postgres.stop();
  }
  return expected;
};
