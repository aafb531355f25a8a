import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LOG_HEADERS, logSubject, RPC, taskSchema, type OutputStream, type WireTask } from '@fornax/contracts';
import type { PoolEvent, TaskEvent } from '@fornax/domain';
import { connectNats, DurablePublisher, type EventLog, JetStreamLog, type Nats } from '@fornax/event-store';
import { EVENT_LOG, NATS, PUBLISHER } from '@fornax/service-kit';
import { createTestApp, type TestApp } from '@fornax/service-kit/specs';
import { hashToken, Sealer } from '@fornax/identity';
import { newId } from '@fornax/base';
import { createTestDatabase, eventually, startFaultProxy, startTestNats, type FaultProxy } from '@fornax/testing';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { SubmissionModule } from '../submission.module.js';

/** An HTTP answer, read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: () => Record<string, never>;
}

export interface PrintOptions {
  readonly stream?: OutputStream;
  readonly attempt?: number;
  readonly offset?: number;
  /** Who prints, instead of the node of `aLease`. */
  readonly node?: string;
  /** Instead of the lease of `aLease`. */
  readonly lease?: string;
  readonly subject?: string;
}

export interface Harness {
  readonly test: TestApp;
  readonly log: EventLog;
  readonly token: string;
  readonly email: string;
  /** Sends JSON as the first user, or as another one; a string body goes as it is. */
  call(
    method: string,
    path: string,
    body?: unknown,
    options?: { token?: string; headers?: Record<string, string> },
  ): Promise<Answer>;
  /** Appends events to a task as the scheduler would, and waits until the status shows them. */
  happen(taskId: string, ...events: readonly TaskEvent[]): Promise<void>;
  /** The same, to a pool. */
  happenToPool(poolId: string, ...events: readonly PoolEvent[]): Promise<void>;
  /** Publishes output as an agent would. */
  print(taskId: string, instance: number, data: string | Uint8Array, options?: PrintOptions): Promise<void>;
  /** Makes a second account. @returns its token */
  addAccount(maxTasks?: number): Promise<string>;
  /** The service's own database. */
  query(sql: string, parameters?: readonly unknown[]): Promise<unknown[]>;
  /** Does `work` while a transaction that has run `sql` is open on a connection of its own. */
  within<T>(sql: string, work: () => Promise<T>): Promise<T>;
  /** Resolves once another process would refuse the task's name, too. */
  nameNoted(taskId: string): Promise<void>;
  /** Buckets that storage was asked to make, and has made. */
  readonly madeBuckets: ReadonlySet<string>;
  /** Storage stops answering, or answers again. */
  setStorage(isThere: boolean): void;
  /** Ends the NATS server as a crash would and starts it again with its data. */
  crashNats(): Promise<void>;
  /** Between the service and the log: what the log says may be lost. */
  readonly wire: FaultProxy;
  /** The log, read on a connection of its own. */
  readonly logItself: EventLog;
  /** A second process of the service beside the first. */
  twin(): Promise<TestApp>;
  /** Another start of the service on the same servers, with other settings where some are given. */
  restart(changed?: Readonly<Record<string, string>>): Promise<void>;
  close(): Promise<void>;
}

