import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Injectable, Module } from '@nestjs/common';
import { encodeCommit, type RecordedCommit } from '@fornax/contracts';
import {
  AggregateStopped,
  connectNats,
  DurablePublisher,
  JetStreamLog,
  Quarantine,
  type EventLog,
} from '@fornax/event-store';
import { aCommit, cancelRequested, createTestDatabase, eventually, startTestNats, submitted } from '@fornax/testing';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { appendAccount, CommitRows, CreateCommitRows1700000000001 } from '../commit-rows.fixture.js';
import { EVENT_LOG, LogHandler, ProjectionHost, provideProjection, serviceDatabase } from '../index.js';
import { createTestApp, type TestApp } from '../run/test-app.fixture.js';
import { AccountDirectory } from '@fornax/identity';
import { newId } from '@fornax/base';

const SLOW_MS = 120_000;
const OPERATOR = 'an-operator-token';
const USER = 'a-user-token';
const seen: string[] = [];
let isBroken = true;
let isAway = false;
let isOtherStopped = true;

@Injectable()
class FragileRows extends CommitRows {
  override async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    if (isAway) throw Object.assign(new Error('the connection was lost'), { code: 'ECONNRESET' });
    if (isBroken && batch.some(({ id }) => id === 'breaks')) throw new Error('no such state');
    await super.write(tx, batch);
  }
}

@Controller()
class Watcher {
  @LogHandler({ name: 'watcher', aggregates: ['task'], from: 'start' })
  watch(batch: readonly RecordedCommit[]): Promise<void> {
    if (isBroken && batch.some(({ id }) => id === 'breaks')) throw new TypeError('no such state');
    if (isOtherStopped && batch.some(({ id }) => id === 'needs-other'))
      throw new AggregateStopped('task', 'other', 'its fold throws', undefined);
    seen.push(...batch.map(({ id }) => id));
    return Promise.resolve();
  }
}

@Module({
  imports: [serviceDatabase('kit-quarantine', [CreateCommitRows1700000000001])],
  controllers: [Watcher],
  providers: [...provideProjection('kit-quarantine', FragileRows)],
})
class QuarantineTestModule {}

let nats: Awaited<ReturnType<typeof startTestNats>>;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let service: TestApp;
let log: EventLog;
let publisher: DurablePublisher;
let closeConnection: () => Promise<void>;

const start = (): Promise<TestApp> =>
  createTestApp(QuarantineTestModule, {
    env: {
      FORNAX_NATS_URL: nats.url,
      FORNAX_NATS_USER: nats.user,
      FORNAX_NATS_PASSWORD: nats.password,
      FORNAX_DATABASE_URL: database.url,
    },
  });
