import {
  STREAMS,
  dispatchConsumer,
  dispatchMessageSchema,
  dispatchSubject,
  heldLeasesSubject,
  reportSubject,
  type DispatchOrder,
  type FornaxEvent,
  type Heartbeat,
  type HeldLease,
  type LeaseOrder,
  type NodeReport,
  type RecordedCommit,
} from '@fornax/contracts';
import { publicStateOf, taskDecider, type PublicTaskState, type TaskEvent, type TaskState } from '@fornax/domain';
import { DurablePublisher, JetStreamLog, connectNats, consumeBatches, ensureConsumer } from '@fornax/event-store';
import { createTestApp, type TestApp } from '@fornax/service-kit/specs';
import { newId, RpcClient } from '@fornax/base';
import { Sealer, hashToken } from '@fornax/identity';
import {
  aCommit,
  createTestDatabase,
  eventually,
  nodeJoined,
  startTestNats,
  type TestDatabase,
  type TestNats,
} from '@fornax/testing';
import pg from 'pg';
import { SchedulerModule } from './scheduler.module.js';

export const MASTER_KEY = Buffer.alloc(32, 9);
/** A slow machine answers late; whoever does not answer at all fails at once. */
const ANSWER_MS = 30_000;

type NatsConnection = Awaited<ReturnType<typeof connectNats>>;

/** What speaks to the log and to schedulers from outside of them. */
interface Connection {
  readonly nc: NatsConnection;
  readonly log: JetStreamLog;
  readonly publisher: DurablePublisher;
  readonly rpc: RpcClient;
}

/** Resolves when a process says that it is ready. */
export const isReady = async (url: string): Promise<void> => {
  await eventually(async () => {
    const answer = await fetch(`${url}/health/ready`);
    if (answer.status !== 200) throw new Error(await answer.text());
    return true;
  });
};

/** Real servers for one spec file, schedulers on them, and a connection of the spec's own, with its own register of the quarantine. */
export class SchedulerRig {
  private readonly running = new Set<TestApp>();
  /** Nodes that have joined and not left. */
  private readonly fleet = new Set<RigNode>();

  private constructor(
    readonly nats: TestNats,
    readonly database: TestDatabase,
    private connection: Connection,
  ) {}

  static async start(): Promise<SchedulerRig> {
    const [nats, database] = await Promise.all([startTestNats(), createTestDatabase()]);
    return new SchedulerRig(nats, database, await connectedTo(nats));
  }

  get nc(): NatsConnection {
    return this.connection.nc;
  }

  get log(): JetStreamLog {
    return this.connection.log;
  }

  get publisher(): DurablePublisher {
    return this.connection.publisher;
  }

  get rpc(): RpcClient {
    return this.connection.rpc;
  }

  async disconnect(): Promise<void> {
    this.publisher.close();
    this.log.close();
    await this.nc.close();
  }

  async connectAgain(): Promise<void> {
    this.connection = await connectedTo(this.nats);
  }

  async close(): Promise<void> {
    await this.disconnect();
    await Promise.all([this.nats.stop(), this.database.drop()]);
  }

  /** @param settings those that the scheduler reads from the environment of its process */
  async startScheduler(
    settings: Readonly<Record<string, string>> = {},
    databaseUrl = this.database.url,
  ): Promise<TestApp> {
    Object.assign(process.env, settings);
    try {
      const app = await createTestApp(SchedulerModule, {
        name: 'scheduler',
        env: {
          FORNAX_NATS_URL: this.nats.url,
          FORNAX_NATS_USER: this.nats.user,
          FORNAX_NATS_PASSWORD: this.nats.password,
          FORNAX_DATABASE_URL: databaseUrl,
          FORNAX_MASTER_KEY: MASTER_KEY.toString('base64'),
          FORNAX_LOG_LEVEL: process.env['FORNAX_TEST_LOG_LEVEL'] ?? 'silent',
        },
      });
      this.running.add(app);
      return app;
    } finally {
      for (const name of Object.keys(settings)) delete process.env[name];
    }
  }

