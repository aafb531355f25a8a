import { createServiceDataSource } from '@fornax/projections';
import { createTestDatabase, type TestDatabase } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { DATABASE, OUTPUT_DATABASE } from '../config/database.js';
import { deleteOutput } from './log-store.js';
import { collectGarbage, moveOldest } from './segment-store.js';

let database: TestDatabase;
let db: DataSource;
beforeAll(async () => {
  database = await createTestDatabase();
  db = await createServiceDataSource({ url: database.url, schema: DATABASE, ...OUTPUT_DATABASE });
}, 120_000);
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

/** Objects in memory: what is stored where is tested with the real store elsewhere. */
const inMemory = () => {
  const keys = new Set<string>();
  return {
    keys,
    put: (key: string) => Promise.resolve(void keys.add(key)),
    delete: (key: string) => Promise.resolve(void keys.delete(key)),
  };
};
const print = (taskId: string): Promise<unknown> =>
  db.query(
    `WITH chunk AS (INSERT INTO log_chunk (task_id, stream, instance, attempt, byte_offset, size_bytes, data)
       VALUES ($1, 'stdout', 0, 1, 0, 5, 'hello') RETURNING position)
     INSERT INTO log_stream (task_id, stream, kept_bytes, dropped_bytes, dropped_to, last_position)
     SELECT $1, 'stdout', 5, 0, 0, position FROM chunk`,
    [taskId],
  );
const forget = (taskId: string): Promise<void> => db.transaction((tx) => deleteOutput(tx, [taskId]));
/** The same database, where something happens right before a statement of this kind. */
const before = (statement: RegExp, happening: () => Promise<unknown>): DataSource =>
  new Proxy(db, {
    get: (target, name) => {
      if (name !== 'query') {
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return async (sql: string, parameters?: unknown[]): Promise<unknown> => {
        if (statement.test(sql)) await happening();
        return db.query(sql, parameters);
      };
    },
  });

describe('output on its way into an object', () => {
  it.each([
    ['before the rows are read', /FROM log_chunk/],
    ['before the object is noted', /INSERT INTO log_segment/],
  ])('leaves none behind when its task is deleted %s', async (_, statement) => {
    const taskId = `task ${statement.source}`;
    await print(taskId);
    const objects = inMemory();
    const stream = { taskId, stream: 'stdout', keptBytes: 5, isOver: true };
    const moved = await moveOldest(
      before(statement, () => forget(taskId)),
      objects,
      stream,
      100,
    );
    expect(moved).toBe(0);
    await collectGarbage(db, objects);
    expect([...objects.keys]).toEqual([]);
    for (const table of ['log_segment', 'log_archived', 'log_chunk', 'log_stream'])
      expect(await db.query(`SELECT 1 FROM ${table} WHERE task_id = $1`, [taskId])).toEqual([]);
  });

  it('stays when its task does', async () => {
    await print('kept');
    const objects = inMemory();
    const stream = { taskId: 'kept', stream: 'stdout', keptBytes: 5, isOver: true };
    expect(await moveOldest(db, objects, stream, 100)).toBe(5);
    await collectGarbage(db, objects);
    expect(objects.keys.size).toBe(1);
    expect(await db.query(`SELECT 1 FROM log_chunk WHERE task_id = 'kept'`)).toEqual([]);
  });
});
