import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { STREAMS, eventSubject, joinReplySchema, nodeRpcSubject } from '@fornax/contracts';
import { JetStreamLog, connectNats } from '@fornax/event-store';
import { createTestApp, type TestApp } from '@fornax/service-kit/specs';
import { RpcClient } from '@fornax/base';
import {
  aHardware,
  createTestDatabase,
  damageStore,
  eventually,
  startTestNats,
  type TestDatabase,
  type TestNats,
} from '@fornax/testing';
import { NodeRegistryModule } from '../node-registry.module.js';

const SLOW_MS = 120_000;
const PATIENT = { timeoutMs: 60_000 };

let nats: TestNats;
let database: TestDatabase;
let registry: TestApp;
let nc: Awaited<ReturnType<typeof connectNats>>;
let log: JetStreamLog;

const connect = async (): Promise<void> => {
  nc = await connectNats({ url: nats.url, user: nats.user, password: nats.password, name: 'spec' });
  log = await JetStreamLog.open(nc);
};
const disconnect = async (): Promise<void> => {
  log.close();
  await nc.close();
};

beforeAll(async () => {
  [nats, database] = await Promise.all([startTestNats(), createTestDatabase()]);
  await connect();
  registry = await createTestApp(NodeRegistryModule, {
    name: 'node-registry',
    env: {
      FORNAX_NATS_URL: nats.url,
      FORNAX_NATS_USER: nats.user,
      FORNAX_NATS_PASSWORD: nats.password,
      FORNAX_DATABASE_URL: database.url,
      FORNAX_LOG_LEVEL: 'silent',
    },
  });
}, SLOW_MS);
afterAll(async () => {
  await registry.close();
  await disconnect();
  await Promise.all([nats.stop(), database.drop()]);
}, SLOW_MS);

/** As an agent does: again and again, for the same boot gets the same session. */
const join = (nodeId: string) =>
  eventually(() => {
    const request = { nodeId, bootId: 'boot-1', driver: 'process', warnings: [], hardware: aHardware({}) };
    return new RpcClient(nc).request(nodeRpcSubject(nodeId, 'join'), request, joinReplySchema);
  }, PATIENT);
const joinsOf = async (nodeId: string): Promise<number> => (await log.readAggregate('node', nodeId)).length;

it(
  'lets a node join again whose join the log has lost, although this process remembers it',
  async () => {
    await join('kept');
    await join('lost');
    await disconnect();
    // The server alone is started again: the registry goes on with what it knows.
    await nats.stop();
    await damageStore(nats.dataDir, STREAMS.events).truncateBefore(eventSubject('node', 'lost'));
    await nats.start();
    await connect();
    const [gap] = log.damagedPlaces();
    if (!gap) throw new Error('a gap');
    expect([await joinsOf('kept'), await joinsOf('lost')]).toEqual([1, 0]);
    await log.quarantine.decide(gap.id, { kind: 'dropped', by: 'user:root', at: 1, reason: 'no copy is left' });
    await eventually(async () => (await join('lost')).nodeEpoch === 1 && (await joinsOf('lost')) === 1, PATIENT);
    expect((await join('kept')).nodeEpoch).toBe(1);
    expect([await joinsOf('kept'), await joinsOf('lost')]).toEqual([1, 1]);
  },
  SLOW_MS,
);
