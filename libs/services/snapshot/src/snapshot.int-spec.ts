import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  allDispatchSubject,
  dispatchMessageSchema,
  grantReplySchema,
  nodeRpcSubject,
  RPC,
  snapshotReportSubject,
  STREAMS,
  type FornaxEvent,
  type SnapshotOrder,
  type SnapshotReport,
} from '@fornax/contracts';
import type { DispatchedLease, TaskSpec } from '@fornax/domain';
import { connectNats, consumeBatches, DurablePublisher, type EventLog } from '@fornax/event-store';
import { EVENT_LOG, ProjectionHost } from '@fornax/service-kit';
import { createTestApp, type TestApp } from '@fornax/service-kit/specs';
import { hashToken, verifyLeaseToken } from '@fornax/identity';
import { rpcReplySchema } from '@fornax/base';
import {
  accountCreated,
  aCommit,
  aLease,
  anEnd,
  AT,
  concluded,
  createTestDatabase,
  dispatched,
  eventually,
  startTestNats,
  started,
  submitted,
  type TestDatabase,
  type TestNats,
} from '@fornax/testing';
import { SnapshotModule } from './index.js';

const NODE = 'node-1';
const MASTER_KEY = Buffer.alloc(32, 7);

describe('snapshots', () => {
  let nats: TestNats;
  let database: TestDatabase;
  let service: TestApp;
  let env: Record<string, string>;
  let log: EventLog;
  let connection: Awaited<ReturnType<typeof connectNats>>;
  let publisher: DurablePublisher;
  const stop = new AbortController();
  const orders: SnapshotOrder[] = [];
  /** What the scheduler would answer. */
  const running = new Map<string, readonly DispatchedLease[]>();
  const ensured: unknown[] = [];
  let refused: readonly { readonly bucket: string; readonly reason: string }[] = [];

  const append = async (
    aggregate: 'task' | 'account',
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
  const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
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
  const report = async (reports: SnapshotReport, node = NODE): Promise<void> => {
    await publisher.publish(snapshotReportSubject(node), new TextEncoder().encode(JSON.stringify(reports)));
  };
  const statusOf = async (task: string, snapshotId: string): Promise<unknown> => {
    const { body } = await call('GET', `/tasks/${task}/snapshot/${snapshotId}`);
    return isObject(body) ? body['status'] : undefined;
  };
  const answerWith = (subject: string, answer: (body: unknown) => unknown): void => {
    connection.subscribe(subject, {
      callback: (_, message) => void message.respond(JSON.stringify({ ok: answer(message.json()) })),
    });
  };

  beforeAll(async () => {
    nats = await startTestNats();
    database = await createTestDatabase();
    const { url, user, password } = nats;
    env = {
      FORNAX_SNAPSHOT_MIN_INTERVAL_S: '2',
      FORNAX_NATS_URL: url,
      FORNAX_NATS_USER: user,
      FORNAX_NATS_PASSWORD: password,
      FORNAX_DATABASE_URL: database.url,
      FORNAX_MASTER_KEY: MASTER_KEY.toString('base64'),
    };
    service = await createTestApp(SnapshotModule, { env, name: 'snapshot' });
    log = service.app.get<EventLog>(EVENT_LOG);
    connection = await connectNats({ url, user, password, name: 'spec' });
    publisher = new DurablePublisher(connection);
    answerWith(RPC.placements, (body) => ({
      running: (running.get(isObject(body) ? String(body['taskId']) : '') ?? []).map(({ instance, leaseId, node }) => ({
        instance,
        leaseId,
        node,
      })),
    }));
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
    for (const id of ['ada', 'bob', 'root']) {
      const token = {
        tokenId: `${id}-token-id`,
        name: 'test',
        hash: hashToken(`${id}-token`),
        sealedSecret: '',
        at: AT,
      };
      await append('account', id, [
        accountCreated(id),
        { type: 'TokenIssued', accountId: id, email: `${id}@example.org`, role: 'user', ...token },
        ...(id === 'root' ? [{ type: 'RoleChanged', accountId: id, role: 'operator', at: AT } as const] : []),
      ]);
      await eventually(
        async () => (await call('GET', '/tasks/none/snapshot/none', undefined, `${id}-token`)).status === 404,
      );
    }
  }, 120_000);

  afterAll(async () => {
    stop.abort();
    await connection?.close();
    await service?.close();
    await database?.drop();
    await nats?.stop();
  });

  it('goes from the request over the node to success', async () => {
    await runningTask('whole', 2, { snapshotBucket: 'snaps', snapshotPrefix: 's/', snapshotBlacklist: '\\.tmp$' });
    const answer = await call('POST', '/tasks/whole/snapshot', { Whitelist: '.*' });
    expect(answer).toMatchObject({
      status: 200,
      body: {
        id: expect.stringMatching(/^snap_whole_\d{14}_[0-9a-f]{4}$/),
        taskUuid: 'whole',
        status: 'triggered',
        triggerDate: expect.stringMatching(/Z$/),
        snapshotConfig: { whitelist: '.*', blacklist: '\\.tmp$', bucket: 'snaps', bucketPrefix: 's/' },
        sizeToUpload: null,
        transferredSize: null,
      },
    });
    expect(ensured.at(-1)).toMatchObject({ owner: 'ada', mustExist: [], create: ['snaps'], actor: 'user:ada' });
    const id = isObject(answer.body) ? String(answer.body['id']) : '';

    const received = await eventually(() => Promise.resolve(ordersOf(id).length === 2 && ordersOf(id)));
    expect(received.toSorted((a, b) => a.instance - b.instance)).toMatchObject([
      {
        kind: 'snapshot',
        taskId: 'whole',
        leaseId: 'whole/0',
        instance: 0,
        bucket: 'snaps',
        prefix: 's/',
        whitelist: '.*',
        blacklist: '\\.tmp$',
      },
      { leaseId: 'whole/1', instance: 1 },
    ]);

    await report({
      kind: 'progress',
      snapshotId: id,
      leaseId: 'whole/0',
      sizeToUploadBytes: 100,
      transferredBytes: 40,
    });
    // Behind it, so that it would outdate what the node of the part says.
    await report(
      { kind: 'progress', snapshotId: id, leaseId: 'whole/0', sizeToUploadBytes: 1e9, transferredBytes: 1e9 },
      'another-node',
    );
    await report({ kind: 'failed', snapshotId: id, leaseId: 'whole/0', reason: 'a lie' }, 'another-node');
    await eventually(async () => (await statusOf('whole', id)) === 'inProgress');
    expect(await call('GET', `/tasks/whole/snapshot/${id}`)).toMatchObject({
      status: 200,
      body: { sizeToUpload: 100, transferredSize: 40 },
    });
    await report({ kind: 'uploaded', snapshotId: id, leaseId: 'whole/0', files: 2, bytes: 100 });
    await report({ kind: 'uploaded', snapshotId: id, leaseId: 'whole/0', files: 2, bytes: 100 });
    const notes = ['Not in the snapshot, since they are pipes: "p"'];
    await report({ kind: 'uploaded', snapshotId: id, leaseId: 'whole/1', files: 1, bytes: 11, notes });
    await eventually(async () => (await statusOf('whole', id)) === 'success');
    expect(await call('GET', `/tasks/whole/snapshot/${id}`)).toMatchObject({
      body: { sizeToUpload: 111, transferredSize: 111, notes: [`Instance 1: ${notes[0]}`] },
    });
  });

  it('writes into the result bucket when the task names no other, or into the one that is asked for', async () => {
    await runningTask('defaults');
    expect(await call('POST', '/tasks/defaults/snapshot')).toMatchObject({
      status: 200,
      body: { snapshotConfig: { bucket: 'results', bucketPrefix: null } },
    });
    expect(await call('POST', '/tasks/defaults/snapshot', { bucket: 'mine', bucketPrefix: 'x/' })).toMatchObject({
      body: { snapshotConfig: { bucket: 'mine', bucketPrefix: 'x/' } },
    });
  });

  it('lets a node write its own part, and only that, while the snapshot is open', async () => {
    await runningTask('granted');
    const id = await take('granted', { bucket: 'snaps', bucketPrefix: 'p/' });
    const ask = async (node: string, leaseId: string) => {
      const reply = await connection.request(
        nodeRpcSubject(node, 'snapshot-grant'),
        JSON.stringify({ snapshotId: id, leaseId }),
        { timeout: 2_000 },
      );
      const envelope = rpcReplySchema.parse(reply.json());
      return grantReplySchema.parse('ok' in envelope ? envelope.ok : undefined);
    };
    const grant = await ask(NODE, 'granted/0');
    if (!grant.granted) throw new Error(grant.reason);
    expect(verifyLeaseToken(MASTER_KEY, grant.s3.sessionToken)?.claims).toMatchObject({
      leaseId: 'granted/0',
      owner: 'ada',
      read: [],
      results: null,
      snapshot: { bucket: 'snaps', prefix: 'p/' },
    });
    expect(await ask('node-2', 'granted/0')).toMatchObject({ granted: false });
    expect(await ask(NODE, 'other')).toMatchObject({ granted: false });
    await report({ kind: 'failed', snapshotId: id, leaseId: 'granted/0', reason: 'disk full' }, 'node-2');
    await report({ kind: 'uploaded', snapshotId: id, leaseId: 'granted/0', files: 1, bytes: 1 });
    await eventually(async () => (await statusOf('granted', id)) === 'success');
    expect(await ask(NODE, 'granted/0')).toMatchObject({ granted: false });
  });

  it('fails when a node fails, or says something that cannot be read in between', async () => {
    await runningTask('failing');
    const id = await take('failing');
    await publisher.publish(snapshotReportSubject(NODE), new TextEncoder().encode('{"kind":"sung"}'));
    await report({ kind: 'failed', snapshotId: id, leaseId: 'failing/0', reason: 'disk full' });
    await eventually(async () => (await statusOf('failing', id)) === 'failure');
  });

  it('does not wait for a node that makes up a thousand snapshots in each message', async () => {
    await runningTask('honest');
    const id = await take('honest');
    const read: string[] = [];
    const readAggregate = log.readAggregate.bind(log);
    log.readAggregate = (aggregate, aggregateId, ...rest) => {
      read.push(aggregateId);
      return readAggregate(aggregate, aggregateId, ...rest);
    };
    try {
      for (let message = 0; message < 3; message += 1) {
        const madeUp = Array.from({ length: 1_000 }, (_, n) => ({
          kind: 'failed',
          snapshotId: n === 500 ? 'no\0row' : `made-up-${message}-${n}`,
          leaseId: 'x',
          reason: '',
        }));
        await publisher.publish(snapshotReportSubject('node-2'), new TextEncoder().encode(JSON.stringify(madeUp)));
      }
      await report({ kind: 'uploaded', snapshotId: id, leaseId: 'honest/0', files: 1, bytes: 1 });
      await eventually(async () => (await statusOf('honest', id)) === 'success');
    } finally {
      log.readAggregate = readAggregate;
    }
    // Twenty of a node in a batch; each of the messages may be a batch of its own.
    expect(read.filter((aggregateId) => aggregateId.startsWith('made-up')).length).toBeLessThanOrEqual(60);
  });

  it('fails when the instance ends before its part is uploaded', async () => {
    await runningTask('ending');
    const id = await take('ending');
    await append('task', 'ending', [concluded(anEnd(0, { leaseId: 'ending/0' }))]);
    await eventually(async () => (await statusOf('ending', id)) === 'failure');
  });

  it('succeeds when the upload was reported before the instance ended', async () => {
    await runningTask('racing');
    const id = await take('racing');
    await report({ kind: 'uploaded', snapshotId: id, leaseId: 'racing/0', files: 1, bytes: 1 });
    await append('task', 'racing', [concluded(anEnd(0, { leaseId: 'racing/0' }))]);
    await eventually(async () => (await statusOf('racing', id)) !== 'triggered');
    expect(await statusOf('racing', id)).toBe('success');
  });

  it('fails when the instance had ended before the snapshot was recorded', async () => {
    await runningTask('late', 2);
    await append('task', 'late', [concluded(anEnd(0, { leaseId: 'late/0' }))]);
    const id = await take('late');
    await eventually(async () => (await statusOf('late', id)) === 'failure');
    expect(ordersOf(id)).toEqual([]);
  });

  it('is refused for a task that does not run', async () => {
    await append('task', 'waiting', [submitted('waiting', { resultBucket: 'results' })]);
    expect(await call('POST', '/tasks/waiting/snapshot')).toEqual({
      status: 403,
      body: { message: 'Task waiting is not running' },
    });
    await runningTask('over');
    await append('task', 'over', [concluded(anEnd(0, { leaseId: 'over/0' }))]);
    expect(await call('POST', '/tasks/over/snapshot')).toMatchObject({ status: 403 });
    expect(await call('POST', '/tasks/over/snapshot/periodic', { interval: 0 })).toMatchObject({ status: 403 });
  });

  it('is refused without a bucket, with a bad filter, or for a bucket that cannot be used', async () => {
    await runningTask('bucketless', 1, { resultBucket: null });
    expect(await call('POST', '/tasks/bucketless/snapshot')).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('needs a bucket') },
    });
    expect(await call('POST', '/tasks/bucketless/snapshot', { whitelist: '(' })).toMatchObject({
      status: 400,
      body: { errors: { whitelist: [expect.any(String)] } },
    });
    refused = [{ bucket: 'taken', reason: 'the name is taken' }];
    expect(await call('POST', '/tasks/bucketless/snapshot', { bucket: 'taken' })).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('taken') },
    });
    refused = [];
  });

  it('is listed with the others of its task, newest first', async () => {
    await runningTask('listed', 2);
    const [failed, done] = [await take('listed'), await take('listed')];
    const manifest = 'f'.repeat(64);
    for (const n of [0, 1])
      await report({ kind: 'uploaded', snapshotId: done, leaseId: `listed/${n}`, files: 3, bytes: 5, manifest });
    await report({ kind: 'failed', snapshotId: failed, leaseId: 'listed/1', reason: 'disk full' });
    await eventually(async () => (await statusOf('listed', failed)) === 'failure');
    await eventually(async () => (await statusOf('listed', done)) === 'success');
    const listed = await call('GET', '/fornax/v1/snapshots?task=listed');
    const part = (instance: number) => ({ instance, files: 3, manifest });
    expect(listed).toMatchObject({
      status: 200,
      body: {
        snapshots: [
          { id: done, status: 'success', dueDate: null, reason: null, parts: [part(0), part(1)] },
          { id: failed, status: 'failure', reason: 'disk full', notes: ['It failed: disk full'] },
        ],
      },
    });
    expect((await call('GET', '/fornax/v1/snapshots?task=listed', undefined, 'bob-token')).status).toBe(404);
    expect((await call('GET', '/fornax/v1/snapshots')).status).toBe(404);
  });

  it('is unknown to everybody but the owner', async () => {
    await runningTask('private');
    const id = await take('private');
    expect(await call('POST', '/tasks/private/snapshot', undefined, 'bob-token')).toEqual({
      status: 404,
      body: { message: 'No such task: private' },
    });
    expect(await call('GET', `/tasks/private/snapshot/${id}`, undefined, 'bob-token')).toMatchObject({ status: 404 });
    expect(await call('GET', '/tasks/private/snapshot/snap_other')).toEqual({
      status: 404,
      body: { message: 'No such snapshot: snap_other' },
    });
    await runningTask('another');
    expect(await call('GET', `/tasks/another/snapshot/${id}`)).toMatchObject({ status: 404 });
  });

  it('is taken by an operator as itself, into the bucket that the owner named', async () => {
    await runningTask('looked-after');
    const path = '/tasks/looked-after/snapshot';
    for (const body of [{ bucket: 'mine' }, { bucketPrefix: 'over/theirs' }])
      expect(await call('POST', path, body, 'root-token')).toMatchObject({ status: 403 });
    const { status, body } = await call('POST', path, {}, 'root-token');
    expect(status).toBe(200);
    const id = isObject(body) ? String(body['id']) : '';
    expect(ensured.at(-1)).toMatchObject({ owner: 'ada', create: ['results'], actor: 'user:root' });
    const [first] = await log.readAggregate('snapshot', id);
    expect(first?.meta).toMatchObject({ actor: 'user:root', onBehalfOf: 'user:ada' });
    expect(first?.events[0]).toMatchObject({ type: 'SnapshotTriggered', owner: 'ada' });
    for (const token of ['ada-token', 'root-token'])
      expect((await call('GET', `${path}/${id}`, undefined, token)).status).toBe(200);
    expect((await call('GET', `${path}/${id}`, undefined, 'bob-token')).status).toBe(404);
  });

  describe('taken every so many seconds', () => {
    const planned: unknown[] = [];
    const plan = async (task: string, intervalSeconds: number, more: object = {}): Promise<void> =>
      append('task', task, [
        {
          type: 'TaskSnapshotsPlanned',
          ...{ bucket: 'snaps', prefix: null, whitelist: null, blacklist: null, ...more },
          intervalSeconds,
          at: Date.now(),
        },
      ]);
    const snapshotsOf = (task: string): readonly SnapshotOrder[] => orders.filter(({ taskId }) => taskId === task);
    const triggers = async (task: string): Promise<readonly number[]> => {
      const ids = [...new Set(snapshotsOf(task).map(({ snapshotId }) => snapshotId))];
      const commits = await Promise.all(ids.map((id) => log.readAggregate('snapshot', id)));
      return commits.flatMap(([first]) =>
        first?.events[0]?.type === 'SnapshotTriggered' && first.events[0].dueAt !== undefined
          ? [first.events[0].dueAt]
          : [],
      );
    };
    const finish = async (task: string): Promise<void> => {
      for (const { snapshotId, leaseId } of snapshotsOf(task))
        await report({ kind: 'uploaded', snapshotId, leaseId, files: 1, bytes: 1 });
    };
    const plannedAt = async (task: string): Promise<number> => {
      const commits = await log.readAggregate('task', task);
      const event = commits.flatMap(({ events }) => events).findLast(({ type }) => type === 'TaskSnapshotsPlanned');
      return event?.type === 'TaskSnapshotsPlanned' ? event.at : 0;
    };

    beforeAll(() =>
      answerWith(RPC.planSnapshots, (body) => {
        planned.push(body);
        return {};
      }),
    );

    it('are planned with bounded intervals, in a bucket that is there, also of a task that waits', async () => {
      await append('task', 'periodic', [submitted('periodic', { resultBucket: 'results' })]);
      const path = '/tasks/periodic/snapshot/periodic';
      for (const body of [
        { interval: 0 },
        { Interval: 600, Bucket: null, whitelist: 'a', bucketPrefix: '' },
        { interval: 1 },
        { interval: 1e9 },
      ])
        expect(await call('POST', path, body)).toEqual({ status: 200, body: undefined });
      expect(planned).toMatchObject([
        { taskId: 'periodic', accountId: 'ada', plan: { intervalSeconds: 0 } },
        { plan: { intervalSeconds: 600, whitelist: 'a', prefix: null } },
        { plan: { intervalSeconds: 2 } },
        { plan: { intervalSeconds: 604_800 } },
      ]);
      expect(ensured.at(-1)).toMatchObject({ owner: 'ada', create: ['results'] });
      for (const body of [{ interval: -1 }, { interval: 1.5 }, {}, { interval: 60, whitelist: '(' }])
        expect(await call('POST', path, body)).toMatchObject({ status: 400, body: { errors: {} } });
      expect(await call('POST', path, { interval: 60, bucket: 'theirs' }, 'root-token')).toMatchObject({ status: 403 });
      expect(planned).toHaveLength(4);
    });

    it('are one snapshot of all instances, at whole intervals after the plan, with the config of the plan', async () => {
      await runningTask('ticking', 3);
      await plan('ticking', 2, { prefix: 'p', whitelist: 'w' });
      await eventually(async () => (await triggers('ticking')).length === 1, { timeoutMs: 10_000 });
      expect(
        await eventually(() => Promise.resolve(snapshotsOf('ticking').length === 3 && snapshotsOf('ticking'))),
      ).toMatchObject([0, 1, 2].map(() => ({ bucket: 'snaps', prefix: 'p/', whitelist: 'w', blacklist: null })));
      await finish('ticking');
      await eventually(async () => (await triggers('ticking')).length === 2, { timeoutMs: 10_000 });
      const since = await plannedAt('ticking');
      for (const due of await triggers('ticking')) expect((due - since) % 2_000).toBe(0);
      await plan('ticking', 0);
      await finish('ticking');
    });

    it('wait for the one before, and make up for what was due meanwhile with one', async () => {
      await runningTask('slow');
      await plan('slow', 1);
      await eventually(async () => (await triggers('slow')).length === 1, { timeoutMs: 10_000 });
      const [first = 0] = await triggers('slow');
      // Three more are due before the first has ended.
      await eventually(() => Promise.resolve(Date.now() > first + 3_500), { timeoutMs: 10_000 });
      expect(await triggers('slow')).toHaveLength(1);
      await finish('slow');
      await eventually(async () => (await triggers('slow')).length === 2, { timeoutMs: 10_000 });
      const [, second = 0] = await triggers('slow');
      expect(second - first).toBeGreaterThanOrEqual(3_000);
      expect((second - first) % 1_000).toBe(0);
      await plan('slow', 0);
    });

    it('begin once something runs, and not at once', async () => {
      await append('task', 'sleeping', [submitted('sleeping', { resultBucket: 'results' })]);
      await plan('sleeping', 1);
      const since = await plannedAt('sleeping');
      await eventually(() => Promise.resolve(Date.now() > since + 2_500), { timeoutMs: 10_000 });
      expect(await triggers('sleeping')).toEqual([]);
      const lease = aLease(0, { leaseId: 'sleeping/0' });
      running.set('sleeping', [lease]);
      await append('task', 'sleeping', [dispatched(lease)], [started(lease)]);
      const startedAt = Date.now();
      await eventually(async () => (await triggers('sleeping')).length === 1, { timeoutMs: 10_000 });
      expect((await triggers('sleeping'))[0]).toBeGreaterThan(startedAt - 1_000);
      await plan('sleeping', 0);
    });

    it('go on after a restart, with one for all that were due meanwhile', async () => {
      await runningTask('restarted');
      await plan('restarted', 1);
      await eventually(async () => (await triggers('restarted')).length === 1, { timeoutMs: 10_000 });
      const [first = 0] = await triggers('restarted');
      // Tokens of this spec are sealed with nothing.
      const { epoch } = await log.head();
      await service.close();
      await finish('restarted');
      await eventually(() => Promise.resolve(Date.now() > first + 3_200), { timeoutMs: 10_000 });
      service = await createTestApp(SnapshotModule, {
        env: { ...env, FORNAX_MASTER_KEY_LOST: epoch },
        name: 'snapshot',
      });
      log = service.app.get<EventLog>(EVENT_LOG);
      await eventually(async () => (await triggers('restarted')).length === 2, { timeoutMs: 20_000 });
      const [, second = 0] = await triggers('restarted');
      expect(second - first).toBeGreaterThanOrEqual(3_000);
      await plan('restarted', 0);
    }, 60_000);
  });

  it('keeps the same rows when they are rebuilt', async () => {
    const report = await service.app.get(ProjectionHost).runner('snapshots').rebuild({ verify: true });
    expect(report.differences).toEqual([]);
    expect(report.rows['snapshot']).toBeGreaterThan(0);
  });
});