  /** Lets a node join. @param react what it does with its orders: nothing, unless told */
  join(id: string, cores: number, ...react: [React?]): Promise<RigNode> {
    const node = new RigNode(this, id, ...react);
    this.fleet.add(node);
    return node.join(cores);
  }

  /** A node is in no fleet any more. */
  forget(node: RigNode): void {
    this.fleet.delete(node);
  }

  /** What a test has left, so that one that failed is not followed by others. */
  async clear(): Promise<void> {
    await this.stopSchedulers();
    await Promise.all([...this.fleet].map((node) => node.leave()));
  }

  /** Appends the account of ada, an operator, with a token of her own. */
  async admitOperator(token: string): Promise<void> {
    const quotas = { maxTasks: 1e6, maxBuckets: 1e6, maxStorageBytes: 1e12, maxInstances: 1e6, maxCores: 1e6 };
    await this.append(
      'account',
      'ada',
      0,
      { type: 'AccountCreated', accountId: 'ada', email: 'ada@example.org', role: 'operator', quotas, at: 1 },
      {
        type: 'TokenIssued',
        accountId: 'ada',
        email: 'ada@example.org',
        role: 'operator',
        tokenId: 'token-1',
        name: 'spec',
        hash: hashToken(token),
        sealedSecret: new Sealer(MASTER_KEY).sealWithMaster(token),
        at: 1,
      },
    );
  }

  async stopScheduler(app: TestApp): Promise<void> {
    if (this.running.delete(app)) await app.close();
  }

  async stopSchedulers(): Promise<void> {
    await Promise.all([...this.running].map((app) => this.stopScheduler(app)));
  }

  append(
    aggregate: 'task' | 'node' | 'account',
    id: string,
    expected: number,
    ...events: readonly FornaxEvent[]
  ): Promise<number> {
    return this.log.append(aggregate, id, aCommit(newId(), events), expected);
  }

  commitsOf(taskId: string): Promise<readonly RecordedCommit[]> {
    return this.log.readAggregate('task', taskId);
  }

  async eventsOf(taskId: string): Promise<readonly TaskEvent[]> {
    return (await this.commitsOf(taskId)).flatMap(({ events }) => events as readonly TaskEvent[]);
  }

  async stateOf(taskId: string): Promise<TaskState> {
    return (await this.eventsOf(taskId)).reduce(taskDecider.evolve, taskDecider.initial);
  }

  async publicStateOf(taskId: string): Promise<PublicTaskState> {
    return publicStateOf(await this.stateOf(taskId));
  }

  async isOver(taskId: string): Promise<boolean> {
    return (await this.publicStateOf(taskId)) === 'Success';
  }

  async query(sql: string): Promise<readonly Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.database.url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  async storedTasks(): Promise<readonly unknown[]> {
    return (await this.query('SELECT task_id FROM scheduler.work_task ORDER BY task_id')).map((row) => row['task_id']);
  }

  /** Whether the stored fold knows everything that the log holds. */
  async isStored(): Promise<boolean> {
    const { sequence } = await this.log.head();
    const [row] = await this.query(`SELECT sequence FROM scheduler.projection_checkpoint WHERE projection = 'work'`);
    return Number(row?.['sequence']) >= sequence;
  }
}

const connectedTo = async ({ url, user, password }: TestNats): Promise<Connection> => {
  const nc = await connectNats({ url, user, password, name: 'spec' });
  return {
    nc,
    log: await JetStreamLog.open(nc),
    publisher: new DurablePublisher(nc),
    rpc: new RpcClient(nc, ANSWER_MS),
  };
};

/** What a node does with orders that it did not have. */
export type React = (node: RigNode, orders: readonly DispatchOrder[]) => Promise<void>;