/** The service on real servers of its own, storage played by a few lines: the bucket `input` exists, the bucket `taken` is somebody else's. */
export const startHarness = async (
  settings: Readonly<Record<string, string>> = {},
  /** `event`: what happens is committed when its first event says; by default now, since output of long ago is not taken in. */
  { commitsAt = 'now' }: { readonly commitsAt?: 'now' | 'event' } = {},
): Promise<Harness> => {
  const [nats, database] = await Promise.all([startTestNats(), createTestDatabase()]);
  const wire = await startFaultProxy(Number(new URL(nats.url).port));
  const folder = await mkdtemp(join(tmpdir(), 'fornax-submission-'));
  const token = randomBytes(16).toString('hex');
  const email = 'ada@example.org';
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, `${token}\n`);
  const env = {
    FORNAX_NATS_URL: `nats://127.0.0.1:${wire.port}`,
    FORNAX_NATS_USER: nats.user,
    FORNAX_NATS_PASSWORD: nats.password,
    FORNAX_DATABASE_URL: database.url,
    FORNAX_PUBLIC_STORAGE_URL: 'http://127.0.0.1:9000',
    FORNAX_BOOTSTRAP_EMAIL: email,
    FORNAX_BOOTSTRAP_TOKEN_FILE: tokenFile,
    ...settings,
  };
  let isStorageThere = true;
  const madeBuckets = new Set<string>();
  /** How far each instance has printed. */
  const printed = new Map<string, number>();
  const open = async () => {
    const test = await createTestApp(SubmissionModule, { env, name: 'submission' });
    const connection = test.app.get<Nats>(NATS);
    connection.subscribe(RPC.ensureBuckets, {
      callback: (_, message) => {
        if (!isStorageThere) return;
        const request = message.json<BucketsRequest>();
        const answer = answerBuckets(request);
        if (answer.missing.length + answer.refused.length === 0)
          for (const bucket of request.create) madeBuckets.add(bucket);
        message.respond(JSON.stringify({ ok: answer }));
      },
    });
    connection.subscribe(RPC.storageUsage, {
      callback: (_, message) => {
        if (isStorageThere)
          message.respond(JSON.stringify({ ok: { bucketCount: 2, usedBytes: 1_234, objectCount: 5 } }));
      },
    });
    await connection.flush();
    return test;
  };
  let test = await open();
  const beside = await connectNats({ ...nats, name: 'beside' });
  const logItself = await JetStreamLog.open(beside);

  const call: Harness['call'] = async (method, path, body, options = {}) => {
    const response = await fetch(`${test.url}${path}`, {
      method,
      headers: {
        authorization: options.token ?? token,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: () => JSON.parse(text) as Record<string, never>,
    };
  };
  const log = () => test.app.get<EventLog>(EVENT_LOG);
  const happenTo = async (
    aggregate: 'task' | 'pool',
    id: string,
    events: readonly (PoolEvent | TaskEvent)[],
  ): Promise<void> => {
    const before = await log().readAggregate(aggregate, id);
    const commit = {
      id: newId(),
      events,
      meta: { actor: 'service:scheduler' as const, source: 'scheduler', correlationId: 'test' },
      at: commitsAt === 'event' ? (events[0]?.at ?? 0) : Date.now(),
    };
    await log().append(aggregate, id, commit, before.at(-1)?.sequence ?? 0);
    // A read of an unknown one waits for the whole log.
    await call('GET', `/${aggregate}s/nobody`);
  };
  await eventually(async () => (await call('GET', '/info')).status === 200);

  return {
    get test() {
      return test;
    },
    get log() {
      return log();
    },
    token,
    email,
    call,
    happen: (taskId, ...events) => happenTo('task', taskId, events),
    happenToPool: (poolId, ...events) => happenTo('pool', poolId, events),
    print: async (taskId, instance, data, options = {}) => {
      const { stream = 'stdout', attempt = 1, offset, node = 'node-1', lease = `${instance}/${attempt}` } = options;
      const subject = options.subject ?? logSubject(node, taskId, instance, stream);
      const bytes = typeof data === 'string' ? Buffer.from(data) : data;
      const place = `${taskId}/${instance}/${attempt}/${stream}`;
      const at = offset ?? printed.get(place) ?? 0;
      printed.set(place, at + bytes.length);
      const publisher = test.app.get<DurablePublisher>(PUBLISHER);
      await publisher.publish(subject, bytes, {
        headers: {
          [LOG_HEADERS.lease]: lease,
          [LOG_HEADERS.offset]: String(at),
          [LOG_HEADERS.attempt]: String(attempt),
        },
      });
    },
    addAccount: async (maxTasks = 100) => {
      const accountId = newId();
      const other = randomBytes(16).toString('hex');
      const address = `${accountId}@example.org`;
      const quotas = { maxTasks, maxBuckets: 10, maxStorageBytes: 1e9, maxInstances: 100, maxCores: 100 };
      const meta = { actor: 'service:test' as const, source: 'test', correlationId: 'test' };
      const sealedSecret = test.app.get(Sealer).sealWithMaster(other);
      await log().append(
        'account',
        accountId,
        {
          id: newId(),
          meta,
          at: 1,
          events: [
            { type: 'AccountCreated', accountId, email: address, role: 'user', quotas, at: 1 },
            {
              type: 'TokenIssued',
              accountId,
              email: address,
              role: 'user',
              tokenId: newId(),
              name: 't',
              hash: hashToken(other),
              sealedSecret,
              at: 1,
            },
          ],
        },
        0,
      );
      await eventually(async () => (await call('GET', '/info', undefined, { token: other })).status === 200);
      return other;
    },
    query: (sql, parameters = []) =>
      test.app.get<DataSource>(getDataSourceToken('submission')).query<unknown[]>(sql, [...parameters]),
    within: async (sql, work) => {
      const runner = test.app.get<DataSource>(getDataSourceToken('submission')).createQueryRunner();
      try {
        await runner.startTransaction();
        await runner.query(sql);
        return await work();
      } finally {
        await runner.rollbackTransaction();
        await runner.release();
      }
    },
    nameNoted: async (taskId) => {
      const unnoted = 'SELECT 1 FROM shortname WHERE task_id = $1 AND is_outcome_unknown';
      const db = test.app.get<DataSource>(getDataSourceToken('submission'));
      await eventually(async () => (await db.query<unknown[]>(unnoted, [taskId])).length === 0);
    },
    madeBuckets,
    setStorage: (isThere) => {
      isStorageThere = isThere;
    },
    wire,
    logItself,
    twin: open,
    crashNats: async () => {
      await nats.kill();
      await nats.start();
    },
    restart: async (changed = {}) => {
      await test.close();
      Object.assign(env, changed);
      test = await open();
      await eventually(async () => (await call('GET', '/info')).status === 200);
    },
    close: async () => {
      await test.close();
      logItself.close();
      await beside.close();
      await wire.close();
      await nats.stop();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

interface BucketsRequest {
  readonly mustExist: readonly string[];
  readonly create: readonly string[];
}

const answerBuckets = (request: BucketsRequest) => ({
  missing: request.mustExist.filter((bucket) => bucket !== 'input'),
  refused: request.create
    .filter((bucket) => bucket === 'taken')
    .map((bucket) => ({ bucket, reason: 'the name is taken' })),
});

/** A task as small as a client would send it. */
export const minimal = {
  name: 'a task',
  profile: 'docker-batch',
  instanceCount: 4,
  constants: [{ key: 'DOCKER_CMD', value: 'echo ${INSTANCE_ID}' }],
};

/** Submits a task. @returns its id @throws Error it was refused */
export const submitTo = async (harness: Harness, body: object = {}): Promise<string> => {
  const answer = await harness.call('POST', '/tasks', { ...minimal, ...body });
  if (answer.status !== 200) throw new Error(answer.text);
  return String(answer.json()['uuid']);
};

/** Reads a task as strictly as the clients do. */
export const readFrom = async (harness: Harness, id: string): Promise<WireTask> => {
  const answer = await harness.call('GET', `/tasks/${id}`);
  if (answer.status !== 200) throw new Error(`GET /tasks/${id}: ${answer.status} ${answer.text}`);
  return taskSchema.parse(answer.json());
};
