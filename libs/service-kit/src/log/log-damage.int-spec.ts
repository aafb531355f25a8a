import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import { STREAMS } from '@fornax/contracts';
import { WritesStopped, type EventLog } from '@fornax/event-store';
import { aCommit, createTestDatabase, damageStore, eventually, startTestNats, submitted } from '@fornax/testing';
import { appendAccount, CommitRows, CreateCommitRows1700000000001 } from '../commit-rows.fixture.js';
import { EVENT_LOG, ProjectionHost, provideLogWalk, provideProjection, serviceDatabase } from '../index.js';
import { createTestApp, type TestApp } from '../run/test-app.fixture.js';
import { AccountDirectory } from '@fornax/identity';

const SLOW_MS = 120_000;
const OPERATOR = 'an-operator-token';
const TASKS = 20;
/** The last block is cut off before this task: it and those behind it are lost. */
const FIRST_LOST = 'lost-15';

@Injectable()
class TaskAndBucketRows extends CommitRows {
  override readonly aggregates = ['task', 'bucket'] as const;
}

@Module({
  imports: [serviceDatabase('kit-damage', [CreateCommitRows1700000000001])],
  providers: [provideLogWalk('kit-damage'), ...provideProjection('kit-damage', TaskAndBucketRows)],
})
class DamageTestModule {}

let nats: Awaited<ReturnType<typeof startTestNats>>;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let service: TestApp;

const log = (): EventLog => service.app.get<EventLog>(EVENT_LOG);
const start = async (env: Readonly<Record<string, string>> = {}): Promise<void> => {
  service = await createTestApp(DamageTestModule, {
    env: {
      FORNAX_NATS_URL: nats.url,
      FORNAX_NATS_USER: nats.user,
      FORNAX_NATS_PASSWORD: nats.password,
      FORNAX_DATABASE_URL: database.url,
      ...env,
    },
  });
};
const call = async (method: 'GET' | 'POST', path: string) => {
  const response = await fetch(service.url + path, { method, headers: { authorization: OPERATOR } });
  return { status: response.status, body: await response.json() };
};
const submit = (id: string) => log().append('task', id, aCommit(`submit-${id}`, [submitted(id)]), 0);

beforeAll(async () => {
  [nats, database] = await Promise.all([startTestNats(), createTestDatabase()]);
  await start();
  const sequence = await appendAccount(service, { email: 'operator@example.com', role: 'operator', token: OPERATOR });
  await service.app.get(AccountDirectory).knows(sequence, 60_000);
}, SLOW_MS);

afterAll(async () => {
  await service.close();
  await Promise.all([nats.stop(), database.drop()]);
});

it(
  'says what it has lost, writes nothing and keeps the rows that know more, until an operator has decided',
  async () => {
    let last = 0;
    for (let n = 0; n < TASKS; n += 1) last = await submit(`lost-${n}`);
    await eventually(() => service.app.get(ProjectionHost).waitFor('commits', last, 1_000));
    expect(await call('GET', '/fornax/v1/log/verify')).toMatchObject({
      status: 200,
      body: { from: 1, to: last, head: last, commits: last, withoutChecksum: 0, damage: [] },
    });
    await service.close();
    await nats.stop();
    await damageStore(nats.dataDir, STREAMS.events).truncateBefore(`fx.ev.task.${FIRST_LOST}`);
    await nats.start();
    await start();

    const gap = `gap-${last - 4}-${last}`;
    const words = `sequences ${last - 4} to ${last} are missing \\(5\\)`;
    expect(await call('GET', '/health/ready')).toMatchObject({
      status: 503,
      body: {
        message: expect.stringMatching(new RegExp(`log-damage: The event log is damaged: ${words}.*drop ${gap}`)),
      },
    });
    await expect(submit('refused')).rejects.toBeInstanceOf(WritesStopped);
    expect(await call('GET', `/fornax/v1/log/verify?from=${last - 9}`)).toMatchObject({
      status: 200,
      body: { commits: 5, damage: [{ id: gap, kind: 'missing', missing: 5, isGivenUp: false }] },
    });
    expect(await call('GET', '/fornax/v1/log/quarantine')).toMatchObject({ body: [{ id: gap, kind: 'damaged' }] });
    expect(await call('POST', `/fornax/v1/log/quarantine/${gap}/retry`)).toMatchObject({
      status: 409,
      body: { message: expect.stringContaining('5 commits are missing') },
    });

    const refused = {
      status: 409,
      body: {
        message: expect.stringMatching(new RegExp(`${words}.*15 of 20 rows of commit_row.*rebuild commits --force`)),
      },
    };
    expect(await call('POST', '/fornax/v1/projections/commits/rebuild')).toMatchObject(refused);
    expect(await call('POST', `/fornax/v1/log/quarantine/${gap}/drop`)).toMatchObject({ status: 200 });
    await eventually(async () => (await call('GET', '/health/ready')).status === 200, { timeoutMs: 60_000 });
    const sequence = await submit('after');
    expect(sequence).toBe(last + 1);
    await eventually(() => service.app.get(ProjectionHost).waitFor('commits', sequence, 1_000));
    // What was given up is still in the rows, and still nowhere else.
    expect(await call('POST', '/fornax/v1/projections/commits/rebuild')).toMatchObject({ status: 409 });
    expect(await call('POST', '/fornax/v1/projections/commits/rebuild?force=true')).toMatchObject({
      body: { swapped: true, rows: { commit_row: 16 } },
    });
  },
  SLOW_MS,
);

it(
  'finds damage behind every follower by itself, on its walk over the log',
  async () => {
    const old = await submit('walked-over');
    const last = await submit('read-last');
    await eventually(() => service.app.get(ProjectionHost).waitFor('commits', last, 1_000));
    await service.close();
    await nats.stop();
    await damageStore(nats.dataDir, STREAMS.events).flipBitIn('submit-walked-over');
    await nats.start();
    await start({ FORNAX_LOG_WALK_MS: '0' });
    // Nobody reads so far back, so nobody notices.
    await eventually(async () => (await call('GET', '/health/ready')).status === 200, { timeoutMs: 60_000 });
    await service.close();
    await start({ FORNAX_LOG_WALK_MS: '1' });
    // It is not ready for other reasons while it starts. The walk leaves a process alone that is busy, as with answering every 20 ms.
    await eventually(
      async () => {
        const { status, body } = await call('GET', '/health/ready');
        const message = expect.stringContaining(`sequence ${old} is missing`);
        expect({ status, body }).toMatchObject({ status: 503, body: { message } });
        return true;
      },
      { timeoutMs: 60_000, everyMs: 1_000 },
    );
  },
  SLOW_MS,
);
