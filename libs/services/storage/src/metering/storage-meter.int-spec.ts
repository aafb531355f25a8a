import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { meterDecider, type StorageMetered } from '@fornax/domain';
import { loadAggregate } from '@fornax/event-store';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { StorageReads } from '../reading/storage-reads.js';
import { StorageUnderTest, type TestUser } from '../storage.fixture.js';
import { noteHeld, takePart } from './meter-rows.js';
import { METER_ID, MeterLog } from './meter-log.js';
import { MeteredBuckets } from './metered-buckets.js';
import { StorageMeter } from './storage-meter.js';

const HOUR = 3_600_000;
const TABLES = ['meter_sample', 'meter_slot', 'meter_part'] as const;

let storage: StorageUnderTest;
let ada: TestUser;
let eve: TestUser;
/** An hour that begins later than all that was told. */
let now = Date.UTC(2031, 0, 1);

const db = (): DataSource => storage.app.app.get<DataSource>(getDataSourceToken('storage'));
const at = (clockMs: number, logMs = clockMs): Promise<void> =>
  storage.app.app.get(StorageMeter).meterAt({ clockMs, logMs });
const told = async (): Promise<readonly StorageMetered[]> =>
  (await storage.log.readAggregate('meter', METER_ID)).flatMap(({ events }) => events as readonly StorageMetered[]);
const of = async (bucket: string) =>
  (await told()).flatMap(({ readings }) => readings.filter((one) => one.bucket === bucket));
const byteHours = async (bucket: string): Promise<number> =>
  Number((await of(bucket)).reduce((sum, { byteSeconds }) => sum + BigInt(byteSeconds), 0n)) / 3_600;
const sent = async (bucket: string): Promise<number> =>
  Number((await of(bucket)).reduce((sum, { bytesOut }) => sum + BigInt(bytesOut), 0n));

/** A bucket with so many bytes, which the meter has seen at the beginning of an hour. */
const seen = async (Bucket: string, bytes: number, user = ada): Promise<number> => {
  const s3 = storage.s3(user);
  await s3.send(new CreateBucketCommand({ Bucket }));
  if (bytes > 0) await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x'.repeat(bytes) }));
  now += 100 * HOUR;
  await at(now);
  return now;
};
const get = async (Bucket: string, user = ada, Range?: string): Promise<void> => {
  const { Body } = await storage
    .s3(user)
    .send(new GetObjectCommand({ Bucket, Key: 'k', ...(Range === undefined ? {} : { Range }) }));
  await Body?.transformToByteArray();
};

beforeAll(async () => {
  // Nothing looks by itself: the hours of this spec are told.
  storage = await StorageUnderTest.start({ FORNAX_STORAGE_METER_EVERY_S: '3600' });
  [ada, eve] = [await storage.user('ada@example.org'), await storage.user('eve@example.org')];
}, 180_000);
afterAll(() => storage?.stop());

