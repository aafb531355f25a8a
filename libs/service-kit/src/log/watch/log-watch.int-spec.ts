import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { RecordedCommit } from '@fornax/contracts';
import { WritesStopped, type EventLog } from '@fornax/event-store';
import { createTestDatabase, eventually, startTestNats, submitted } from '@fornax/testing';
import type { DataSource } from 'typeorm';
import { appendAccount, CommitRows, CreateCommitRows1700000000001 } from '../../commit-rows.fixture.js';
import { EVENT_LOG, LogHandler, provideProjection, serviceDatabase } from '../../index.js';
import { createTestApp, type TestApp } from '../../run/test-app.fixture.js';
import { newId } from '@fornax/base';
import type { LogState } from '../../operators/log-state.controller.js';
import { LogWatch } from './log-watch.js';

const SLOW_MS = 240_000;
const USER = 'a-user-token-of-the-log';
const BOOTSTRAP = 'the-token-of-the-settings';
const meta = { actor: 'service:test', source: 'test', correlationId: 'test' } as const;
let handled: string[] = [];

@Controller('things')
class ThingsController {
  @Get()
  list(): string {
    return 'a read';
  }

  @LogHandler({ name: 'once-each', aggregates: ['task'], from: 'checkpoint', service: 'kit-watch' })
  handle(batch: readonly RecordedCommit[]): Promise<void> {
    handled.push(...batch.map(({ id }) => id));
    return Promise.resolve();
  }
}

@Module({
  imports: [serviceDatabase('kit-watch', [CreateCommitRows1700000000001])],
  controllers: [ThingsController],
  providers: [...provideProjection('kit-watch', CommitRows)],
})
class WatchTestModule {}

