import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  STREAMS,
  dispatchConsumer,
  dispatchMessageSchema,
  dispatchSubject,
  eventSubject,
  heldLeasesSubject,
  reportSubject,
  type DispatchOrder,
  type FornaxEvent,
  type Heartbeat,
  type LeaseOrder,
  type NodeReport,
} from '@fornax/contracts';
import { publicStateOf, taskDecider, type TaskEvent } from '@fornax/domain';
import { DurablePublisher, JetStreamLog, connectNats, consumeBatches, ensureConsumer } from '@fornax/event-store';
import { ProjectionHost } from '@fornax/service-kit';
import { createTestApp, type TestApp } from '@fornax/service-kit/specs';
import { newId } from '@fornax/base';
import {
  aCommit,
  createTestDatabase,
  damageStore,
  eventually,
  nodeJoined,
  startTestNats,
  submitted,
  type TestDatabase,
  type TestNats,
} from '@fornax/testing';
import pg from 'pg';
import { SchedulerModule } from './scheduler.module.js';

const SLOW_MS = 120_000;
const PATIENT = { timeoutMs: 60_000 };
const NODE = 'node-1';

type NatsConnection = Awaited<ReturnType<typeof connectNats>>;

let nats: TestNats;
let database: TestDatabase;
let nc: NatsConnection;
let log: JetStreamLog;
let publisher: DurablePublisher;
const running = new Set<TestApp>();

/** Its own register of the quarantine: what is decided here is decided in another process than the scheduler's. */
const connect = async (): Promise<void> => {
  nc = await connectNats({ url: nats.url, user: nats.user, password: nats.password, name: 'spec' });
  log = await JetStreamLog.open(nc);
  publisher = new DurablePublisher(nc);
};
const disconnect = async (): Promise<void> => {
  publisher.close();
  log.close();
  await nc.close();
};

beforeAll(async () => {
  [nats, database] = await Promise.all([startTestNats(), createTestDatabase()]);
  await connect();
}, SLOW_MS);
afterAll(async () => {
  await disconnect();
  await Promise.all([nats.stop(), database.drop()]);
}, SLOW_MS);

const SETTINGS = {
  FORNAX_LEASE_MISSING_MS: '300',
  FORNAX_NODE_GRACE_MS: '300',
  FORNAX_HEARTBEAT_LEASES_MS: '60000',
};
const startScheduler = async (): Promise<TestApp> => {
  Object.assign(process.env, SETTINGS);
  const app = await createTestApp(SchedulerModule, {
    name: 'scheduler',
    env: {
      FORNAX_NATS_URL: nats.url,
      FORNAX_NATS_USER: nats.user,
      FORNAX_NATS_PASSWORD: nats.password,
      FORNAX_DATABASE_URL: database.url,
      FORNAX_LOG_LEVEL: process.env['FORNAX_TEST_LOG_LEVEL'] ?? 'silent',
    },
  });
  for (const name of Object.keys(SETTINGS)) delete process.env[name];
  running.add(app);
  return app;
};
const stopSchedulers = async (): Promise<void> => {
  await Promise.all([...running].map((app) => app.close()));
  running.clear();
};
afterEach(stopSchedulers, SLOW_MS);

const append = (aggregate: 'task' | 'node', id: string, event: FornaxEvent): Promise<number> =>
  log.append(aggregate, id, aCommit(newId(), [event]), 0);
const submit = (id: string): Promise<number> => append('task', id, submitted(id, { instances: '0' }));
const commitsOf = (id: string) => log.readAggregate('task', id);
const stateOf = async (id: string): Promise<string> => {
  const events = (await commitsOf(id)).flatMap((commit) => commit.events as readonly TaskEvent[]);
  return publicStateOf(events.reduce(taskDecider.evolve, taskDecider.initial));
};

const query = async (sql: string): Promise<readonly Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
};
const storedTasks = async (): Promise<readonly unknown[]> =>
  (await query('SELECT task_id FROM scheduler.work_task ORDER BY task_id')).map((row) => row['task_id']);
