import { rename } from 'node:fs/promises';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { LEFT_ID, STREAMS, logArchiveSchema, logRestoreSchema, type RecordedCommit } from '@fornax/contracts';
import {
  VersionConflict,
  Leaving,
  askToLeave,
  managerOf,
  RestoredStream,
  serveLeaving,
  serveRestores,
} from '@fornax/event-store';
import { NATS, ProjectionHost } from '@fornax/service-kit';
import { cancelRequested, eventually, submitted } from '@fornax/testing';
import type { NatsConnection } from '@nats-io/transport-node';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { ArchiveObjects } from './archive-objects.js';
import {
  TIMEOUT_MS,
  alter,
  archiveByHand,
  archiver,
  fileOf,
  bytesOf,
  get,
  index,
  keys,
  log,
  operator,
  storage,
  store,
  submit,
  verify,
} from './archive-under-test.fixture.js';
import { LeftIndex } from './left-index.js';
import { LogRetention, type LogRetentionParts } from './log-retention.js';

archiveByHand();

const nats = (): NatsConnection => storage.app.app.get<NatsConnection>(NATS);
const db = (): DataSource => storage.app.app.get<DataSource>(getDataSourceToken('storage'));
const objects = (): ArchiveObjects => new ArchiveObjects(store());
/** What is a millisecond old leaves. */
const retention = (parts: Partial<LogRetentionParts> = {}): LogRetention =>
  new LogRetention({
    log: log(),
    objects: objects(),
    index: new LeftIndex(db(), objects()),
    askToLeave: () => askToLeave(nats()),
    rule: { retentionMs: 1, leastCommits: 1 },
    now: () => Date.now(),
    ...parts,
  });
const leaveAll = async (): Promise<number> => {
  await archiver().archive();
  return eventually(async () => {
    const isMore = await retention().step();
    const { to } = await log().left();
    return !isMore && (await firstInStream()) > to && to;
  });
};
const firstInStream = async (): Promise<number> =>
  (await (await managerOf(nats())).streams.info(STREAMS.events)).state.first_seq;
const all = async (from = 1): Promise<readonly RecordedCommit[]> => {
  const commits: RecordedCommit[] = [];
  for await (const batch of log().read({ from })) commits.push(...batch);
  return commits;
};
const own = (commits: readonly RecordedCommit[]): readonly RecordedCommit[] =>
  commits.filter(({ aggregate }) => aggregate !== 'log-archive');

beforeEach(() => serveLeaving(nats(), new Leaving(nats(), { olderThanMs: 0, graceMs: 0 })));

