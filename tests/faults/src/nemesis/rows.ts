import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { insist } from '../work.js';
import type { Fault, Target } from './fault.js';

const PAGE_BYTES = 8192;

/** The file of a table, below the folder of the database cluster. */
const fileOf = async ({ dataDir }: Target, table: string): Promise<string> => {
  const url = await readFile(join(dataDir, 'secrets', 'processes', 'platform', 'FORNAX_DATABASE_URL'), 'utf8');
  const db = new pg.Client({ connectionString: url.trim() });
  await db.connect();
  try {
    const { rows } = await db.query<{ path: string }>('SELECT pg_relation_filepath($1::regclass) AS path', [table]);
    return join(dataDir, 'postgres', 'server', 'cluster', rows[0]?.path ?? '');
  } finally {
    await db.end();
  }
};

const flipABitOfThePage = async (file: string): Promise<void> => {
  const handle = await open(file, 'r+');
  try {
    // Rows fill a page from its end.
    const at = PAGE_BYTES - 100;
    const byte = Buffer.alloc(1);
    if ((await handle.read(byte, 0, 1, at)).bytesRead !== 1) throw new Error(`${file} has no page`);
    await handle.write(Buffer.from([byte.readUInt8() ^ 1]), 0, 1, at);
  } finally {
    await handle.close();
  }
};

/**
 * A bit of a table is another one: who reads it is told that files are damaged, and no reader gets a 500. An operator gives the platform an empty
 * database, as docs/how-to/recover.md says, and read models come back.
 */
export const flipABitOfRows = (table: string, path: string): Fault => ({
  name: `a bit of ${table}`,
  inject: async (target) => {
    const file = await insist(() => fileOf(target, table), `find ${table}`);
    await target.restart({
      ends: 'in order',
      awaits: 'answers',
      change: async () => {
        await flipABitOfThePage(file);
        target.strike(`a bit of ${table} (in order)`);
      },
    });
    const { apiUrl, token } = target.platform;
    await insist(async () => {
      const answer = await fetch(apiUrl + path, {
        headers: { authorization: token },
        signal: AbortSignal.timeout(20_000),
      });
      const text = await answer.text();
      if (!text.includes('Files of the database are damaged')) throw new Error(`${path}: ${answer.status} ${text}`);
    }, 'damage is said to who reads');
    await target.untilSaid(/files of PostgreSQL are damaged/);
    await target.restart({
      ends: 'in order',
      awaits: 'ready',
      change: async () => {
        await mkdir(target.copiesDir, { recursive: true });
        await rename(join(target.dataDir, 'postgres'), join(target.copiesDir, `postgres-${randomUUID()}`));
      },
    });
    target.note('ready again');
  },
});