/** The stored fold knows everything that the log holds. */
const folded = async (): Promise<boolean> => {
  const { sequence } = await log.head();
  const [row] = await query(`SELECT sequence FROM scheduler.projection_checkpoint WHERE projection = 'work'`);
  return Number(row?.['sequence']) >= sequence;
};

/** A node as far as the scheduler can see one. It works on what it has taken, until it ends that, or is told to kill it. */
class Node {
  readonly orders: DispatchOrder[] = [];
  /** What it works on. */
  readonly held = new Map<string, LeaseOrder>();
  /** What it worked on whenever it was given something. */
  readonly heldAtLease = new Map<string, readonly string[]>();
  private stop = new AbortController();
  private following: Promise<void> = Promise.resolve();

  constructor(readonly endsBySelf: (order: LeaseOrder) => boolean) {}

  async follow(): Promise<void> {
    this.stop = new AbortController();
    const consumer = {
      stream: STREAMS.dispatch,
      durable: dispatchConsumer(NODE),
      filterSubject: dispatchSubject(NODE),
    };
    await ensureConsumer(nc, consumer);
    this.following = consumeBatches(nc, { ...consumer, signal: this.stop.signal }, async (messages) => {
      const orders = messages.flatMap(({ data }) =>
        dispatchMessageSchema.parse(JSON.parse(new TextDecoder().decode(data))),
      );
      for (const order of orders) await this.take(order);
    });
    const timer = setInterval(() => this.list(), 100);
    this.stop.signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  }

  async leave(): Promise<void> {
    this.stop.abort();
    await this.following;
  }

  leaseOf(taskId: string): LeaseOrder | undefined {
    return this.orders.findLast((order): order is LeaseOrder => order.kind === 'lease' && order.taskId === taskId);
  }

  async report(...reports: readonly NodeReport[]): Promise<void> {
    const body = Buffer.from(JSON.stringify({ nodeId: NODE, nodeEpoch: 1, reports }));
    await publisher.publish(reportSubject(NODE), body);
  }

  async end(order: LeaseOrder): Promise<void> {
    this.held.delete(order.leaseId);
    await this.report({
      kind: 'ended',
      ...about(order),
      outcome: 'success',
      exitCode: 0,
      startedAt: 1_000,
      endedAt: 2_000,
      uploadedFiles: 0,
      uploadedBytes: 0,
    });
  }

  private async take(order: DispatchOrder): Promise<void> {
    const isKnown = this.orders.some(
      (one) => one.kind === 'lease' && 'leaseId' in order && one.leaseId === order.leaseId,
    );
    if (order.kind === 'lease' && isKnown) return;
    this.orders.push(order);
    if (order.kind === 'lease') {
      this.heldAtLease.set(
        order.taskId,
        [...this.held.values()].map(({ taskId }) => taskId),
      );
      this.held.set(order.leaseId, order);
      await this.report({ kind: 'started', ...about(order), startedAt: 1_000 });
      if (this.endsBySelf(order)) await this.end(order);
    } else if (order.kind === 'cancel') this.held.delete(order.leaseId);
    else if (order.kind === 'tell') {
      const lease = this.orders.find((one): one is LeaseOrder => one.kind === 'lease' && one.leaseId === order.leaseId);
      if (lease) await this.end(lease);
    }
  }

  private list(): void {
    if (nc.isClosed()) return;
    const held = [...this.held.keys()].map((leaseId) => ({ leaseId, phase: 'running' as const, moved: 0 }));
    const heartbeat: Heartbeat = { nodeId: NODE, nodeEpoch: 1, bootId: 'b', leases: held.length, held, at: 1 };
    nc.publish(heldLeasesSubject(NODE), JSON.stringify(heartbeat));
  }
}

const about = ({ leaseId, taskId, instance }: LeaseOrder) => ({ leaseId, taskId, instance });

