import { randomUUID } from 'node:crypto';
import {
  allDispatchSubject,
  dispatchMessageSchema,
  RPC,
  snapshotReportSubject,
  STREAMS,
  type FornaxEvent,
  type SnapshotOrder,
  type SnapshotReport,
} from '@fornax/contracts';
import type { DispatchedLease, TaskSpec } from '@fornax/domain';
import { connectNats, consumeBatches, DurablePublisher, type EventLog } from '@fornax/event-store';
import { hashToken } from '@fornax/identity';
import { EVENT_LOG } from '@fornax/service-kit';
import { createTestApp, type TestApp } from '@fornax/service-kit/specs';
import { startObjectStorage } from '@fornax/service-kit/storage-specs';
import {
  accountCreated,
  aCommit,
  aLease,
  AT,
  createTestDatabase,
  dispatched,
  eventually,
  startTestNats,
  started,
  submitted,
} from '@fornax/testing';
import { SnapshotModule } from './index.js';

export const NODE = 'node-1';
export const MASTER_KEY = Buffer.alloc(32, 7);
/** When the scheduler says that instances started. */
export const STARTED_AT = Date.now() - 60_000;
const ACCOUNTS = ['ada', 'bob', 'root'];

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** The snapshot service beside real servers; the spec is the scheduler, the storage, and the nodes. */
export const startSnapshots = async () => {
  const nats = await startTestNats();
  const database = await createTestDatabase();
  const storage = await startObjectStorage(MASTER_KEY);
  const { url, user, password } = nats;
  const env: Record<string, string> = {
    FORNAX_SNAPSHOT_MIN_INTERVAL_S: '2',
    FORNAX_NATS_URL: url,
    FORNAX_NATS_USER: user,
    FORNAX_NATS_PASSWORD: password,
    FORNAX_DATABASE_URL: database.url,
    FORNAX_MASTER_KEY: MASTER_KEY.toString('base64'),
    FORNAX_STORAGE_URL: storage.url,
  };
  let service: TestApp = await createTestApp(SnapshotModule, { env, name: 'snapshot' });
  let log = service.app.get<EventLog>(EVENT_LOG);
  const connection = await connectNats({ url, user, password, name: 'spec' });
  const publisher = new DurablePublisher(connection);
  const stop = new AbortController();
  const orders: SnapshotOrder[] = [];
  /** What the scheduler would answer. */
  const running = new Map<string, readonly DispatchedLease[]>();
  /** Tasks of which it says nothing. */
  const silent = new Set<string>();
  const ensured: unknown[] = [];
  let refused: readonly { readonly bucket: string; readonly reason: string }[] = [];

  const append = async (
    aggregate: 'task' | 'account' | 'snapshot',
    id: string,
    ...commits: readonly (readonly FornaxEvent[])[]
  ): Promise<void> => {
    let expected = (await log.readAggregate(aggregate, id)).at(-1)?.sequence ?? 0;
    for (const events of commits) expected = await log.append(aggregate, id, aCommit(randomUUID(), events), expected);
  };
  const call = async (method: string, path: string, body?: unknown, token = 'ada-token') => {
    const response = await fetch(service.url + path, {
      method,
      headers: { authorization: token },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const json: unknown = text === '' ? undefined : JSON.parse(text);
    return { status: response.status, body: json };
  };
  const take = async (task: string, body?: unknown): Promise<string> => {
    const answer = await call('POST', `/tasks/${task}/snapshot`, body);
    if (!isObject(answer.body) || typeof answer.body['id'] !== 'string')
      throw new Error(`no snapshot: ${JSON.stringify(answer)}`);
    return answer.body['id'];
  };
  const runningTask = async (id: string, instances = 1, spec: Partial<TaskSpec> = {}): Promise<void> => {
    const leases = Array.from({ length: instances }, (_, n) => aLease(n, { leaseId: `${id}/${n}` }));
    await append(
      'task',
      id,
      [submitted(id, { resultBucket: 'results', instances: `0-${instances - 1}`, ...spec })],
      [dispatched(...leases)],
      [started(...leases)],
    );
    running.set(id, leases);
  };
  const ordersOf = (snapshotId: string): readonly SnapshotOrder[] =>
    orders.filter((order) => order.snapshotId === snapshotId);
  const report = async (reports: SnapshotReport | readonly SnapshotReport[], node = NODE): Promise<void> => {
    await publisher.publish(snapshotReportSubject(node), new TextEncoder().encode(JSON.stringify(reports)));
  };
  const statusOf = async (task: string, snapshotId: string): Promise<unknown> => {
    const { body } = await call('GET', `/tasks/${task}/snapshot/${snapshotId}`);
    return isObject(body) ? body['status'] : undefined;
  };
  const answerWith = (subject: string, answer: (body: unknown) => unknown): void => {
    connection.subscribe(subject, {
      callback: (_, message) => {
        const ok = answer(message.json());
        if (ok !== undefined) message.respond(JSON.stringify({ ok }));
      },
    });
  };

  answerWith(RPC.placements, (body) => {
    const task = isObject(body) ? String(body['taskId']) : '';
    if (silent.has(task)) return undefined;
    const one = isObject(body) ? body['instance'] : undefined;
    const asked = (running.get(task) ?? []).filter(({ instance }) => one === undefined || instance === one);
    return {
      running: asked.map(({ instance, leaseId, node }) => ({ instance, leaseId, node, startedAt: STARTED_AT })),
    };
  });
  answerWith(RPC.ensureBuckets, (body) => {
    ensured.push(body);
    return { missing: [], refused };
  });
  void consumeBatches(
    connection,
    { stream: STREAMS.dispatch, durable: 'spec', filterSubject: allDispatchSubject, signal: stop.signal },
    async (messages) => {
      for (const { data } of messages) {
        for (const order of dispatchMessageSchema.parse(JSON.parse(new TextDecoder().decode(data))))
          if (order.kind === 'snapshot') orders.push(order);
      }
      return Promise.resolve();
    },
  );
  for (const id of ACCOUNTS) {
    const token = { tokenId: `${id}-token-id`, name: 'test', hash: hashToken(`${id}-token`), sealedSecret: '', at: AT };
    await append('account', id, [
      accountCreated(id),
      { type: 'TokenIssued', accountId: id, email: `${id}@example.org`, role: 'user', ...token },
      ...(id === 'root' ? [{ type: 'RoleChanged', accountId: id, role: 'operator', at: AT } as const] : []),
    ]);
    await eventually(
      async () => (await call('GET', '/tasks/none/snapshot/none', undefined, `${id}-token`)).status === 404,
    );
  }

  return {
    ...{ connection, publisher, orders, running, silent, ensured, objects: storage.objects, storage },
    ...{ append, call, take, runningTask, ordersOf, report, statusOf, answerWith },
    log: () => log,
    app: () => service.app,
    /** Buckets that the storage refuses from now on. */
    refuse: (buckets: typeof refused): void => {
      refused = buckets;
    },
    /** Closes the service, does something, and starts it again. */
    restart: async (meanwhile: () => Promise<void>): Promise<void> => {
      // Tokens of this spec are sealed with nothing.
      const { epoch } = await log.head();
      await service.close();
      await meanwhile();
      service = await createTestApp(SnapshotModule, {
        env: { ...env, FORNAX_MASTER_KEY_LOST: epoch },
        name: 'snapshot',
      });
      log = service.app.get<EventLog>(EVENT_LOG);
    },
    close: async (): Promise<void> => {
      stop.abort();
      await connection.close();
      await service.close();
      await storage.close();
      await database.drop();
      await nats.stop();
    },
  };
};

export type Snapshots = Awaited<ReturnType<typeof startSnapshots>>;
