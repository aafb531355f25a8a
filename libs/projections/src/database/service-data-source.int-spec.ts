import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type TestDatabase, createTestDatabase } from '@fornax/testing';
import type { DataSource, MigrationInterface, QueryRunner } from 'typeorm';
import { createServiceDataSource } from './service-data-source.js';

const SLOW_MS = 120_000;

class Things1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE thing (id text PRIMARY KEY)');
  }
  async down(): Promise<void> {}
}
class Broken1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE other (id text)');
    await runner.query('CREATE TABLE thing (id text)');
  }
  async down(): Promise<void> {}
}

let database: TestDatabase;
let opened: DataSource[];

const open = async (schema: string, ...more: readonly (new () => MigrationInterface)[]): Promise<DataSource> => {
  const dataSource = await createServiceDataSource({
    url: database.url,
    schema,
    migrations: [Things1700000000001, ...more],
  });
  opened.push(dataSource);
  return dataSource;
};

beforeEach(async () => {
  database = await createTestDatabase();
  opened = [];
}, SLOW_MS);
afterEach(async () => {
  for (const dataSource of opened) await dataSource.destroy();
  await database.drop();
});

describe("a service's database", () => {
  it('is migrated once by many processes that start together', async () => {
    await Promise.all(['billing', 'billing', 'storage', 'billing', 'storage'].map((schema) => open(schema)));
    for (const schema of ['billing', 'storage']) {
      const rows: unknown = await opened[0]?.query('SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1', [
        schema,
      ]);
      expect(rows).toEqual([
        { tablename: 'log_mark' },
        { tablename: 'projection_checkpoint' },
        { tablename: 'projection_rebuild' },
        { tablename: 'projection_stopped' },
        { tablename: 'schema_migrations' },
        { tablename: 'thing' },
      ]);
    }
  });

  it('stands in its own schema on every connection', async () => {
    const [billing, storage] = [await open('billing'), await open('storage')];
    await billing.query(`INSERT INTO thing VALUES ('bill')`);
    const seen = await Promise.all(
      Array.from({ length: 8 }, () => storage.query('SELECT pg_sleep(0.02), count(*)::int AS n FROM thing')),
    );
    expect(seen.flat().every((row: { readonly n: number }) => row.n === 0)).toBe(true);
  });

  it('fails to open, and leaves nothing half-made, when a migration fails', async () => {
    await expect(open('billing', Broken1700000000002)).rejects.toThrow('already exists');
    const billing = await open('billing');
    expect(await billing.query(`SELECT to_regclass('other') AS other, to_regclass('thing')::text AS thing`)).toEqual([
      { other: null, thing: 'thing' },
    ]);
  });

  it('of a newer release is left as it is', async () => {
    const admin = await open('storage');
    await admin.query('CREATE SCHEMA billing');
    await admin.query(`COMMENT ON SCHEMA billing IS 'Fornax data, format 99'`);
    await expect(open('billing')).rejects.toThrow(/schema billing .*newer release of Fornax \(format 99\)/);
    expect(await admin.query(`SELECT tablename FROM pg_tables WHERE schemaname = 'billing'`)).toEqual([]);
  });

  it('refuses a schema name that is not plain', async () => {
    await expect(open('bil"ling')).rejects.toThrow('not a plain snake_case name');
  });
});
