import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createServiceDataSource } from '@fornax/projections';
import { type TestDatabase, createTestDatabase } from '@fornax/testing';
import type { DataSource } from 'typeorm';
import { loadMark, saveMark } from './log-mark.js';

const EPOCH = 'a2c1f4f0-0000-4000-8000-000000000001';
let database: TestDatabase;
let db: DataSource;

/** @param stamp the log's epoch and, from its second version on, the version of the projection's rows */
const checkpoint = (projection: string, stamp: string, sequence: number): Promise<unknown> =>
  db.query('INSERT INTO projection_checkpoint (projection, epoch, sequence) VALUES ($1, $2, $3)', [
    projection,
    stamp,
    sequence,
  ]);

beforeAll(async () => {
  database = await createTestDatabase();
  db = await createServiceDataSource({ url: database.url, schema: 'marks', migrations: [] });
}, 120_000);
afterAll(async () => {
  await db.destroy();
  await database.drop();
});
beforeEach(() => db.query('TRUNCATE log_mark, projection_checkpoint'));

describe('what is known of the log when a process starts', () => {
  it('is what the furthest checkpoint says where no mark was kept yet, whatever the version of its rows', async () => {
    expect(await loadMark(db)).toBeUndefined();
    await checkpoint('first', EPOCH, 7);
    await checkpoint('second', `${EPOCH};rows=2`, 9);
    expect(await loadMark(db)).toMatchObject({ epoch: EPOCH, sequence: 9, messageId: undefined });
  });

  it('is the mark, unless a checkpoint of the same log knows more', async () => {
    await saveMark(db, { epoch: EPOCH, sequence: 5, messageId: 'five' });
    await checkpoint('other', 'before another', 40);
    expect(await loadMark(db)).toMatchObject({ epoch: EPOCH, sequence: 5, messageId: 'five' });
    await checkpoint('second', `${EPOCH};rows=2`, 9);
    expect(await loadMark(db)).toMatchObject({ epoch: EPOCH, sequence: 9, messageId: undefined });
  });
});