describe('a service whose event log is not the one that it knows', () => {
  let nats: Awaited<ReturnType<typeof startTestNats>>;
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let service: TestApp;
  let restarts: string[] = [];

  const start = async (): Promise<void> => {
    restarts = [];
    handled = [];
    service = await createTestApp(WatchTestModule, {
      env: {
        FORNAX_NATS_URL: nats.url,
        FORNAX_NATS_USER: nats.user,
        FORNAX_NATS_PASSWORD: nats.password,
        FORNAX_DATABASE_URL: database.url,
        FORNAX_BOOTSTRAP_TOKEN: BOOTSTRAP,
        FORNAX_LOG_LEVEL: 'silent',
      },
      onRestart: (why) => restarts.push(why),
    });
  };
  const log = (): EventLog => service.app.get<EventLog>(EVENT_LOG);
  const append = (id: string): Promise<number> => {
    const taskId = newId();
    return log().append('task', taskId, { id, at: 1_000, meta, events: [submitted(taskId)] }, 0);
  };
  const rows = async (): Promise<readonly string[]> => {
    const db = service.app.get<DataSource>(getDataSourceToken('kit-watch'));
    const found = await db.query<{ readonly id: string }[]>('SELECT id FROM commit_row ORDER BY sequence');
    return found.map(({ id }) => id);
  };
  const call = (method: string, path: string, token = USER) =>
    fetch(service.url + path, { method, headers: { authorization: token } });
  const stateOf = async (): Promise<LogState> =>
    (await (await call('GET', '/fornax/v1/log/state', BOOTSTRAP)).json()) as LogState;
  const until = (holds: () => Promise<boolean>): Promise<unknown> => eventually(holds, { timeoutMs: 60_000 });
  const isReady = async (): Promise<boolean> => (await fetch(`${service.url}/health/ready`)).status === 200;
  const copyTo = (name: string) => cp(join(nats.dataDir, 'store'), `${nats.dataDir}-${name}`, { recursive: true });
  const putBack = async (name: string): Promise<void> => {
    await rm(join(nats.dataDir, 'store'), { recursive: true });
    await cp(`${nats.dataDir}-${name}`, join(nats.dataDir, 'store'), { recursive: true });
  };
  /** A user, and `earlier`, are in both copies of the folder; `later` is in the newer one alone. */
  beforeAll(async () => {
    [nats, database] = await Promise.all([startTestNats(), createTestDatabase()]);
    await start();
    await appendAccount(service, { email: 'ada@example.org', role: 'operator', token: USER });
    await append('earlier');
    await until(async () => (await rows()).includes('earlier'));
    await nats.stop();
    await copyTo('older');
    await nats.start();
    await until(isReady);
    await until(() =>
      append('later').then(
        () => true,
        () => false,
      ),
    );
    await until(async () => (await rows()).includes('later'));
  }, SLOW_MS);

  afterAll(async () => {
    await service.close();
    await Promise.all([nats.stop(), database.drop()]);
  }, SLOW_MS);

  it(
    'stops writing when an older folder is put under it, reads on, and goes on by itself when the newer one is back',
    async () => {
      await nats.stop();
      await copyTo('newer');
      await putBack('older');
      await nats.start();
      await until(async () => (await call('GET', '/health/ready')).status === 503);
      await until(async () => !(await stateOfRunning()).isRight);
      await expect(append('refused')).rejects.toThrow(WritesStopped);
      await expect(append('refused')).rejects.toThrow(/^The event log went back: it ends at 2, but was read up to 3/);
      expect(await (await call('GET', '/things')).text()).toContain('a read');
      const health = (await (await call('GET', '/health')).json()) as { readonly stops: readonly object[] };
      expect(health.stops).toEqual([expect.objectContaining({ name: 'event log', status: 503 })]);
      await nats.stop();
      await putBack('newer');
      await nats.start();
      await until(isReady);
      await append('after');
      await until(async () => (await rows()).join() === 'earlier,later,after');
      // A batch may come twice, here when the server went before it was known as finished.
      await until(() => Promise.resolve([...new Set(handled)].join() === 'earlier,later,after'));
      expect(restarts).toEqual([]);
    },
    SLOW_MS,
  );

  const stateOfRunning = async (): Promise<LogState> =>
    (await (await call('GET', '/fornax/v1/log/state')).json()) as LogState;

  it(
    'starts on an older folder, lets nobody in whose token it cannot know, and says what would be lost',
    async () => {
      await service.close();
      await nats.stop();
      await rm(`${nats.dataDir}-newer`, { recursive: true });
      await copyTo('newer');
      await putBack('older');
      await nats.start();
      await start();
      expect((await call('GET', '/health/ready')).status).toBe(503);
      const refused = await call('GET', '/things');
      expect([refused.status, await refused.text()]).toEqual([
        503,
        expect.stringContaining(
          'The event log went back: it ends at 2, but was read up to 4. So 2 commits are missing',
        ),
      ]);
      await expect(append('refused')).rejects.toThrow(WritesStopped);
      expect((await call('GET', '/fornax/v1/log/state')).status).toBe(503);
      expect(await stateOf()).toMatchObject({
        isRight: false,
        known: { sequence: 4 },
        lost: [{ table: 'commit_row', rows: 2 }],
      });
      expect(await rows()).toEqual(['earlier', 'later', 'after']);
    },
    SLOW_MS,
  );

  it(
    'begins anew when the newer folder is put back under a process that has started on the older one',
    async () => {
      await nats.stop();
      await putBack('newer');
      await nats.start();
      await until(() => Promise.resolve(restarts.length > 0));
      await service.close();
      await start();
      await until(isReady);
      expect((await call('GET', '/things')).status).toBe(200);
      expect(await rows()).toEqual(['earlier', 'later', 'after']);
    },
    SLOW_MS,
  );

  it(
    'accepts an older log when it is named, folds everything anew, and hands nothing to a handler twice',
    async () => {
      await service.close();
      await nats.stop();
      await putBack('older');
      await nats.start();
      await start();
      const { log: name } = await stateOf();
      const wrong = await call('POST', '/fornax/v1/log/accept?log=another%2F1', BOOTSTRAP);
      expect(wrong.status).toBe(409);
      expect((await call('POST', `/fornax/v1/log/accept?log=${encodeURIComponent(name ?? '')}`)).status).toBe(503);
      const right = await call('POST', `/fornax/v1/log/accept?log=${encodeURIComponent(name ?? '')}`, BOOTSTRAP);
      expect(right.status).toBe(200);
      expect(restarts).toHaveLength(1);
      await service.close();
      await start();
      await until(isReady);
      expect(await rows()).toEqual(['earlier']);
      await append('anew');
      await until(async () => (await rows()).join() === 'earlier,anew');
      await until(() => Promise.resolve(handled.includes('anew')));
      expect(handled).toEqual(['anew']);
      const state = (await (await call('GET', '/fornax/v1/log/state')).json()) as LogState;
      expect(state).toMatchObject({ isRight: true, lost: [] });
    },
    SLOW_MS,
  );

  it(
    'keeps its rows when the folder was wiped, and says that they are the last copy before it gives them up',
    async () => {
      await service.close();
      await nats.stop();
      await rm(join(nats.dataDir, 'store'), { recursive: true });
      await nats.start();
      await start();
      await expect(append('refused')).rejects.toThrow(/^The event log is another one: it was wiped or replaced/);
      const state = await stateOf();
      expect(state.ways.join('\n')).toContain('the rows in Postgres are the last copy');
      expect(await rows()).toEqual(['earlier', 'anew']);
      await call('POST', `/fornax/v1/log/accept?log=${encodeURIComponent(state.log ?? '')}`, BOOTSTRAP);
      await service.close();
      await start();
      await until(isReady);
      expect(await rows()).toEqual([]);
      await append('first');
      await until(async () => (await rows()).join() === 'first');
    },
    SLOW_MS,
  );

  it(
    'does not take for a rollback what was appended while it asked for the end',
    async () => {
      const followed = log();
      const ask = followed.head.bind(followed);
      followed.head = async () => {
        const answer = await ask();
        await append('meanwhile');
        return answer;
      };
      try {
        expect(await service.app.get(LogWatch).isClosed()).toBe(false);
        expect(await service.app.get(LogWatch).isClosed()).toBe(false);
      } finally {
        followed.head = ask;
      }
      await until(async () => (await rows()).join() === 'first,meanwhile,meanwhile');
    },
    SLOW_MS,
  );
});
