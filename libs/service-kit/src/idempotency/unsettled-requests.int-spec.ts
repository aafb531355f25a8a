import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { createServiceDataSource } from '@fornax/projections';
import { createTestDatabase, type TestDatabase } from '@fornax/testing';
import type { DataSource } from 'typeorm';
import { UnsettledRequests1790000800000 } from './unsettled-requests.migration.js';
import { UnsettledRequests } from './unsettled-requests.js';

const MINUTE = 60_000;
let database: TestDatabase;
let db: DataSource;
let elapsed = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  db = await createServiceDataSource({
    url: database.url,
    schema: 'submission',
    migrations: [UnsettledRequests1790000800000],
  });
}, 120_000);
afterAll(async () => {
  await db?.destroy();
  await database?.drop();
}, 60_000);
beforeEach(async () => {
  await db.query('DELETE FROM unsettled_request');
});

const requests = (): UnsettledRequests =>
  new UnsettledRequests(
    db,
    (error) => {
      throw error;
    },
    { elapsed: () => elapsed },
  );
/** The database's time of day is set: what was left looks older by as much. */
const setForward = (hours: number) =>
  db.query('UPDATE unsettled_request SET left_at = left_at - make_interval(hours => $1)', [hours]);

it('knows a request again that came a moment ago, although the clock was set forward by an hour meanwhile', async () => {
  const own = requests();
  await own.leave('a', 'first');
  await setForward(1);
  // Sweeps what is old, and that is not.
  await own.leave('b', 'other');
  expect(await own.take(() => 'a')).toBe('first');
  expect(await own.take(() => 'a')).toBeUndefined();
});

it('takes what another process left by the instant, which is all that it knows of it', async () => {
  await requests().leave('a', 'first');
  await requests().leave('b', 'second');
  await db.query("UPDATE unsettled_request SET left_at = now() - interval '1 hour' WHERE name = 'first'");
  const other = requests();
  expect(await other.take(() => 'a')).toBeUndefined();
  expect(await other.take(() => 'b')).toBe('second');
});

it('does not know a request of its own again that came long ago, although the clock was set back', async () => {
  const own = requests();
  await own.leave('a', 'first');
  await setForward(-2);
  elapsed += 14 * MINUTE;
  await own.leave('b', 'second');
  elapsed += 2 * MINUTE;
  expect(await own.take(() => 'a')).toBeUndefined();
  expect(await own.take(() => 'b')).toBe('second');
});
