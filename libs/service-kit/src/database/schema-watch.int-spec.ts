import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createServiceDataSource } from '@fornax/projections';
import { type TestDatabase, createTestDatabase, eventually } from '@fornax/testing';
import type { DataSource } from 'typeorm';
import { wireErrorOf } from '../errors/wire-error.js';
import { type SchemaGone, hasSchema, watchSchema } from './schema-watch.js';

let database: TestDatabase;
let db: DataSource;

const open = (): Promise<DataSource> =>
  createServiceDataSource({ url: database.url, schema: 'things', migrations: [] });

beforeAll(async () => {
  database = await createTestDatabase();
  db = await open();
}, 120_000);
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

describe('a schema that is dropped under a running service', () => {
  it('is noticed and said once, is an outage to those who ask meanwhile, and is made again by the next start', async () => {
    const told: SchemaGone[] = [];
    watchSchema(db, 'things', 20, (error) => told.push(error));
    expect(await hasSchema(db)).toBe(true);
    await db.query('DROP SCHEMA things CASCADE');
    await eventually(() => told.length > 0);
    expect(told.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^the tables of schema things .* are gone; the process starts again/),
    ]);
    const error: unknown = await db.query('SELECT * FROM projection_checkpoint').catch((reason: unknown) => reason);
    expect(wireErrorOf(error)).toMatchObject({ status: 503 });
    const next = await open();
    expect(await hasSchema(next)).toBe(true);
    await next.destroy();
  });
});
