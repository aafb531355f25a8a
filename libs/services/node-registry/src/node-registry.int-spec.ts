import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  dispatchSubject,
  heartbeatSubject,
  joinReplySchema,
  leaveReplySchema,
  nodeRpcSubject,
  STREAMS,
  dispatchConsumer,
  type FornaxEvent,
  type JoinReply,
} from '@fornax/contracts';
import { DurablePublisher, JetStreamLog, connectNats, consumeBatches } from '@fornax/event-store';
import { NATS, NODES_NATS } from '@fornax/service-kit';
import { createTestApp, type TestApp } from '@fornax/service-kit/specs';
import { Sealer, hashToken } from '@fornax/identity';
import { RpcClient, RpcRefused, newId } from '@fornax/base';
import {
  aCommit,
  aHardware,
  createTestDatabase,
  eventually,
  startTestNats,
  type TestDatabase,
  type TestNats,
} from '@fornax/testing';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { NodeRegistryModule } from './node-registry.module.js';

const SLOW_MS = 120_000;
/** A slow machine answers late; whoever does not answer at all fails at once. */
const ANSWER_MS = 30_000;
/** For how long a node may be silent where that is what is tried, and where it is not: a machine that is slow to beat is no lost node. */
const GRACE_MS = 2_000;
const PATIENT_GRACE_MS = 60_000;
const MASTER_KEY = Buffer.alloc(32, 9);
const TOKENS = { operator: 'token-of-an-operator', user: 'token-of-a-user' } as const;

type NatsConnection = Awaited<ReturnType<typeof connectNats>>;

let nats: TestNats;
let database: TestDatabase;
let nc: NatsConnection;
let log: JetStreamLog;
let rpc: RpcClient;

beforeAll(async () => {
  process.env['FORNAX_HEARTBEAT_MS'] = '100';
  process.env['FORNAX_NODE_REGISTRY_LEADER_TTL_MS'] = '1000';
  [nats, database] = await Promise.all([startTestNats(), createTestDatabase()]);
  nc = await connectNats({ url: nats.url, user: nats.user, password: nats.password, name: 'spec' });
  log = await JetStreamLog.open(nc);
  rpc = new RpcClient(nc);
  const quotas = { maxTasks: 1, maxBuckets: 1, maxStorageBytes: 1, maxInstances: 1, maxCores: 1 };
  for (const role of ['operator', 'user'] as const) {
    const email = `${role}@example.org`;
    const sealedSecret = new Sealer(MASTER_KEY).sealWithMaster(TOKENS[role]);
    await log.append(
      'account',
      role,
      aCommit<FornaxEvent>(newId(), [
        { type: 'AccountCreated', accountId: role, email, role, quotas, at: 1 },
        {
          type: 'TokenIssued',
          accountId: role,
          email,
          role,
          tokenId: role,
          name: 'spec',
          hash: hashToken(TOKENS[role]),
          sealedSecret,
          at: 1,
        },
      ]),
      0,
    );
  }
}, SLOW_MS);

afterAll(async () => {
  log.close();
  await nc.close();
  await nats.stop();
  await database.drop();
}, SLOW_MS);

const running = new Set<TestApp>();
const beating = new Set<NodeJS.Timeout>();

afterEach(async () => {
  for (const timer of beating) clearInterval(timer);
  await Promise.all([...running].map((app) => app.close()));
  running.clear();
}, SLOW_MS);

const startRegistry = async (graceMs = PATIENT_GRACE_MS): Promise<TestApp> => {
  process.env['FORNAX_NODE_GRACE_MS'] = String(graceMs);
  const env = {
    FORNAX_NATS_URL: nats.url,
    FORNAX_NATS_USER: nats.user,
    FORNAX_NATS_PASSWORD: nats.password,
    FORNAX_DATABASE_URL: database.url,
    FORNAX_LOG_LEVEL: 'silent',
  };
  const app = await createTestApp(NodeRegistryModule, { name: 'node-registry', env });
  running.add(app);
  return app;
};

const ask = (nodeId: string, bootId = 'boot-1', hardware = {}, timeoutMs?: number): Promise<JoinReply> =>
  rpc.request(
    nodeRpcSubject(nodeId, 'join'),
    { nodeId, bootId, driver: 'process', warnings: ['no cgroups'], hardware: aHardware(hardware) },
    joinReplySchema,
    timeoutMs,
  );