describe('a scheduler whose log has lost commits that its stored fold was made of', () => {
  it(
    'goes on from what is left once they are given up: what ended runs or ends once more, what is unknown is killed first',
    async () => {
      await startScheduler();
      await append('node', NODE, nodeJoined(NODE, { cores: 2, memoryMB: 1_000_000 }));
      const node = new Node(({ taskId }) => taskId === 'after');
      await node.follow();
      await submit('ended');
      await eventually(async () => (await stateOf('ended')) === 'FullyExecuting', PATIENT);
      // From here on everything is lost: this task, its lease, and the end of the one before.
      await submit('unknown');
      await eventually(async () => (await stateOf('unknown')) === 'FullyExecuting', PATIENT);
      const ended = node.leaseOf('ended');
      if (!ended) throw new Error('a lease');
      await node.end(ended);
      await eventually(async () => (await stateOf('ended')) === 'Success', PATIENT);
      await eventually(folded, PATIENT);
      expect(await storedTasks()).toEqual(['unknown']);
      await stopSchedulers();
      await node.leave();
      await disconnect();
      await nats.stop();
      await damageStore(nats.dataDir, STREAMS.events).truncateBefore(eventSubject('task', 'unknown'));
      await nats.start();
      await connect();
      await node.follow();
      await startScheduler();
      const [gap] = log.damagedPlaces();
      if (!gap) throw new Error('a gap');
      expect([await stateOf('ended'), await commitsOf('unknown')]).toEqual(['FullyExecuting', []]);

      await log.quarantine.decide(gap.id, { kind: 'dropped', by: 'user:root', at: 1, reason: 'no copy is left' });
      await submit('after');
      // Its end is in no log any more, so the node is asked, and says it again: it is billed once.
      await eventually(async () => (await stateOf('ended')) === 'Success', PATIENT);
      await eventually(async () => (await stateOf('after')) === 'Success', PATIENT);
      // The fleet has room for two, and was not given anything while it worked on what nobody knows.
      expect(node.heldAtLease.get('after')).toEqual([]);
      const killed = node.orders.flatMap((order) => (order.kind === 'cancel' ? [order.leaseId] : []));
      expect(new Set(killed)).toEqual(new Set([node.leaseOf('unknown')?.leaseId]));
      expect(await commitsOf('unknown')).toEqual([]);
      await eventually(async () => (await folded()) && (await storedTasks()).length === 0, PATIENT);
      await node.leave();
    },
    SLOW_MS,
  );

  it(
    'begins a new term when its rows were folded again, in whichever process that was',
    async () => {
      const apps = [await startScheduler(), await startScheduler()];
      const node = new Node(() => true);
      await node.follow();
      const epochOf = async (task: string): Promise<number> => {
        await submit(task);
        await eventually(async () => (await stateOf(task)) === 'Success', PATIENT);
        return Math.max(...(await commitsOf(task)).map(({ meta }) => meta.leaderEpoch ?? 0));
      };
      let last = await epochOf('term-0');
      for (const [index, { app }] of apps.entries()) {
        await app.get(ProjectionHost).rebuild('work', { verify: false, force: true });
        const next = await eventually(async () => {
          const epoch = await epochOf(`term-${index}-${newId()}`);
          return epoch > last && epoch;
        }, PATIENT);
        last = next;
      }
      await node.leave();
    },
    SLOW_MS,
  );

  it(
    'begins a term above the epoch that the log has shown, also when nobody else remembers it',
    async () => {
      await startScheduler();
      const node = new Node(() => true);
      await node.follow();
      // As after a log was accepted, when Postgres, which knew since when, is lost as well.
      const leaderEpoch = Date.now() + 1_000_000_000;
      const commit = aCommit(newId(), [submitted('high', { instances: '0' })]);
      await log.append('task', 'high', { ...commit, meta: { ...commit.meta, leaderEpoch } }, 0);
      await eventually(async () => (await stateOf('high')) === 'Success', PATIENT);
      expect(Math.max(...(await commitsOf('high')).map(({ meta }) => meta.leaderEpoch ?? 0))).toBeGreaterThan(
        leaderEpoch,
      );
      await node.leave();
    },
    SLOW_MS,
  );
});