const call = (
  method: 'GET' | 'POST',
  path: string,
  { token = OPERATOR, body, reason }: { token?: string; body?: object; reason?: string } = {},
) =>
  fetch(service.url + path, {
    method,
    headers: {
      authorization: token,
      'content-type': 'application/json',
      ...(reason === undefined ? {} : { 'fornax-reason': reason }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const json = async (response: Response): Promise<unknown> => response.json();
const submit = (id: string) => log.append('task', id, aCommit(`submit-${id}`, [submitted(id)]), 0);
const countRows = async (): Promise<number> => {
  const [row] = await service.app
    .get<DataSource>(getDataSourceToken('kit-quarantine'))
    .query<{ n: number }[]>('SELECT count(*)::int AS n FROM commit_row');
  return row?.n ?? -1;
};
/** What is in the rows once they hold everything, which is also what a rebuild would give. */
const rows = async (): Promise<readonly string[]> => {
  await eventually(async () => service.app.get(ProjectionHost).waitFor('commits', (await log.head()).sequence, 1_000));
  const runner = service.app.get(ProjectionHost).runner('commits');
  const { rows: counts, differences } = await runner.rebuild({ verify: true });
  expect(differences).toEqual([]);
  return Object.entries(counts).map(([table, count]) => `${table} ${count}`);
};
const ids = async (): Promise<readonly string[]> => {
  await rows();
  const found = await service.app
    .get<DataSource>(getDataSourceToken('kit-quarantine'))
    .query<{ id: string }[]>('SELECT id FROM commit_row');
  return found.map(({ id }) => id);
};
/** A message that an older version could not read, and this one can. */
const leaveOut = async (name: string): Promise<{ readonly id: string; readonly sequence: number }> => {
  const commit = encodeCommit(aCommit(`late-${name}`, [submitted(name)]), 'task', name);
  const sequence = (await log.head()).sequence + 1;
  service.app.get(Quarantine).noticeEvent({
    stream: 'FORNAX_EVENTS',
    sequence,
    subject: `fx.ev.task.${name}`,
    aggregate: 'task',
    aggregateId: name,
    reason: 'event type is not known to this version',
    sizeBytes: commit.length,
    headers: [],
  });
  await publisher.publish(`fx.ev.task.${name}`, commit, { msgId: `fx.ev.task.${name}/late-${name}` });
  await submit(`after-${name}`);
  expect(await ids()).not.toContain(`late-${name}`);
  return { id: `events-${sequence}`, sequence };
};
const poison = async (subject: string, body: string): Promise<number> =>
  (await publisher.publish(subject, Buffer.from(body), { msgId: `${subject}/${newId()}` })).seq;

beforeAll(async () => {
  [nats, database] = await Promise.all([startTestNats(), createTestDatabase()]);
  const nc = await connectNats({ ...nats, name: 'attacker' });
  publisher = new DurablePublisher(nc);
  closeConnection = () => nc.close();
  service = await start();
  log = service.app.get<EventLog>(EVENT_LOG);
  for (const [role, token] of [
    ['operator', OPERATOR],
    ['user', USER],
  ] as const) {
    const sequence = await appendAccount(service, { email: `${role}@example.com`, role, token });
    await service.app.get(AccountDirectory).knows(sequence, 5_000);
  }
}, SLOW_MS);

afterAll(async () => {
  await service.close();
  await closeConnection();
  await Promise.all([nats.stop(), database.drop()]);
});

describe('a service whose log holds what nobody can read', () => {
  it(
    'goes on, says degraded, shows it to operators alone, and leaves it out for good when they say so',
    async () => {
      await submit('a');
      const sequence = await poison('fx.ev.task.poison', '{"stream":"FX_LOGS","seq":1}');
      await poison('fx.ev.account.poison', '[{}]');
      await submit('b');
      expect(await rows()).toEqual(['commit_row 2']);
      await eventually(() => seen.includes('submit-b'));
      const ready = await call('GET', '/health/ready');
      expect([ready.status, await json(ready)]).toMatchObject([
        200,
        {
          status: 'degraded',
          degraded: [{ name: 'quarantine', reason: expect.stringMatching(/^2 put aside: events-/) }],
        },
      ]);
      expect((await call('GET', '/fornax/v1/log/quarantine', { token: USER })).status).toBe(403);
      const id = `events-${sequence}`;
      // In the order in which they were found, and each kind of aggregate is followed by itself.
      const open = [id, `events-${sequence + 1}`].map((one) => expect.objectContaining({ id: one, state: 'open' }));
      const listed = await json(await call('GET', '/fornax/v1/log/quarantine'));
      expect(listed).toEqual(expect.arrayContaining(open));
      expect(listed).toHaveLength(2);
      expect(await json(await call('GET', `/fornax/v1/log/quarantine/${id}`))).toMatchObject({
        subject: 'fx.ev.task.poison',
        reason: 'it is not a CloudEvents batch',
        body: { encoding: 'text', value: '{"stream":"FX_LOGS","seq":1}', isCut: false },
        headers: [{ name: 'Nats-Msg-Id' }],
      });
      expect((await call('POST', `/fornax/v1/log/quarantine/${id}/retry`)).status).toBe(409);
      expect((await call('POST', '/fornax/v1/log/quarantine/events-0/drop')).status).toBe(404);
      for (const reason of ['\u001b[2J', 'two\nlines', '\u202eevil', 'x'.repeat(501)])
        expect((await call('POST', `/fornax/v1/log/quarantine/${id}/drop`, { body: { reason } })).status).toBe(400);
      for (const [entry, said] of [
        [id, { body: { reason: 'an attack' } }],
        [`events-${sequence + 1}`, { reason: 'an%20attack' }],
      ] as const) {
        const dropped = await call('POST', `/fornax/v1/log/quarantine/${entry}/drop`, said);
        expect([dropped.status, await json(dropped)]).toMatchObject([
          200,
          { state: 'dropped', decision: { by: expect.stringMatching(/^user:/), reason: 'an attack' } },
        ]);
      }
      expect(await json(await call('GET', '/health/ready'))).toMatchObject({ status: 'ready' });
      expect(await json(await call('GET', '/fornax/v1/log/quarantine'))).toEqual([]);
      expect(await json(await call('GET', '/fornax/v1/log/quarantine?all=true'))).toHaveLength(2);
    },
    SLOW_MS,
  );

  it("serves as ever when it is a node's message, which is a warning", async () => {
    const found = {
      stream: 'FX_REPORTS',
      sequence: 1,
      subject: 'fx.report.node-1',
      aggregate: null,
      aggregateId: null,
    };
    const quarantine = service.app.get(Quarantine);
    await quarantine.keep({ ...found, reason: 'not JSON', sizeBytes: 1, headers: [] }, Buffer.from('x'));
    expect(await json(await call('GET', '/health'))).toMatchObject({
      status: 'ready',
      degraded: [],
      warnings: [expect.stringMatching(/^1 put aside: fx_reports-1-/)],
    });
    const [entry] = quarantine.list().filter(({ id }) => id.startsWith('fx_reports'));
    await quarantine.decide(entry?.id ?? '', { kind: 'dropped', at: 1, by: 'user:ada', reason: null });
  });

  it('says that it cannot read half a message again', async () => {
    const found = {
      stream: 'FX_REPORTS',
      sequence: 2,
      subject: 'fx.report.node-1',
      aggregate: null,
      aggregateId: null,
    };
    const quarantine = service.app.get(Quarantine);
    const data = Buffer.alloc(1024 * 1024 + 1, '[');
    await quarantine.keep({ ...found, reason: 'not JSON', sizeBytes: data.length, headers: [] }, data);
    const id = quarantine.list().find(({ what }) => what.sequence === 2)?.id ?? '';
    const answer = await call('POST', `/fornax/v1/log/quarantine/${id}/retry`);
    expect([answer.status, await answer.text()]).toMatchObject([
      409,
      expect.stringContaining('Only the first 1048576 of the 1048577 bytes'),
    ]);
    expect((await call('POST', `/fornax/v1/log/quarantine/${id}/drop`)).status).toBe(200);
  });

  it(
    'folds it after all when this version can read it, and comes up again either way',
    async () => {
      const before = (await rows())[0];
      const commit = encodeCommit(aCommit('late', [cancelRequested]), 'task', 'a');
      const { sequence } = await log.head();
      // As an older version of another service found it, before this one met it.
      service.app.get(Quarantine).noticeEvent({
        stream: 'FORNAX_EVENTS',
        sequence: sequence + 1,
        subject: 'fx.ev.task.a',
        aggregate: 'task',
        aggregateId: 'a',
        reason: 'event type is not known to this version',
        sizeBytes: commit.length,
        headers: [],
      });
      await publisher.publish('fx.ev.task.a', commit, { msgId: 'fx.ev.task.a/late' });
      expect((await rows())[0]).toBe(before);
      await service.close();
      service = await start();
      log = service.app.get<EventLog>(EVENT_LOG);
      expect((await rows())[0]).toBe(before);
      const retried = await call('POST', `/fornax/v1/log/quarantine/events-${sequence + 1}/retry`);
      expect([retried.status, await json(retried)]).toMatchObject([200, { state: 'retried' }]);
      await eventually(async () => (await countRows()) === 3);
      expect(await rows()).toEqual(['commit_row 3']);
    },
    SLOW_MS,
  );

  it(
    'stops at the one task whose fold throws, refuses what users ask of it, and folds it when the fold is mended',
    async () => {
      const first = await submit('guilty');
      const breaking = await log.append('task', 'guilty', aCommit('breaks', [cancelRequested]), first);
      await submit('innocent');
      const id = `fold-commits-${breaking}`;
      const entry = () => service.app.get(Quarantine).get(id);
      await eventually(() => entry()?.state === 'open');
      await eventually(() => seen.includes('submit-innocent'));
      expect(service.app.get(Quarantine).get(`fold-watcher-${breaking}`)).toMatchObject({ state: 'open' });
      const asked = { ...aCommit('again', [cancelRequested]) };
      await expect(
        log.append('task', 'guilty', { ...asked, meta: { ...asked.meta, actor: 'user:ada' } }, breaking),
      ).rejects.toThrow('task guilty is stopped: no such state. An operator can look at it');
      expect(await json(await call('POST', `/fornax/v1/log/quarantine/${id}/retry`))).toMatchObject({ state: 'open' });
      isBroken = false;
      expect(await json(await call('POST', `/fornax/v1/log/quarantine/${id}/retry`))).toMatchObject({
        state: 'retried',
        decision: { by: expect.stringMatching(/^(user|service):/) },
      });
      expect(await rows()).toEqual(['commit_row 6']);
    },
    SLOW_MS,
  );

  it(
    'passes a commit over that needs another task which has stopped, blames that one, and comes back to it',
    async () => {
      const first = await submit('needy');
      const needs = await log.append('task', 'needy', aCommit('needs-other', [cancelRequested]), first);
      await submit('unneedy');
      await eventually(() => seen.includes('submit-unneedy'));
      const quarantine = service.app.get(Quarantine);
      expect(quarantine.get(`fold-watcher-${needs}`)).toBeUndefined();
      expect(quarantine.stopOf('task', 'needy')).toBeUndefined();
      const stop = { follower: 'rows', sequence: needs, aggregate: 'task', aggregateId: 'other', reason: 'it throws' };
      quarantine.noticeStop(stop);
      isOtherStopped = false;
      expect(seen).not.toContain('needs-other');
      await quarantine.decide(`fold-rows-${needs}`, { kind: 'dropped', at: 1, by: 'user:ada', reason: null });
      await eventually(() => seen.includes('needs-other'));
    },
    SLOW_MS,
  );

  it(
    'owes what an operator asked for until it is done: a rebuild that fails is shown, and can be asked for again',
    async () => {
      const { id, sequence } = await leaveOut('owed-1');
      isAway = true;
      const asked = await json(await call('POST', `/fornax/v1/log/quarantine/${id}/retry`));
      expect(asked).toMatchObject({ state: 'retried' });
      const owed = `fold-commits-${sequence}`;
      await eventually(() => service.app.get(Quarantine).get(owed)?.state === 'open');
      expect(service.app.get(Quarantine).get(owed)).toMatchObject({ what: { reason: 'the connection was lost' } });
      isAway = false;
      const again = await json(await call('POST', `/fornax/v1/log/quarantine/${owed}/retry`));
      expect(again).toMatchObject({ state: 'retried' });
      expect(await ids()).toContain('late-owed-1');
    },
    SLOW_MS,
  );

  it.each([
    ['was asked for while it was away', false],
    ['it had begun when it died', true],
  ])(
    'folds at its start what %s',
    async (_, hasBegun) => {
      const name = `owed-${hasBegun ? 2 : 3}`;
      const { id, sequence } = await leaveOut(name);
      await service.close();
      const nc = await connectNats({ ...nats, name: 'other' });
      const other = await JetStreamLog.open(nc);
      const decision = { by: 'user:ada', at: 1, reason: 'upgraded' };
      await other.quarantine.decide(id, { kind: 'retry-asked', ...decision });
      const stop = { follower: 'commits', sequence, aggregate: 'task', aggregateId: name, reason: 'again' };
      if (hasBegun) await other.quarantine.handOver(stop, decision);
      await other.quarantine.resolve(id);
      other.close();
      await nc.close();
      service = await start();
      log = service.app.get<EventLog>(EVENT_LOG);
      await eventually(() => service.app.get(Quarantine).get(`fold-commits-${sequence}`)?.state === 'retried');
      expect(await ids()).toContain(`late-${name}`);
    },
    SLOW_MS,
  );
});