/** As an agent does: until somebody answers. Safe, because the same boot gets the same epoch. */
const join = (...args: Parameters<typeof ask>): Promise<JoinReply> => eventually(() => ask(...args));

/** The node gives signs of life until the returned function is called. */
const beat = (nodeId: string, nodeEpoch: number, more = {}): (() => void) => {
  const send = (): void =>
    nc.publish(
      heartbeatSubject(nodeId),
      JSON.stringify({ nodeId, nodeEpoch, bootId: 'boot-1', leases: 2, at: 1, ...more }),
    );
  send();
  const timer = setInterval(send, 100);
  beating.add(timer);
  return () => clearInterval(timer);
};

const typesOf = async (nodeId: string): Promise<readonly string[]> =>
  (await log.readAggregate('node', nodeId)).flatMap(({ events }) =>
    events.map((event) => (event.type === 'NodeLost' ? `NodeLost ${event.cause}` : event.type)),
  );

const get = async (
  app: TestApp,
  path: string,
  token: string = TOKENS.user,
): Promise<{ readonly status: number; readonly body: unknown }> => {
  const answer = await fetch(`${app.url}${path}`, { headers: { authorization: token } });
  return { status: answer.status, body: await answer.json() };
};
const post = (app: TestApp, path: string, token: string): Promise<Response> =>
  fetch(`${app.url}${path}`, { method: 'POST', headers: { authorization: token } });

/** As an operator would have. @returns how many marks there are, second */
const accepted = (app: TestApp, atSeconds: string | null): Promise<readonly [unknown, number]> =>
  app.app
    .get<DataSource>(getDataSourceToken('node-registry'))
    .query('UPDATE log_mark SET accepted_at = to_timestamp($1)', [atSeconds]);