describe('the meter of storage', () => {
  it('tells what was held in each hour once it is over, once', async () => {
    const from = await seen('held', 5);
    await at(from + HOUR / 2);
    expect(await of('held')).toEqual([]);
    await at(from + HOUR);
    await at(from + HOUR);
    expect(await of('held')).toEqual([
      {
        ...{ bucket: 'held', owner: ada.account, projectUuid: ada.account, from, until: from + HOUR },
        ...{ byteSeconds: String(5 * 3_600), bytesOut: '0' },
      },
    ]);
    await storage.s3(ada).send(new PutObjectCommand({ Bucket: 'held', Key: 'more', Body: 'x' }));
    await Promise.all([at(from + 2.5 * HOUR), at(from + 2.5 * HOUR), at(from + 2.5 * HOUR)]);
    await at(from + 3 * HOUR);
    // What is there at a look counts from then on.
    expect(await byteHours('held')).toBe(5 + 5 + 5 / 2 + 6 / 2);
  });

  it('tells what people got out of a bucket, for its owner, and not what nodes read', async () => {
    const from = await seen('given', 1_000);
    await get('given');
    await get('given', ada, 'bytes=0-9');
    const lease = { ...storage.newLease(ada, 'given'), read: [{ bucket: 'given' }] };
    const { Body } = await storage.lease(lease).send(new GetObjectCommand({ Bucket: 'given', Key: 'k' }));
    expect(await Body?.transformToByteArray()).toHaveLength(1_000);
    await expect(get('given', eve)).rejects.toThrow();
    await at(from + HOUR / 2);
    await at(from + HOUR);
    expect(await sent('given')).toBe(1_010);
    expect((await of('given'))[0]).toMatchObject({ owner: ada.account });
  });

  it('goes on where it was after the service was away: what lay there meanwhile was held', async () => {
    const from = await seen('kept', 7);
    await get('kept');
    await storage.restart();
    await at(from + 3 * HOUR);
    expect(await byteHours('kept')).toBe(7 * 3);
    expect((await of('kept')).filter(({ byteSeconds }) => byteSeconds !== '0')).toHaveLength(3);
  });

  it('counts no time twice, and loses none, when clocks are set back or before', async () => {
    const from = await seen('clocks', 11);
    await at(from + HOUR);
    await at(from - 40 * HOUR);
    await at(from + HOUR / 2);
    expect(await byteHours('clocks')).toBe(11);
    // A clock that is wrong by a year tells nothing that is not over by the log's own, and holds for a day at most.
    await at(from + 9_000 * HOUR, from + 2 * HOUR);
    expect(await byteHours('clocks')).toBe(22);
    await at(from + 3 * HOUR);
    await at(from + 30 * HOUR);
    expect(await byteHours('clocks')).toBe(11 * 30);
    now = from + 30 * HOUR;
  });

  it('tells a part once when it dies before it is told, and before it knows that it is', async () => {
    const from = await seen('crashes', 13);
    await at(from + HOUR, from);
    const { state } = await loadAggregate(storage.log, 'meter', METER_ID, meterDecider);
    const part = await takePart(db(), state, { until: from + HOUR });
    expect(part).toMatchObject({ part: state.part + 1 });
    await storage.restart();
    await at(from + HOUR);
    expect(await byteHours('crashes')).toBe(13);
    await db().query('UPDATE meter_part SET readings = $2::jsonb WHERE part = $1', [
      state.part + 1,
      JSON.stringify(part && 'readings' in part ? part.readings : []),
    ]);
    await storage.restart();
    await at(from + 2 * HOUR);
    expect(await byteHours('crashes')).toBe(26);
    expect(await db().query('SELECT count(*)::int AS count FROM meter_part WHERE readings IS NOT NULL')).toEqual([
      { count: 0 },
    ]);
  });

  it('tells nothing again that a database which was put back no longer knows', async () => {
    const from = await seen('restored', 17);
    await at(from + HOUR / 2);
    for (const table of TABLES) await db().query(`CREATE TABLE kept_${table} AS TABLE ${table}`);
    await at(from + 2 * HOUR);
    expect(await byteHours('restored')).toBe(34);
    for (const table of TABLES) {
      await db().query(`TRUNCATE ${table}`);
      await db().query(`INSERT INTO ${table} SELECT * FROM kept_${table}`);
      await db().query(`DROP TABLE kept_${table}`);
    }
    await storage.restart();
    await at(from + 2.5 * HOUR);
    expect(await byteHours('restored')).toBe(34);
    await at(from + 3 * HOUR);
    expect(await byteHours('restored')).toBe(51);
  });

  it('asks a log that nobody writes to what time it is, and no more often than time is told', async () => {
    const [meter, log] = [storage.app.app.get(StorageMeter), storage.app.app.get(MeterLog)];
    const before = await log.time();
    const parts = (await told()).length;
    const later = (before ?? 0) + 2 * HOUR;
    await meter.meter(later);
    await meter.meter(later + 60_000);
    expect((await told()).slice(parts)).toMatchObject([{ readings: [] }]);
    expect(await log.time()).toBeGreaterThan(before ?? Infinity);
  });

  it('goes on where another process saw a new bucket before an hour was told, and noted it in between', async () => {
    const from = await seen('older', 29);
    const s3 = storage.s3(ada);
    await s3.send(new CreateBucketCommand({ Bucket: 'newer' }));
    await s3.send(new PutObjectCommand({ Bucket: 'newer', Key: 'k', Body: 'xyz' }));
    const held = await storage.app.app.get(MeteredBuckets).held();
    const over = from / 1_000 + 3_600;
    const without = held.filter(({ name }) => name !== 'newer');
    await noteHeld(db(), without, { nowS: over, slotS: 3_600 });
    await noteHeld(db(), held, { nowS: over - 2, slotS: 3_600 });
    await storage.app.app.get(MeterLog).tell(over * 1_000);
    await at(from + 1.5 * HOUR);
    await at(from + 2 * HOUR);
    expect([await byteHours('older'), await byteHours('newer')]).toEqual([58, 3]);
  });

  it('tells what was on its way once when the log has lost parts before it', async () => {
    const from = await seen('lost', 31);
    await at(from + HOUR, from);
    const { state } = await loadAggregate(storage.log, 'meter', METER_ID, meterDecider);
    const part = await takePart(db(), state, { until: from + HOUR });
    expect(part).toMatchObject({ part: state.part + 1 });
    // As if the log had had three parts more.
    await db().query('UPDATE meter_part SET part = part + 3 WHERE part > $1', [state.part]);
    await storage.restart();
    for (const minute of [0, 1, 2, 3]) await at(from + HOUR + minute * 60_000);
    expect(await byteHours('lost')).toBe(31);
    await at(from + 2 * HOUR);
    expect(await byteHours('lost')).toBe(62);
  });

  it('counts what another account does with a name that was given up for that account alone', async () => {
    const from = await seen('renamed', 19);
    await at(from + HOUR);
    const s3 = storage.s3(ada);
    await s3.send(new DeleteObjectCommand({ Bucket: 'renamed', Key: 'k' }));
    await s3.send(new DeleteBucketCommand({ Bucket: 'renamed' }));
    await storage.s3(eve).send(new CreateBucketCommand({ Bucket: 'renamed' }));
    await storage.s3(eve).send(new PutObjectCommand({ Bucket: 'renamed', Key: 'k', Body: 'xx' }));
    // Nobody knows what lay there between two looks: nothing is billed of it.
    await at(from + 2 * HOUR);
    await at(from + 3 * HOUR);
    const all = await of('renamed');
    expect(all.map(({ owner, byteSeconds }) => [owner, Number(byteSeconds) / 3_600])).toEqual([
      [ada.account, 19],
      [eve.account, 2],
    ]);
  });

  it('keeps nothing of buckets that come and go', async () => {
    const from = await seen('steady', 23);
    await at(from + HOUR);
    const s3 = storage.s3(ada);
    for (let index = 0; index < 60; index += 1) {
      await s3.send(new CreateBucketCommand({ Bucket: 'flash' }));
      await s3.send(new PutObjectCommand({ Bucket: 'flash', Key: 'k', Body: 'xyz' }));
      await get('flash');
      await s3.send(new DeleteObjectCommand({ Bucket: 'flash', Key: 'k' }));
      await s3.send(new DeleteBucketCommand({ Bucket: 'flash' }));
    }
    await storage.app.app.get(StorageReads).catchUp();
    await at(from + 1.5 * HOUR);
    await at(from + 2 * HOUR);
    expect([await byteHours('flash'), await sent('flash'), await byteHours('steady')]).toEqual([0, 180, 46]);
    const [rows] = await db().query<{ readonly count: number }[]>(
      `SELECT (SELECT count(*) FROM meter_sample WHERE bucket = 'flash')::int + (SELECT count(*) FROM meter_slot WHERE bucket = 'flash')::int AS count`,
    );
    expect(rows?.count).toBe(0);
  }, 120_000);
});
