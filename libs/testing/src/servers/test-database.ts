import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { type PostgresServer, startPostgres } from '@fornax/embedded';
import pg from 'pg';
import { oncePerRun, runFolder } from './run-folder.js';

export interface TestDatabase {
  /** With user and password. */
  readonly url: string;
  /** Removes it, whoever is still connected. Databases that nobody drops go with the run. */
  drop(): Promise<void>;
}

interface Cluster {
  readonly adminUrl: string;
  readonly port: number;
  readonly pid: number;
}

const START_TIMEOUT_MS = 120_000;

/** One PostgreSQL for the whole run; `FORNAX_TEST_DATABASE_URL` names another one to use instead. */
const sharedPostgres = async (): Promise<Cluster> => {
  const external = process.env['FORNAX_TEST_DATABASE_URL'];
  if (external !== undefined) return { adminUrl: external, port: Number(new URL(external).port), pid: 0 };
  const folder = await runFolder();
  return oncePerRun('postgres', START_TIMEOUT_MS, async () => {
    const server = await startPostgres({ dataDir: join(folder, 'postgres'), durable: false });
    // It belongs to the run: the worker that happened to start it ends before it.
    server.unref();
    return { adminUrl: server.urlOf('postgres'), port: server.port, pid: server.pid };
  });
};

const administer = async (url: string, sql: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
};

/** A new, empty database on the run's PostgreSQL. `template`: the name of a database to copy (nobody may be connected to it). */
export const createTestDatabase = async (options: { readonly template?: string } = {}): Promise<TestDatabase> => {
  const { adminUrl } = await sharedPostgres();
  const name = `test_${randomBytes(8).toString('hex')}`;
  const { template } = options;
  await administer(
    adminUrl,
    `CREATE DATABASE ${name}${template === undefined ? '' : ` TEMPLATE ${pg.escapeIdentifier(template)}`}`,
  );
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return { url: url.toString(), drop: () => administer(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
};

export interface TestPostgres {
  /** Of its only database. */
  readonly url: string;
  stop(): Promise<void>;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Starts it again on the same port with the same data. */
  start(): Promise<void>;
}

/** A PostgreSQL of one's own, for tests that kill it; all others use `createTestDatabase`. */
export const startTestPostgres = async (): Promise<TestPostgres> => {
  const dataDir = await mkdtemp(join(await runFolder(), 'postgres-'));
  let server: PostgresServer = await startPostgres({ dataDir });
  const { url, port } = server;
  return {
    url,
    stop: () => server.stop(),
    kill: () => server.kill(),
    start: async () => {
      server = await startPostgres({ dataDir, port });
    },
  };
};
