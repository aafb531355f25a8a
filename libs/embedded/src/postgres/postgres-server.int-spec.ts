import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { findProcesses, workingFolderOf } from '../process/process-table.js';
import { type PostgresServer, startPostgres } from './postgres-server.js';

let folder: string;
let server: PostgresServer;

const query = async (url: string, text: string): Promise<readonly unknown[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
};

const start = () => startPostgres({ dataDir: join(folder, 'pg') });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-pg-'));
  server = await start();
}, 60_000);

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('an embedded PostgreSQL', () => {
  it('answers with the password and refuses without', async () => {
    expect(await query(server.url, 'SELECT current_database() AS name')).toEqual([{ name: 'fornax' }]);
    await expect(query(server.url.replace(/:[^:@]+@/, ':wrong@'), 'SELECT 1')).rejects.toThrow(/password/);
  });

  it('answers by its socket as well, and there too only with the password', async () => {
    const bySocket = 'SELECT inet_server_addr() IS NULL AS yes';
    expect(await query(server.localUrl, bySocket)).toEqual([{ yes: true }]);
    expect(await query(server.url, bySocket)).toEqual([{ yes: false }]);
    await expect(query(server.localUrl.replace(/:[^:@]+@/, ':wrong@'), 'SELECT 1')).rejects.toThrow(/password/);
  });

  it('creates a database once and copies one that exists', async () => {
    const url = await server.createDatabase('template_a');
    await query(url, 'CREATE TABLE t AS SELECT 7 AS n');
    expect(await server.createDatabase('template_a')).toBe(url);
    const copy = await server.createDatabase('copy', 'template_a');
    expect(await query(copy, 'SELECT n FROM t')).toEqual([{ n: 7 }]);
    await server.dropDatabase('copy');
    await expect(query(copy, 'SELECT 1')).rejects.toThrow(/does not exist/);
  });

  it('starts again at once after a kill -9, with what was committed', async () => {
    await query(server.url, 'CREATE TABLE kept AS SELECT 1 AS n');
    await server.kill();
    const home = join(folder, 'pg', 'server');
    const left = (await readdir(home)).filter((name) => name.startsWith('.s.PGSQL.'));
    expect(left).toHaveLength(2);
    server = await start();
    expect(await query(server.localUrl, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
    const now = (await readdir(home)).filter((name) => name.startsWith('.s.PGSQL.'));
    expect(now.toSorted()).toEqual([`.s.PGSQL.${server.port}`, `.s.PGSQL.${server.port}.lock`]);
  }, 60_000);

  it('starts although the lock file of the crashed server names a process that lives', async () => {
    await server.kill();
    const lockFile = join(folder, 'pg', 'server', 'cluster', 'postmaster.pid');
    const lines = (await readFile(lockFile, 'utf8')).split('\n');
    await writeFile(lockFile, [process.pid, ...lines.slice(1)].join('\n'));
    server = await start();
    expect(await query(server.url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  }, 60_000);

  it('stops at once without the password of its data, naming the file', async () => {
    await server.stop();
    const file = join(folder, 'pg', 'password');
    const password = await readFile(file, 'utf8');
    const sentence = new RegExp(`${file} .*the database in .* cannot be opened without it[^]*backup`);
    for (const wrong of ['another-password', '', undefined]) {
      await (wrong === undefined ? rm(file) : writeFile(file, wrong));
      // A start used to wait its whole time, and to end with the server's own words.
      await expect(startPostgres({ dataDir: join(folder, 'pg'), readyTimeoutMs: 600_000 })).rejects.toThrow(sentence);
    }
    await writeFile(file, password);
    server = await start();
    expect(await query(server.url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  }, 60_000);

  it('says the ways out when its control file has a changed bit, and starts again with the good one', async () => {
    await server.stop();
    const file = join(folder, 'pg', 'server', 'cluster', 'global', 'pg_control');
    const good = await readFile(file);
    const changed = Buffer.from(good);
    changed[40] = (changed[40] ?? 0) ^ 1;
    await writeFile(file, changed);
    await expect(start()).rejects.toThrow(/did not start[^]*Its files are damaged[^]*postgres/);
    await writeFile(file, good);
    server = await start();
  }, 60_000);

  it('refuses a data folder of another version, naming the setting', async () => {
    await server.stop();
    const cluster = join(folder, 'pg', 'server', 'cluster');
    expect(findProcesses((pid) => workingFolderOf(pid) === cluster)).toEqual([]);
    const version = await readFile(join(cluster, 'PG_VERSION'), 'utf8');
    await writeFile(join(cluster, 'PG_VERSION'), '12\n');
    await expect(start()).rejects.toThrow(/PostgreSQL 12[\s\S]*FORNAX_DATA_DIR/);
    await writeFile(join(cluster, 'PG_VERSION'), version);
  });
});