describe('a log of which the oldest part leaves', () => {
  it(
    'answers as before, and is bounded',
    async () => {
      await submit(20);
      const first = (await all()).find(({ aggregate }) => aggregate === 'task');
      const before = own(await all());
      const buckets = await storage.log.readAggregate('account', operator.account);
      const to = await leaveAll();
      expect(to).toBeGreaterThan(15);
      expect(own(await all())).toEqual(before);
      expect(await storage.log.readAggregate('task', first?.aggregateId ?? '')).toEqual([first]);
      expect(await storage.log.readAggregate('account', operator.account)).toEqual(buckets);
      expect(logArchiveSchema.parse(await get('/fornax/v1/log/archive'))).toMatchObject({ left: to, stays: null });
      expect((await verify()).findings).toEqual([]);
      // It goes on so.
      await submit(20);
      const more = own(await all());
      const next = await leaveAll();
      expect(next).toBeGreaterThan(to + 15);
      expect(own(await all())).toEqual(more);
      const { segments, compared, findings } = await verify();
      expect(findings).toEqual([]);
      expect(segments).toBeGreaterThan(compared);
      expect((await log().verify({ from: 1, most: 10_000 })).damage).toEqual([]);
      expect(log().damagedPlaces()).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    'is the same for read models, and for a process that starts anew',
    async () => {
      const user = await storage.user('somebody@example.org');
      await storage.append('bucket', 'left-behind', [
        { type: 'BucketCreated', bucket: 'left-behind', owner: user.account, at: 1 },
      ]);
      await submit(20);
      await leaveAll();
      await storage.restart();
      serveLeaving(nats(), new Leaving(nats(), { olderThanMs: 0, graceMs: 0 }));
      await eventually(async () => (await fetch(`${storage.app.url}/health/ready`)).status === 200);
      const host = storage.app.app.get(ProjectionHost);
      for (const name of ['buckets', 'task-owners'])
        expect(await host.rebuild(name, { verify: true, force: false })).toMatchObject({ differences: [] });
      expect(await storage.log.readAggregate('bucket', 'left-behind')).toHaveLength(1);
    },
    TIMEOUT_MS,
  );

  it(
    'starts without a look at a segment: what is few of what has left lies beside them',
    async () => {
      await submit(5);
      const user = await storage.user('somebody@example.org');
      await submit(20);
      await leaveAll();
      const accounts = async () => [
        await storage.log.readAggregate('account', operator.account),
        await storage.log.readAggregate('account', user.account),
      ];
      const before = await accounts();
      const away: string[] = [];
      for (const key of await keys()) away.push(await fileOf((await bytesOf(key)).subarray(0, 300)));
      expect(away.length).toBeGreaterThan(3);
      await Promise.all(away.map((file) => rename(file, `${file}.away`)));
      await storage.restart();
      await eventually(async () => (await fetch(`${storage.app.url}/health/ready`)).status === 200);
      expect(await accounts()).toEqual(before);
      await expect(all()).rejects.toThrow('its archive cannot be read at present: segment 1');
      await Promise.all(away.map((file) => rename(`${file}.away`, file)));
    },
    TIMEOUT_MS,
  );

  it(
    'takes the next commit of what has left, and nothing twice',
    async () => {
      const sequence = await submit(1);
      const [{ aggregateId: id } = { aggregateId: '' }] = await all(sequence);
      await submit(20);
      await leaveAll();
      await expect(
        log().append('task', id, { id: 'again', events: [submitted(id)], at: 1, meta: META }, 0),
      ).rejects.toBeInstanceOf(VersionConflict);
      expect(await storage.append('task', id, [cancelRequested])).toBeGreaterThan(sequence);
      expect(await storage.append('task', id, [cancelRequested])).toBeGreaterThan(sequence);
      expect(await storage.log.readAggregate('task', id)).toHaveLength(3);
    },
    TIMEOUT_MS,
  );

  it(
    'is the same whichever step whoever lets it leave dies at',
    async () => {
      await submit(20);
      await archiver().archive();
      const before = own(await all());
      const dead = new Error('killed');
      const dies: readonly Partial<LogRetentionParts>[] = [
        { index: Object.assign(new LeftIndex(db(), objects()), { bringTo: () => Promise.reject(dead) }) },
        { log: dyingAt('before', dead) },
        { log: dyingAt('after', dead) },
      ];
      for (const parts of dies) {
        await expect(retention(parts).step()).rejects.toBe(dead);
        expect(own(await all())).toEqual(before);
      }
      // Said, and not gone.
      expect((await log().left()).to).toBeGreaterThan(0);
      expect(await firstInStream()).toBe(1);
      // Gone, and nobody heard it.
      await eventually(async () => (await askToLeave(nats())).waitsFor === null);
      expect(await firstInStream()).toBe((await log().left()).to + 1);
      expect(own(await all())).toEqual(before);
      await leaveAll();
      expect(own(await all())).toEqual(before);
      expect((await verify()).findings).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    'leaves as far as it is old at once, however many segments that are',
    async () => {
      await submit(80);
      const { length } = await archiver().archive();
      expect(length).toBeGreaterThan(16);
      await retention().step();
      expect((await log().left()).number).toBe(length);
    },
    TIMEOUT_MS,
  );

  it(
    'does not leave while its archive is damaged, or is too young, or too little',
    async () => {
      await submit(20);
      const [first] = await archiver().archive();
      expect(await retention({ rule: { retentionMs: 3_600_000, leastCommits: 1 } }).step()).toBe(false);
      expect(await retention({ rule: { retentionMs: 1, leastCommits: 1_000 } }).step()).toBe(false);
      expect(await retention({ rule: { retentionMs: undefined, leastCommits: 1 } }).step()).toBe(false);
      await alter(first?.key ?? '', (first?.sizeBytes ?? 0) - 60);
      await expect(retention().step()).rejects.toThrow('nothing leaves the event log');
      expect((await log().left()).to).toBe(0);
      expect(await firstInStream()).toBe(1);
    },
    TIMEOUT_MS,
  );

  it(
    'says what is wrong where the archive of what has left is damaged, and where it is away',
    async () => {
      await submit(20);
      await leaveAll();
      const [first] = await index();
      const key = first?.key ?? '';
      // The segments read last are kept: the first one is not among them.
      const before = await all();
      const file = await fileOf((await bytesOf(key)).subarray(0, 300));
      await rename(file, `${file}.away`);
      await expect(all()).rejects.toThrow(
        /have left the event log, and its archive cannot be read at present: segment 1/,
      );
      const unheardOf = { id: 'c', events: [submitted('unheard-of')], at: 1, meta: META };
      expect(await storage.log.append('task', 'unheard-of', unheardOf, 0)).toBeGreaterThan(before.length);
      await rename(`${file}.away`, file);
      expect((await all()).slice(0, before.length)).toEqual(before);
      await alter(key, (first?.sizeBytes ?? 0) - 60);
      await expect(all()).rejects.toThrow(/segment 1 of the archive/);
      expect((await verify()).findings).toMatchObject([{ segment: 1, key }]);
    },
    TIMEOUT_MS,
  );

  it(
    'is known again when what the database knew of the archive is lost',
    async () => {
      await submit(20);
      await leaveAll();
      const before = own(await all());
      const account = await storage.log.readAggregate('account', operator.account);
      await db().query('TRUNCATE archived_segment, archived_subject, archived_message');
      expect(own(await all())).toEqual(before);
      // As an older release takes it in, which knows of no commits of which there are few; and something of a log that went another way.
      await db().query('UPDATE archived_segment SET has_few = false WHERE number = 1');
      await db().query('UPDATE archived_message SET record = $1', [Buffer.from('of another log')]);
      expect(await storage.log.readAggregate('account', operator.account)).toEqual(account);
    },
    TIMEOUT_MS,
  );
});

describe('a lost log of which a part had left', () => {
  const restore = async () => {
    const ask = async (method: string) => {
      const response = await fetch(`${storage.app.url}/fornax/v1/log/archive/restore`, {
        method,
        headers: { authorization: operator.token },
      });
      return logRestoreSchema.parse(await response.json());
    };
    await ask('POST');
    return eventually(
      async () => {
        const found = await ask('GET');
        return found.state !== 'running' && found;
      },
      { timeoutMs: 60_000 },
    );
  };

  it(
    'is put back from where it began, and goes on',
    async () => {
      serveRestores(nats(), new RestoredStream(nats()));
      const sequence = await submit(1);
      const [{ aggregateId: id } = { aggregateId: '' }] = await all(sequence);
      await submit(20);
      // Decided on what leaves, before it leaves and after.
      await archiver().archive();
      const late = await storage.append('task', id, [cancelRequested]);
      await retention().step();
      await storage.append('task', id, [cancelRequested]);
      await leaveAll();
      await storage.append('task', id, [cancelRequested]);
      await submit(1);
      await archiver().archive();
      const [before, { to }] = [await all(), await log().left()];
      expect(late).toBeGreaterThan(0);
      await (await managerOf(nats())).streams.delete(STREAMS.events);
      expect(await restore()).toMatchObject({ state: 'done', reason: null });
      expect(await firstInStream()).toBe(to + 1);
      await eventually(async () => ((await get('/fornax/v1/log/state')) as { isRight: boolean }).isRight);
      expect(await all()).toEqual(before);
      expect((await verify()).findings).toEqual([]);
      expect(await storage.append('task', id, [cancelRequested])).toBeGreaterThan(to);
      await submit(20);
      expect(await leaveAll()).toBeGreaterThan(to);
      expect((await verify()).findings).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    'lets its oldest part leave once it is put back, when an earlier release had made it',
    async () => {
      serveRestores(nats(), new RestoredStream(nats()));
      const jsm = await managerOf(nats());
      await jsm.streams.update(STREAMS.events, { deny_purge: true });
      await submit(20);
      await archiver().archive();
      await expect(retention().step()).rejects.toThrow('put it back once from its archive (fornax log restore)');
      const before = own(await all());
      expect((await log().left()).to).toBe(0);
      await jsm.streams.delete(STREAMS.events);
      expect(await restore()).toMatchObject({ state: 'done', reason: null });
      await eventually(async () => ((await get('/fornax/v1/log/state')) as { isRight: boolean }).isRight);
      expect(await leaveAll()).toBeGreaterThan(15);
      expect(own(await all())).toEqual(before);
    },
    TIMEOUT_MS,
  );
});

const META = { actor: 'service:test', source: 'test', correlationId: 'test' } as const;

/** A log whose next commit that says what has left fails: before it is there, or after. */
const dyingAt = (when: 'before' | 'after', error: Error): LogRetentionParts['log'] => {
  const real = log();
  const append: typeof real.append = async (aggregate, id, ...rest) => {
    expect(id).toBe(LEFT_ID);
    if (when === 'after') await real.append(aggregate, id, ...rest);
    throw error;
  };
  return new Proxy(real, {
    get: (target, name) => {
      if (name === 'append') return append;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
};
