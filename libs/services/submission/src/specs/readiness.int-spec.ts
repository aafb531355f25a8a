import { LOG_PROBE, STREAMS, type RecordedCommit } from '@fornax/contracts';
import { connectNats, managerOf, type EventLog } from '@fornax/event-store';
import { EVENT_LOG, HealthRegistry } from '@fornax/service-kit';
import { createTestApp, type TestApp } from '@fornax/service-kit/specs';
import { createTestDatabase, eventually, startTestNats, type TestDatabase, type TestNats } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NatsConnection } from '@nats-io/transport-node';
import pg from 'pg';
import { SubmissionModule } from '../submission.module.js';

const PATIENCE = { timeoutMs: 60_000 };

let nats: TestNats;
let database: TestDatabase;
let operator: NatsConnection;
let service: TestApp;

const start = async (settings: Readonly<Record<string, string>> = {}): Promise<TestApp> => {
  const { url, user, password } = nats;
  const env = {
    FORNAX_NATS_URL: url,
    FORNAX_NATS_USER: user,
    FORNAX_NATS_PASSWORD: password,
    FORNAX_DATABASE_URL: database.url,
    FORNAX_PUBLIC_STORAGE_URL: 'http://127.0.0.1:9000',
    FORNAX_BOOTSTRAP_EMAIL: 'ada@example.org',
    FORNAX_BOOTSTRAP_TOKEN: 'a token of this test',
    FORNAX_LOG_LEVEL: 'silent',
    ...settings,
  };
  return createTestApp(SubmissionModule, { env, name: 'submission' });
};

const restart = async (settings: Readonly<Record<string, string>> = {}): Promise<void> => {
  await service.close();
  service = await start(settings);
};

/** Why the service is not ready, by name. */
const reasons = async (): Promise<Readonly<Record<string, string>>> => {
  const { reasons: found } = await service.app.get(HealthRegistry).check();
  return Object.fromEntries(found.map(({ name, reason }) => [name, reason]));
};
const whenReady = () => eventually(async () => Object.keys(await reasons()).length === 0, PATIENCE);

const probes = async (): Promise<readonly RecordedCommit[]> => {
  const log = service.app.get<EventLog>(EVENT_LOG);
  return log.readAggregate(LOG_PROBE.aggregate, LOG_PROBE.id);
};

/** The events stream takes no more than it has, and its server says of it that all is well. */
const fill = async (isFull: boolean): Promise<void> => {
  const { streams } = await managerOf(operator);
  const { state } = await streams.info(STREAMS.events);
  await streams.update(STREAMS.events, { discard: 'new' as never, max_msgs: isFull ? state.messages : -1 });
};

beforeAll(async () => {
  [nats, database] = await Promise.all([startTestNats(), createTestDatabase()]);
  const { url, user, password } = nats;
  operator = await connectNats({ url, user, password, name: 'operator' });
  service = await start();
}, 120_000);
afterAll(async () => {
  await service.close();
  await operator.close();
  await database.drop();
  await nats.stop();
});

describe('a process that takes commands is ready when a commit is stored and comes back', () => {
  it('by what it has written itself: no probe is, after the first account', async () => {
    await whenReady();
    expect(await probes()).toEqual([]);
  });

  it('not on a log that refuses to store, when nobody has written since the start; then by one probe for all who ask', async () => {
    await restart();
    await fill(true);
    await eventually(async () => {
      const { submit, 'log store': store } = await reasons();
      return submit?.startsWith('write: ') === true && store !== undefined;
    }, PATIENCE);
    expect(await probes()).toEqual([]);
    await fill(false);
    await whenReady();
    await Promise.all(Array.from({ length: 20 }, reasons));
    const [probe, ...others] = await probes();
    expect(others).toEqual([]);
    expect(probe).toMatchObject({ events: [{ type: 'LogProbed' }], meta: { actor: 'service:submission' } });
  });

  it('not while the server stands still', async () => {
    await whenReady();
    nats.pause();
    try {
      await eventually(async () => 'nats' in (await reasons()), PATIENCE);
    } finally {
      nats.resume();
    }
    await whenReady();
  });

  it('not before a commit was stored again when the server was gone', async () => {
    await whenReady();
    const before = (await probes()).length;
    await nats.kill();
    await eventually(async () => 'nats' in (await reasons()), PATIENCE);
    await nats.start();
    await whenReady();
    expect((await probes()).length).toBeGreaterThan(before);
  });

  it('not while the read model stands still, and says which', async () => {
    await restart({ FORNAX_READY_PROOF_MS: '1000' });
    await whenReady();
    const lock = new pg.Client({ connectionString: database.url });
    await lock.connect();
    try {
      await lock.query('BEGIN');
      await lock.query('LOCK TABLE submission.task IN SHARE MODE');
      const isSaid = async () => (await reasons())['submit']?.startsWith('read: projection status') === true;
      await eventually(isSaid, PATIENCE);
      const written = (await probes()).length;
      await eventually(isSaid, PATIENCE);
      expect((await probes()).length - written).toBeLessThanOrEqual(1);
    } finally {
      await lock.end();
    }
    await whenReady();
  });
});