/** A node as far as the scheduler can see one: it takes orders and reports whatever the spec says. */
export class RigNode {
  readonly orders: DispatchOrder[] = [];
  private stop = new AbortController();
  private following: Promise<void> = Promise.resolve();

  constructor(
    private readonly rig: SchedulerRig,
    readonly id: string,
    private readonly react: React = () => Promise.resolve(),
  ) {}

  async join(cores: number): Promise<this> {
    await this.rig.append('node', this.id, 0, nodeJoined(this.id, { cores, memoryMB: 1_000_000 }));
    await this.follow();
    return this;
  }

  /** Takes orders, for a node that has joined. */
  async follow(): Promise<void> {
    this.stop = new AbortController();
    const { id } = this;
    const consumer = { stream: STREAMS.dispatch, durable: dispatchConsumer(id), filterSubject: dispatchSubject(id) };
    await ensureConsumer(this.rig.nc, consumer);
    this.following = consumeBatches(this.rig.nc, { ...consumer, signal: this.stop.signal }, (messages) =>
      this.take(messages.map(({ data }) => data)),
    );
  }

  /** Takes no orders any more; as far as anybody knows it is still there. */
  async fallSilent(): Promise<void> {
    this.stop.abort();
    await this.following;
  }

  /** The node goes away, so that the next test has a fleet of its own. */
  async leave(): Promise<void> {
    this.rig.forget(this);
    const sequence = (await this.rig.log.readAggregate('node', this.id)).at(-1)?.sequence ?? 0;
    await this.rig.append('node', this.id, sequence, {
      type: 'NodeLost',
      nodeId: this.id,
      epoch: 1,
      cause: 'left',
      at: 1,
    });
    await this.fallSilent();
  }

  leases(): readonly LeaseOrder[] {
    return this.orders.flatMap((order) => (order.kind === 'lease' ? [order] : []));
  }

  async report(...reports: readonly NodeReport[]): Promise<void> {
    const body = Buffer.from(JSON.stringify({ nodeId: this.id, nodeEpoch: 1, reports }));
    await this.rig.publisher.publish(reportSubject(this.id), body);
  }

  /** What a heartbeat says that it works on. */
  list(...held: readonly HeldLease[]): void {
    const heartbeat: Heartbeat = {
      nodeId: this.id,
      nodeEpoch: 1,
      bootId: 'b',
      leases: held.length,
      held: [...held],
      at: 1,
    };
    this.rig.nc.publish(heldLeasesSubject(this.id), JSON.stringify(heartbeat));
  }

  private async take(messages: readonly Uint8Array[]): Promise<void> {
    const known = new Set(this.leases().map(({ leaseId }) => leaseId));
    // As an agent does, it drops a lease that it has: a new leader may repeat it.
    const orders = messages
      .flatMap((data) => dispatchMessageSchema.parse(JSON.parse(new TextDecoder().decode(data))))
      .filter((order) => order.kind !== 'lease' || !known.has(order.leaseId));
    this.orders.push(...orders);
    await this.react(this, orders);
  }
}

/** How a report names its lease. */
export const about = ({ leaseId, taskId, instance }: LeaseOrder) => ({ leaseId, taskId, instance });
export const started = (order: LeaseOrder): NodeReport => ({ kind: 'started', ...about(order), startedAt: 1_000 });
export const ended = (order: LeaseOrder): NodeReport => ({
  kind: 'ended',
  ...about(order),
  outcome: 'success',
  exitCode: 0,
  startedAt: 1_000,
  endedAt: 2_000,
  uploadedFiles: 0,
  uploadedBytes: 0,
});
/** A node whose instances end as soon as they start. */
export const noOp: React = (node, orders) => {
  const leases = orders.flatMap((order) => (order.kind === 'lease' ? [order] : []));
  return node.report(...leases.flatMap((order) => [started(order), ended(order)]));
};
