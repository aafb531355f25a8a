import { isDeepStrictEqual } from 'node:util';
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { owedEffectsSchema, type OwedEffects } from '@fornax/contracts';
import { HealthRegistry, ProjectionHost } from '@fornax/service-kit';
import { eventually } from '@fornax/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource, type QueryRunner } from 'typeorm';
import { EffectDrain } from './effect-drain.js';
import { ObjectEffects } from './object-effects.js';
import { StorageUnderTest, type TestUser, failureOf } from '../storage.fixture.js';

const SLOW_MS = 120_000;
const LOCK = `hashtextextended('fornax object effects storage', 0)`;

let storage: StorageUnderTest;
let db: DataSource;
/** A session of its own, which can hold the lock that the process manager needs. */
let holder: QueryRunner;
let ada: TestUser;
let eve: TestUser;
let root: TestUser;

const create = (user: TestUser, Bucket: string) => storage.s3(user).send(new CreateBucketCommand({ Bucket }));
const put = (user: TestUser, Bucket: string, Key: string) =>
  storage.s3(user).send(new PutObjectCommand({ Bucket, Key, Body: Key }));
const keys = async (user: TestUser, Bucket: string): Promise<readonly (string | undefined)[]> =>
  ((await storage.s3(user).send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key);
const statusOf = async (user: TestUser, Bucket: string): Promise<number | undefined> =>
  (await failureOf(storage.s3(user).send(new HeadBucketCommand({ Bucket })))).status;
const owed = async (): Promise<readonly string[]> =>
  (
    await db.query<{ owed: string }[]>(`SELECT kind || ' ' || scope AS owed FROM storage.object_effect ORDER BY id`)
  ).map((row) => row.owed);
const nothingOwed = () => eventually(async () => (await owed()).length === 0, { timeoutMs: SLOW_MS });
/** The rows are not held up: they pass a commit whose effects wait. */
const folded = async (sequence: number): Promise<void> =>
  expect(await storage.app.app.get(ProjectionHost).waitFor('buckets', sequence, SLOW_MS)).toBe(true);
const stage = async (bucket: string, Key: string) => {
  const claims = storage.newLease(ada, bucket);
  await storage.lease(claims).send(new PutObjectCommand({ Bucket: bucket, Key, Body: Key }));
  return claims;
};
/** The bucket is given up, and its name becomes somebody else's, although there is something in it. */
const passOn = (bucket: string, to: TestUser): Promise<number> =>
  storage.append('bucket', bucket, [
    { type: 'BucketDeleted', bucket, at: Date.now() },
    { type: 'BucketCreated', bucket, owner: to.account, at: Date.now() },
  ]);

const effectsUrl = (): string => `${storage.app.url}/fornax/v1/buckets/effects`;
const shown = async (): Promise<OwedEffects> =>
  owedEffectsSchema.parse(await (await fetch(effectsUrl(), { headers: { authorization: root.token } })).json());
const giveUp = ({ token }: TestUser, id: string): Promise<Response> =>
  fetch(`${effectsUrl()}/${id}`, { method: 'DELETE', headers: { authorization: token } });

beforeAll(async () => {
  storage = await StorageUnderTest.start();
  [ada, eve] = [await storage.user('ada@example.org'), await storage.user('eve@example.org')];
  root = await storage.user('root@example.org', {}, 'operator');
  db = await new DataSource({ type: 'postgres', url: storage.databaseUrl }).initialize();
  holder = db.createQueryRunner();
  await create(ada, 'results');
}, 180_000);
beforeEach(() => {
  storage.currentLeases = new Set();
});
afterEach(() => nothingOwed());
afterAll(async () => {
  await holder.release();
  await db.destroy();
  await storage.stop();
});

describe('effects on objects', () => {
  it(
    'happen once, in order, after a process ended between the rows and them; until then nobody is served the bucket',
    async () => {
      await create(ada, 'again');
      await put(ada, 'again', 'old');
      const claims = await stage('results', 'result');
      await nothingOwed();
      await holder.query(`SELECT pg_advisory_lock(${LOCK})`);
      await folded(await passOn('again', eve));
      await folded(await storage.conclude(claims));
      const waiting = ['delete bucket/again', 'create bucket/again', `publish task/${claims.taskId}`];
      expect(await owed()).toEqual(waiting);
      expect(await statusOf(eve, 'again')).toBe(503);
      await storage.restart();
      expect([await statusOf(eve, 'again'), await owed()]).toEqual([503, waiting]);
      await holder.query(`SELECT pg_advisory_unlock(${LOCK})`);
      await nothingOwed();
      expect([await keys(eve, 'again'), await keys(ada, 'results')]).toEqual([[], ['result']]);
      await put(eve, 'again', 'new');
      await storage.restart();
      await nothingOwed();
      expect([await keys(eve, 'again'), await keys(ada, 'results')]).toEqual([['new'], ['result']]);
    },
    SLOW_MS * 2,
  );

  it(
    'are not noted by a rebuild of the rows',
    async () => {
      await holder.query(`SELECT pg_advisory_lock(${LOCK})`);
      await folded(await storage.append('task', 'of-nobody', [{ type: 'TaskDeleted', at: Date.now() }]));
      const runner = storage.app.app.get(ProjectionHost).runner('buckets');
      expect((await runner.rebuild({ verify: true })).differences).toEqual([]);
      expect((await runner.rebuild({ verify: false })).swapped).toBe(true);
      expect(await owed()).toEqual(['drop task/of-nobody']);
      await holder.query(`SELECT pg_advisory_unlock(${LOCK})`);
    },
    SLOW_MS,
  );

  it(
    'on results are given up by operators alone, those on buckets by nobody',
    async () => {
      await holder.query(`SELECT pg_advisory_lock(${LOCK})`);
      await folded(await storage.append('task', 'given-up', [{ type: 'TaskDeleted', at: Date.now() }]));
      await folded(await passOn('results', ada));
      const [result, bucket] = await shown();
      expect(result).toMatchObject({ kind: 'drop', scope: 'task/given-up', failures: 0, reason: null });
      expect(bucket).toMatchObject({ kind: 'delete', scope: 'bucket/results' });
      expect((await giveUp(ada, result?.id ?? '')).status).toBe(403);
      expect((await giveUp(root, bucket?.id ?? '')).status).toBe(409);
      expect((await giveUp(root, 'x')).status).toBe(400);
      expect((await giveUp(root, result?.id ?? '')).status).toBe(200);
      expect(await owed()).toEqual(['delete bucket/results', 'create bucket/results']);
      await holder.query(`SELECT pg_advisory_unlock(${LOCK})`);
    },
    SLOW_MS,
  );

  it(
    'that fail again and again are named, stand in the way of nothing else, and reach no later bucket of that name',
    async () => {
      await db.query(`CREATE FUNCTION storage.refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no place for %', NEW.key; END $$`);
      await db.query(`CREATE TRIGGER refuse BEFORE UPDATE ON storage.object FOR EACH ROW WHEN (NEW.key = 'cursed')
        EXECUTE FUNCTION storage.refuse()`);
      await create(ada, 'mine');
      const claims = await stage('mine', 'cursed');
      await folded(await storage.conclude(claims));
      const degraded = async () => (await storage.app.app.get(HealthRegistry).check()).degraded;
      const named = { name: 'object effects', reason: expect.stringContaining('no place for cursed') };
      await eventually(async () => (await degraded()).some(({ name }) => name === 'object effects'), {
        timeoutMs: SLOW_MS,
      });
      expect(await degraded()).toEqual([expect.objectContaining(named)]);
      await create(ada, 'other');
      await put(ada, 'other', 'k');
      await folded(await passOn('mine', eve));
      await eventually(async () => (await owed()).join() === `publish task/${claims.taskId}`, { timeoutMs: SLOW_MS });
      expect(await shown()).toEqual([expect.objectContaining({ kind: 'publish', scope: `task/${claims.taskId}` })]);
      expect((await giveUp(root, '999999')).status).toBe(404);
      await db.query('DROP FUNCTION storage.refuse CASCADE');
      // Tried at once again, instead of in its time.
      await storage.restart();
      await nothingOwed();
      expect([await keys(eve, 'mine'), await keys(ada, 'other')]).toEqual([[], ['k']]);
      expect(await degraded()).toEqual([]);
    },
    SLOW_MS * 2,
  );

  it(
    'are never called missing, however many results of others wait before them',
    async () => {
      await create(ada, 'crowded');
      await db.query(`CREATE FUNCTION storage.refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'away' USING ERRCODE = '08006'; END $$`);
      await db.query(`CREATE TRIGGER refuse BEFORE UPDATE ON storage.object FOR EACH ROW WHEN (NEW.key LIKE 'waits%')
        EXECUTE FUNCTION storage.refuse()`);
      const late = async (names: readonly string[]): Promise<void> => {
        const staged: Awaited<ReturnType<typeof stage>>[] = [];
        for (const name of names) staged.push(await stage('crowded', name));
        let last = 0;
        for (const claims of staged) last = await storage.conclude(claims);
        await folded(last);
      };
      const get = (Key: string) => failureOf(storage.s3(ada).send(new GetObjectCommand({ Bucket: 'crowded', Key })));
      await late([...Array.from({ length: 60 }, (_, at) => `waits ${at}`), 'waits last']);
      expect(await get('waits last')).toEqual({ name: 'SlowDown', status: 503 });
      expect(await get('never stored')).toEqual({ name: 'NoSuchKey', status: 404 });
      // More than are looked through: whether it is among the rest is not known.
      await db.query(`INSERT INTO storage.object_effect (sequence, kind, scope, names)
        SELECT 1, 'publish', 'task/many', array_agg('many/' || n || '/') FROM generate_series(1, 1000) AS n`);
      expect(await get('never stored')).toEqual({ name: 'SlowDown', status: 503 });
      await db.query('DROP FUNCTION storage.refuse CASCADE');
      await storage.restart();
      await nothingOwed();
      expect(await get('never stored')).toEqual({ name: 'NoSuchKey', status: 404 });
    },
    SLOW_MS * 2,
  );

  it(
    'that a store was away for are done as soon as it is back and somebody asks',
    async () => {
      // A sequence counts tries that are rolled back, too.
      await db.query('CREATE SEQUENCE storage.tries');
      await db.query(`CREATE FUNCTION storage.refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM nextval('storage.tries'); RAISE EXCEPTION 'away' USING ERRCODE = '08006'; END $$`);
      await db.query(`CREATE TRIGGER refuse BEFORE UPDATE ON storage.object FOR EACH ROW WHEN (NEW.key = 'late')
        EXECUTE FUNCTION storage.refuse()`);
      await create(ada, 'away');
      await folded(await storage.conclude(await stage('away', 'late')));
      const tries = async (): Promise<number> =>
        Number((await db.query<{ n: string }[]>('SELECT last_value AS n FROM storage.tries'))[0]?.n);
      await eventually(async () => (await tries()) >= 8, { timeoutMs: SLOW_MS });
      const get = () => storage.s3(ada).send(new GetObjectCommand({ Bucket: 'away', Key: 'late' }));
      // It is not said to be missing.
      expect(await failureOf(get())).toEqual({ name: 'SlowDown', status: 503 });
      await db.query('DROP FUNCTION storage.refuse CASCADE');
      await db.query('DROP SEQUENCE storage.tries');
      expect((await get()).ContentLength).toBe('late'.length);
    },
    SLOW_MS,
  );

  it(
    'of an instance that ended while there was no bucket reach no later bucket of that name, however late they are tried again',
    async () => {
      await create(ada, 'gone');
      const claims = await stage('gone', 'cursed');
      await nothingOwed();
      await db.query(`CREATE FUNCTION storage.refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no way for %', OLD.key; END $$`);
      await db.query(`CREATE TRIGGER refuse BEFORE DELETE OR UPDATE ON storage.object FOR EACH ROW
        WHEN (OLD.key LIKE '%/gone/cursed') EXECUTE FUNCTION storage.refuse()`);
      await folded(await storage.append('bucket', 'gone', [{ type: 'BucketDeleted', bucket: 'gone', at: Date.now() }]));
      await folded(await storage.conclude(claims));
      const waiting = ['delete bucket/gone', `publish task/${claims.taskId}`];
      expect(await owed()).toEqual(waiting);
      const created = { type: 'BucketCreated', bucket: 'gone', owner: eve.account, at: Date.now() } as const;
      await folded(await storage.append('bucket', 'gone', [created]));
      // What cannot be put out of the way keeps the bucket from being served.
      await eventually(async () => (await shown()).every(({ kind, failures }) => kind !== 'delete' || failures > 0), {
        timeoutMs: SLOW_MS,
      });
      // Neither does a start, which makes the buckets that the store should have.
      await storage.restart();
      expect(await statusOf(eve, 'gone')).toBe(503);
      await db.query('DROP FUNCTION storage.refuse CASCADE');
      await nothingOwed();
      expect(await keys(eve, 'gone')).toEqual([]);
    },
    SLOW_MS * 2,
  );

  it(
    'that are given up between two tries are not looked for any more',
    async () => {
      await db.query(
        `CREATE FUNCTION storage.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$`,
      );
      await db.query(`CREATE TRIGGER refuse BEFORE UPDATE ON storage.object FOR EACH ROW WHEN (NEW.key = 'refused')
        EXECUTE FUNCTION storage.refuse()`);
      await create(ada, 'given-up');
      await folded(await storage.conclude(await stage('given-up', 'refused')));
      await eventually(async () => (await shown()).some(({ failures }) => failures > 0), { timeoutMs: SLOW_MS });
      const [effect] = await shown();
      expect((await giveUp(root, effect?.id ?? '')).status).toBe(200);
      await db.query('DROP FUNCTION storage.refuse CASCADE');
      const drain = storage.app.app.get(EffectDrain);
      const tellers = { done: () => undefined, failed: () => undefined };
      // Nothing is due, as soon as its time is over: the process manager sleeps until it is woken.
      await eventually(async () => isDeepStrictEqual(await drain.run(new AbortController().signal, tellers), {}), {
        timeoutMs: 30_000,
      });
    },
    SLOW_MS,
  );

  it(
    'bring no results into a bucket that took the name of the one they were uploaded for',
    async () => {
      await create(ada, 'passed-on');
      await create(ada, 'kept');
      const [claims, other] = [await stage('passed-on', 'of ada'), await stage('kept', 'result')];
      await folded(await passOn('passed-on', eve));
      await nothingOwed();
      await folded(await storage.conclude(claims));
      await folded(await storage.conclude(other));
      await nothingOwed();
      expect([await keys(eve, 'passed-on'), await keys(ada, 'kept')]).toEqual([[], ['result']]);
    },
    SLOW_MS,
  );

  it(
    'that many others have failed for long before them are carried out all the same',
    async () => {
      await db.query(
        `CREATE FUNCTION storage.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$`,
      );
      await db.query(`CREATE TRIGGER refuse BEFORE UPDATE ON storage.object FOR EACH ROW WHEN (NEW.key LIKE 'hopeless-%')
        EXECUTE FUNCTION storage.refuse()`);
      await create(ada, 'hopeless');
      const claims = await Promise.all(Array.from({ length: 5 }, (_, n) => stage('hopeless', `hopeless-${n}`)));
      await nothingOwed();
      await holder.query(`SELECT pg_advisory_lock(${LOCK})`);
      for (const claim of claims) await folded(await storage.conclude(claim));
      await db.query('UPDATE storage.object_effect SET failures = 5');
      await folded(await storage.append('task', 'behind', [{ type: 'TaskDeleted', at: Date.now() }]));
      const tried: string[] = [];
      const tellers = { done: () => undefined, failed: ({ scope }: { scope: string }) => void tried.push(scope) };
      // The process manager would take turns with this one.
      await storage.app.app.get(ObjectEffects).beforeApplicationShutdown();
      await holder.query(`SELECT pg_advisory_unlock(${LOCK})`);
      await storage.app.app.get(EffectDrain).run(new AbortController().signal, tellers);
      expect(tried).toHaveLength(5);
      expect(await owed()).not.toContain('drop task/behind');
      await db.query('DROP FUNCTION storage.refuse CASCADE');
      await storage.restart();
    },
    SLOW_MS,
  );
});
