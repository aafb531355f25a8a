import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type TestDatabase, createTestDatabase } from '@fornax/testing';
import pg from 'pg';
import { PreparingClient } from './preparing-client.js';

let database: TestDatabase;
let client: PreparingClient;

beforeEach(async () => {
  database = await createTestDatabase();
  client = new PreparingClient({ connectionString: database.url });
  await client.connect();
  await client.query("CREATE TABLE thing (id text PRIMARY KEY, weight integer); INSERT INTO thing VALUES ('1', 7)");
}, 60_000);
afterEach(async () => {
  await client.end();
  await database.drop();
});

const prepared = async (): Promise<readonly string[]> =>
  (await client.query<{ statement: string }>('SELECT statement FROM pg_prepared_statements')).rows.map(
    ({ statement }) => statement,
  );
const askThrice = async (text: string, values: readonly unknown[]): Promise<void> => {
  for (let time = 0; time < 3; time += 1) await client.query(text, [...values]);
};

describe('a connection that prepares statements', () => {
  it('prepares one with parameters that comes again and again, and only that', async () => {
    const often = 'SELECT weight FROM thing WHERE id = $1';
    await client.query(often, ['1']);
    expect(await prepared()).toEqual([]);
    await askThrice(often, ['1']);
    await askThrice('SELECT * FROM thing WHERE id = $1', ['1']);
    await askThrice('SELECT t.* FROM thing t WHERE id = $1', ['1']);
    await askThrice('UPDATE thing SET weight = 7 WHERE id = $1 RETURNING *', ['1']);
    await askThrice('SELECT id FROM thing WHERE weight > $1 ORDER BY id LIMIT $2', [1, 5]);
    expect(await prepared()).toEqual([often]);
    expect((await client.query(often, ['1'])).rows).toEqual([{ weight: 7 }]);
    expect((await client.query(often, ['2'])).rows).toEqual([]);
  });

  it('tells errors of a prepared statement, and works on', async () => {
    const insert = 'INSERT INTO thing (id, weight) VALUES ($1, 1)';
    for (const id of ['a', 'b', 'c']) await client.query(insert, [id]);
    await expect(client.query(insert, ['a'])).rejects.toMatchObject({ code: '23505' });
    await client.query(insert, ['d']);
    expect((await client.query('SELECT count(*)::integer AS n FROM thing')).rows).toEqual([{ n: 5 }]);
  });

  it('prepares anew after what it returns has changed; within a transaction from its next beginning on', async () => {
    const text = 'SELECT weight FROM thing WHERE id = $1';
    await askThrice(text, ['1']);
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    const change = (type: string): Promise<unknown> =>
      other.query(`ALTER TABLE thing ALTER COLUMN weight TYPE ${type} USING weight::${type}`);
    try {
      await change('text');
      expect((await client.query(text, ['1'])).rows).toEqual([{ weight: '7' }]);
      await askThrice(text, ['1']);
      await change('integer');
      const inTransaction = async (): Promise<unknown> => {
        await client.query('START TRANSACTION');
        try {
          return (await client.query(text, ['1'])).rows;
        } finally {
          await client.query('ROLLBACK');
        }
      };
      await expect(inTransaction()).rejects.toMatchObject({ code: '0A000' });
      expect(await inTransaction()).toEqual([{ weight: 7 }]);
    } finally {
      await other.end();
    }
  });

  it('is ended by the database without ending the process, and its next query rejects', async () => {
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    const [found] = (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows;
    const ended = new Promise((resolve) => client.once('end', resolve));
    await other.query('SELECT pg_terminate_backend($1)', [found?.pid]);
    await ended;
    await other.end();
    await expect(client.query('SELECT 1')).rejects.toThrow();
  });

  it('plans by the search path of the moment', async () => {
    const text = 'SELECT weight FROM thing WHERE id = $1';
    await askThrice(text, ['1']);
    await client.query(
      "CREATE SCHEMA beside; CREATE TABLE beside.thing (id text, weight integer); INSERT INTO beside.thing VALUES ('1', 8)",
    );
    await client.query('SET search_path = beside, public');
    expect((await client.query(text, ['1'])).rows).toEqual([{ weight: 8 }]);
  });
});