describe('the node registry on real servers', () => {
  it(
    'answers a join with an epoch that only a new boot raises, and tells the grace period',
    async () => {
      await startRegistry(GRACE_MS);
      expect(await join('a')).toEqual({
        nodeEpoch: 1,
        heartbeatMs: 100,
        graceMs: GRACE_MS,
        leaseListMs: 10_000,
      });
      expect((await join('a')).nodeEpoch).toBe(1);
      expect((await join('a', 'boot-2')).nodeEpoch).toBe(2);
      expect(await typesOf('a')).toEqual(['NodeJoined', 'NodeLost rejoined', 'NodeJoined']);
    },
    SLOW_MS,
  );

  it(
    'tells a node that asks for its session when an operator last accepted the log',
    async () => {
      const app = await startRegistry();
      expect(await join('told')).not.toHaveProperty('logAcceptedAt');
      // There is a mark once the end of the log was looked at, every two seconds.
      await eventually(async () => {
        const [, marks] = await accepted(app, '1000');
        return marks === 1;
      });
      running.delete(app);
      await app.close();
      const next = await startRegistry();
      const { nodeEpoch, logAcceptedAt } = await join('told');
      expect({ nodeEpoch, logAcceptedAt }).toEqual({ nodeEpoch: 1, logAcceptedAt: 1_000_000 });
      await accepted(next, null);
    },
    SLOW_MS,
  );

  it(
    'makes the consumer of a node before it answers',
    async () => {
      await startRegistry();
      await join('with-orders');
      const publisher = new DurablePublisher(nc);
      await publisher.publish(dispatchSubject('with-orders'), Buffer.from('[]'));
      publisher.close();
      const stop = new AbortController();
      const got: string[] = [];
      const consuming = consumeBatches(
        nc,
        {
          stream: STREAMS.dispatch,
          durable: dispatchConsumer('with-orders'),
          filterSubject: dispatchSubject('with-orders'),
          signal: stop.signal,
        },
        (messages) => {
          got.push(...messages.map(({ data }) => new TextDecoder().decode(data)));
          return Promise.resolve();
        },
      );
      await eventually(() => got.length === 1);
      stop.abort();
      await consuming;
    },
    SLOW_MS,
  );

  it(
    'refuses a node that speaks for another, and one that was retired',
    async () => {
      const app = await startRegistry();
      await join('b');
      const asOther = rpc.request(
        nodeRpcSubject('c', 'join'),
        { nodeId: 'b', bootId: 'x', driver: 'process', warnings: [], hardware: aHardware() },
        joinReplySchema,
        ANSWER_MS,
      );
      await expect(asOther).rejects.toBeInstanceOf(RpcRefused);
      expect((await post(app, '/fornax/v1/nodes/b/retire', TOKENS.operator)).status).toBe(200);
      await expect(ask('b', 'boot-2', {}, ANSWER_MS)).rejects.toMatchObject({ code: 'node-retired' });
    },
    SLOW_MS,
  );

  it.each([3_600_000, -3_600_000])(
    'declares nobody lost because the clock was set by %i ms, and whoever is silent all the same',
    async (step) => {
      const app = await startRegistry(GRACE_MS);
      const name = step > 0 ? 'forwards' : 'backwards';
      const { nodeEpoch } = await join(`beats-${name}`);
      beat(`beats-${name}`, nodeEpoch);
      await eventually(async () => (await typesOf(`beats-${name}`)).length === 1);
      const now = Date.now.bind(Date);
      const set = jest.spyOn(Date, 'now').mockImplementation(() => now() + step);
      try {
        const view = async () => (await get(app, `/fornax/v1/nodes/beats-${name}`)).body as { lastHeartbeat: string };
        await eventually(async () => Math.abs(Date.parse((await view()).lastHeartbeat) - now() - step) < 600_000);
        await join(`silent-${name}`);
        await eventually(async () => (await typesOf(`silent-${name}`)).includes('NodeLost heartbeat'), {
          timeoutMs: 30_000,
        });
      } finally {
        set.mockRestore();
      }
      expect(await typesOf(`beats-${name}`)).toEqual(['NodeJoined']);
    },
    SLOW_MS,
  );

  it(
    'declares a silent node lost once, with several replicas, and keeps those that beat',
    async () => {
      await startRegistry(GRACE_MS);
      await startRegistry(GRACE_MS);
      const [alive, silent] = [await join('alive'), await join('silent')];
      beat('alive', alive.nodeEpoch);
      const stopBeating = beat('silent', silent.nodeEpoch);
      await eventually(async () => (await typesOf('silent')).length === 1);
      stopBeating();
      // Neither another node nor a session that has not begun keeps it alive.
      const lie = (subject: string, nodeEpoch: number): void =>
        nc.publish(subject, JSON.stringify({ nodeId: 'silent', nodeEpoch, bootId: 'b', leases: 2, at: 1 }));
      beating.add(setInterval(() => lie(heartbeatSubject('alive'), silent.nodeEpoch), 50));
      beating.add(setInterval(() => lie(heartbeatSubject('silent'), 2_147_483_647), 50));
      await eventually(async () => (await typesOf('silent')).includes('NodeLost heartbeat'));
      expect(await typesOf('silent')).toEqual(['NodeJoined', 'NodeLost heartbeat']);
      expect(await typesOf('alive')).toEqual(['NodeJoined']);
      expect((await join('silent')).nodeEpoch).toBe(2);
    },
    SLOW_MS,
  );

  it(
    'hears nodes on a connection of its own, so that one that floods costs nobody a commit, and reads no more of it than an honest one says',
    async () => {
      const app = await startRegistry();
      const { nodeEpoch } = await join('floods');
      beat('floods', nodeEpoch);
      await eventually(async () => (await typesOf('floods')).length === 1);
      const [forLog, forNodes] = [NATS, NODES_NATS].map((token) => app.app.get<NatsConnection>(token));
      const before = { log: forLog?.stats().inBytes ?? 0, nodes: forNodes?.stats().inBytes ?? 0 };
      const LARGE = 'x'.repeat(1_000_000);
      for (let sent = 0; sent < 20; sent += 1) nc.publish(heartbeatSubject('floods'), LARGE);
      nc.publish(nodeRpcSubject('floods', 'leave'), LARGE);
      await nc.flush();
      await eventually(() => (forNodes?.stats().inBytes ?? 0) - before.nodes > 21_000_000, { timeoutMs: 30_000 });
      expect((forLog?.stats().inBytes ?? Infinity) - before.log).toBeLessThan(5_000_000);
      // The log is written, and other nodes are heard, when the server has cut that connection off.
      await forNodes?.reconnect();
      const other = await join('beside-the-flood');
      beat('beside-the-flood', other.nodeEpoch, { isDiskFull: true });
      await eventually(async () => (await typesOf('beside-the-flood')).includes('NodeDiskFilled'), {
        timeoutMs: 30_000,
      });
    },
    SLOW_MS,
  );

  it(
    'takes a leave as a loss at once',
    async () => {
      await startRegistry();
      const { nodeEpoch } = await join('leaves');
      const leaving = { nodeId: 'leaves', nodeEpoch };
      await rpc.request(nodeRpcSubject('leaves', 'leave'), leaving, leaveReplySchema, ANSWER_MS);
      expect(await typesOf('leaves')).toEqual(['NodeJoined', 'NodeLost left']);
    },
    SLOW_MS,
  );

  it(
    'forgives a node whose silence nobody could hear while NATS was away',
    async () => {
      await startRegistry(GRACE_MS);
      const { nodeEpoch } = await join('patient');
      beat('patient', nodeEpoch);
      await nats.kill();
      await nats.start();
      beat('patient', nodeEpoch);
      await join('witness');
      await eventually(async () => (await typesOf('witness')).includes('NodeLost heartbeat'));
      expect(await typesOf('patient')).toEqual(['NodeJoined']);
    },
    SLOW_MS,
  );

  it(
    'shows the fleet, and lets operators drain and resume a node',
    async () => {
      const app = await startRegistry();
      const { nodeEpoch } = await join('shown', 'boot-1', { cores: 16 });
      beat('shown', nodeEpoch);
      expect((await post(app, '/fornax/v1/nodes/shown/drain', TOKENS.user)).status).toBe(403);
      expect((await post(app, '/fornax/v1/nodes/nothing/drain', TOKENS.operator)).status).toBe(404);
      expect(await (await post(app, '/fornax/v1/nodes/shown/drain', TOKENS.operator)).json()).toMatchObject({
        status: 'draining',
        isDrainRequested: true,
      });
      expect(await (await post(app, '/fornax/v1/nodes/shown/resume', TOKENS.operator)).json()).toMatchObject({
        status: 'online',
        hardware: { cores: 16 },
        warnings: ['no cgroups'],
      });
      await eventually(async () =>
        JSON.stringify((await get(app, '/fornax/v1/nodes/shown', TOKENS.operator)).body).includes('"leases":2'),
      );
      // How busy the others keep it is nothing for everybody.
      expect((await get(app, '/fornax/v1/nodes/shown')).body).toMatchObject({ leases: null, lostCause: null });
      expect((await post(app, '/fornax/v1/nodes/shown/retire', TOKENS.operator)).status).toBe(409);
      expect((await get(app, '/fornax/v1/nodes', 'wrong')).status).toBe(401);
    },
    SLOW_MS,
  );

  it(
    'tells what room a node has on its disk, as it says with each beat',
    async () => {
      const app = await startRegistry();
      const { nodeEpoch } = await join('roomy');
      const disk = async () => ((await get(app, '/fornax/v1/nodes/roomy')).body as { diskMB?: unknown }).diskMB;
      // The fleet's rows follow the log: they may not know the node yet.
      await eventually(async () => (await disk()) === null);
      for (const diskMB of [40_000, 39_000]) {
        const stopBeating = beat('roomy', nodeEpoch, { diskMB });
        await eventually(async () => (await disk()) === diskMB);
        stopBeating();
      }
    },
    SLOW_MS,
  );

  it(
    'tells everybody that the disk of a node is full, until the node says that there is room',
    async () => {
      const app = await startRegistry(GRACE_MS);
      const { nodeEpoch } = await join('filled');
      const disk = async () =>
        ((await get(app, '/fornax/v1/nodes/filled')).body as { diskFullSince?: unknown }).diskFullSince;
      const stopBeating = beat('filled', nodeEpoch, { isDiskFull: true });
      expect(await eventually(async () => (await disk()) ?? undefined)).toMatch(/Z$/);
      const { body } = await get(app, '/fornax/v1/nodes/filled/events', TOKENS.operator);
      expect(body).toMatchObject({
        events: [{ type: 'NodeJoined' }, { type: 'NodeDiskFilled', actor: 'node:filled' }],
      });
      stopBeating();
      beat('filled', nodeEpoch, { isDiskFull: false });
      await eventually(async () => (await disk()) === null);
      expect((await typesOf('filled')).slice(0, 3)).toEqual(['NodeJoined', 'NodeDiskFilled', 'NodeDiskFreed']);
    },
    SLOW_MS,
  );

  it(
    'keeps who drained, resumed and retired a node, when and why, also over a new session of the node',
    async () => {
      const app = await startRegistry();
      await join('kept');
      const path = '/fornax/v1/nodes/kept';
      const command = (verb: string, reason: string): Promise<Response> =>
        fetch(`${app.url}${path}/${verb}`, {
          method: 'POST',
          headers: { authorization: TOKENS.operator, 'fornax-reason': reason },
        });
      expect((await command('drain', 'new%0Adisks')).status).toBe(400);
      const by = { by: 'user:operator', reason: 'neue Lüfter', at: expect.stringMatching(/Z$/) };
      expect(await (await command('drain', 'neue%20L%C3%BCfter')).json()).toMatchObject({ drain: by });
      await join('kept', 'boot-2');
      await eventually(async () => JSON.stringify((await get(app, path, TOKENS.operator)).body).includes('"epoch":2'));
      expect((await get(app, path, TOKENS.operator)).body).toMatchObject({ status: 'draining', drain: by });
      expect((await get(app, path)).body).toMatchObject({ status: 'draining', drain: null });
      expect(await (await command('resume', 'done')).json()).toMatchObject({ drain: null });
      expect((await command('retire', '')).status).toBe(200);

      const { body } = await get(app, `${path}/events`, TOKENS.operator);
      expect(body).toMatchObject({
        nodeId: 'kept',
        next: null,
        events: [
          { type: 'NodeJoined', actor: 'node:kept', reason: null, epoch: 1, data: { driver: 'process' } },
          { type: 'NodeDrained', actor: 'user:operator', reason: 'neue Lüfter' },
          { type: 'NodeLost', actor: 'node:kept', cause: 'rejoined' },
          { type: 'NodeJoined', actor: 'node:kept', epoch: 2 },
          { type: 'NodeDrained', actor: 'node:kept' },
          { type: 'NodeResumed', actor: 'user:operator', reason: 'done' },
          { type: 'NodeLost', actor: 'user:operator', cause: 'left' },
          { type: 'NodeRetired', actor: 'user:operator', reason: null },
        ],
      });
      const first = await get(app, `${path}/events?limit=1`, TOKENS.operator);
      expect(first.body).toMatchObject({ events: [{ type: 'NodeJoined' }] });
      const { next } = first.body as { readonly next: number };
      const rest = (await get(app, `${path}/events?after=${next}`, TOKENS.operator)).body;
      expect(rest).toMatchObject({ next: null });
      expect((rest as { readonly events: unknown[] }).events).toHaveLength(7);
      expect((await get(app, `${path}/events`)).status).toBe(403);
      expect((await get(app, '/fornax/v1/nodes/nothing/events', TOKENS.operator)).status).toBe(404);
      expect((await get(app, `${path}/events?limit=0`, TOKENS.operator)).status).toBe(400);
    },
    SLOW_MS,
  );

  it(
    'lists hardware constraints in pages, and searches CPU models',
    async () => {
      const app = await startRegistry();
      await join('constraints', 'boot-1', { cpuModel: 'Loongson 3C6000', specificationKey: '64c-loongson' });
      const first = await eventually(async () => {
        const { body } = await get(app, '/hardware-constraints?offset=0&limit=1');
        return JSON.stringify((await get(app, '/hardware-constraints?limit=200')).body).includes('Loongson') && body;
      });
      expect(first).toMatchObject({ offset: 0, limit: 1, data: [{ discriminator: 'MinimumCoreHardwareConstraint' }] });
      expect((await get(app, '/hardware-constraints')).body).toMatchObject({ limit: 50 });
      expect((await get(app, '/hardware-constraints?Limit=2&Offset=1')).body).toMatchObject({ limit: 2, offset: 1 });
      expect((await get(app, '/hardware-constraints?limit=1000000')).body).toMatchObject({ limit: 200 });
      expect((await get(app, '/hardware-constraints?limit=-1')).status).toBe(400);
      expect((await get(app, '/hardware-constraints/cpu-model-constraints/search?cpuModel=loongson')).body).toEqual([
        { discriminator: 'CpuModelHardwareConstraint', cpuModel: 'Loongson 3C6000' },
      ]);
      expect((await get(app, '/hardware-constraints/cpu-model-constraints/search')).status).toBe(400);
      expect((await get(app, '/hardware-constraints/cpu-model-constraints/search?cpuModel=zuse')).status).toBe(404);
    },
    SLOW_MS,
  );
});
