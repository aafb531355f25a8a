import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { grantReplySchema, nodeRpcSubject, snapshotReportSubject } from '@fornax/contracts';
import { ProjectionHost } from '@fornax/service-kit';
import { verifyLeaseToken } from '@fornax/identity';
import { rpcReplySchema } from '@fornax/base';
import { anEnd, concluded, eventually, submitted } from '@fornax/testing';
import { isObject, MASTER_KEY, NODE, startSnapshots, type Snapshots } from './snapshot-service.fixture.js';

describe('snapshots', () => {
  let snapshots: Snapshots;

  beforeAll(async () => {
    snapshots = await startSnapshots();
  }, 120_000);

  afterAll(() => snapshots?.close());

  it('goes from the request over the node to success', async () => {
    await snapshots.runningTask('whole', 2, {
      snapshotBucket: 'snaps',
      snapshotPrefix: 's/',
      snapshotBlacklist: '\\.tmp$',
    });
    const answer = await snapshots.call('POST', '/tasks/whole/snapshot', { Whitelist: '.*' });
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
    expect(snapshots.ensured.at(-1)).toMatchObject({
      owner: 'ada',
      mustExist: [],
      create: ['snaps'],
      actor: 'user:ada',
    });
    const id = isObject(answer.body) ? String(answer.body['id']) : '';

    const received = await eventually(() =>
      Promise.resolve(snapshots.ordersOf(id).length === 2 && snapshots.ordersOf(id)),
    );
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

    await snapshots.report({
      kind: 'progress',
      snapshotId: id,
      leaseId: 'whole/0',
      sizeToUploadBytes: 100,
      transferredBytes: 40,
    });
    // Behind it, so that it would outdate what the node of the part says.
    await snapshots.report(
      { kind: 'progress', snapshotId: id, leaseId: 'whole/0', sizeToUploadBytes: 1e9, transferredBytes: 1e9 },
      'another-node',
    );
    await snapshots.report({ kind: 'failed', snapshotId: id, leaseId: 'whole/0', reason: 'a lie' }, 'another-node');
    await eventually(async () => (await snapshots.statusOf('whole', id)) === 'inProgress');
    expect(await snapshots.call('GET', `/tasks/whole/snapshot/${id}`)).toMatchObject({
      status: 200,
      body: { sizeToUpload: 100, transferredSize: 40 },
    });
    await snapshots.report({ kind: 'uploaded', snapshotId: id, leaseId: 'whole/0', files: 2, bytes: 100 });
    await snapshots.report({ kind: 'uploaded', snapshotId: id, leaseId: 'whole/0', files: 2, bytes: 100 });
    const notes = ['Not in the snapshot, since they are pipes: "p"'];
    await snapshots.report({ kind: 'uploaded', snapshotId: id, leaseId: 'whole/1', files: 1, bytes: 11, notes });
    await eventually(async () => (await snapshots.statusOf('whole', id)) === 'success');
    expect(await snapshots.call('GET', `/tasks/whole/snapshot/${id}`)).toMatchObject({
      body: { sizeToUpload: 111, transferredSize: 111, notes: [`Instance 1: ${notes[0]}`] },
    });
  });

  it('writes into the result bucket when the task names no other, or into the one that is asked for', async () => {
    await snapshots.runningTask('defaults');
    expect(await snapshots.call('POST', '/tasks/defaults/snapshot')).toMatchObject({
      status: 200,
      body: { snapshotConfig: { bucket: 'results', bucketPrefix: null } },
    });
    expect(
      await snapshots.call('POST', '/tasks/defaults/snapshot', { bucket: 'mine', bucketPrefix: 'x/' }),
    ).toMatchObject({
      body: { snapshotConfig: { bucket: 'mine', bucketPrefix: 'x/' } },
    });
  });

  it('lets a node write its own part, and only that, while the snapshot is open', async () => {
    await snapshots.runningTask('granted');
    const id = await snapshots.take('granted', { bucket: 'snaps', bucketPrefix: 'p/' });
    const ask = async (node: string, leaseId: string) => {
      const reply = await snapshots.connection.request(
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
    await snapshots.report({ kind: 'failed', snapshotId: id, leaseId: 'granted/0', reason: 'disk full' }, 'node-2');
    await snapshots.report({ kind: 'uploaded', snapshotId: id, leaseId: 'granted/0', files: 1, bytes: 1 });
    await eventually(async () => (await snapshots.statusOf('granted', id)) === 'success');
    expect(await ask(NODE, 'granted/0')).toMatchObject({ granted: false });
  });

  it('fails when a node fails, or says something that cannot be read in between', async () => {
    await snapshots.runningTask('failing');
    const id = await snapshots.take('failing');
    await snapshots.publisher.publish(snapshotReportSubject(NODE), new TextEncoder().encode('{"kind":"sung"}'));
    await snapshots.report({ kind: 'failed', snapshotId: id, leaseId: 'failing/0', reason: 'disk full' });
    await eventually(async () => (await snapshots.statusOf('failing', id)) === 'failure');
  });

  it('does not wait for a node that makes up a thousand snapshots in each message', async () => {
    await snapshots.runningTask('honest');
    const id = await snapshots.take('honest');
    const read: string[] = [];
    const log = snapshots.log();
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
        await snapshots.publisher.publish(
          snapshotReportSubject('node-2'),
          new TextEncoder().encode(JSON.stringify(madeUp)),
        );
      }
      await snapshots.report({ kind: 'uploaded', snapshotId: id, leaseId: 'honest/0', files: 1, bytes: 1 });
      await eventually(async () => (await snapshots.statusOf('honest', id)) === 'success');
    } finally {
      log.readAggregate = readAggregate;
    }
    // Twenty of a node in a batch; each of the messages may be a batch of its own.
    expect(read.filter((aggregateId) => aggregateId.startsWith('made-up')).length).toBeLessThanOrEqual(60);
  });

  it('fails when the instance ends before its part is uploaded', async () => {
    await snapshots.runningTask('ending');
    const id = await snapshots.take('ending');
    await snapshots.append('task', 'ending', [concluded(anEnd(0, { leaseId: 'ending/0' }))]);
    await eventually(async () => (await snapshots.statusOf('ending', id)) === 'failure');
  });

  it('succeeds when the upload was reported before the instance ended', async () => {
    await snapshots.runningTask('racing');
    const id = await snapshots.take('racing');
    await snapshots.report({ kind: 'uploaded', snapshotId: id, leaseId: 'racing/0', files: 1, bytes: 1 });
    await snapshots.append('task', 'racing', [concluded(anEnd(0, { leaseId: 'racing/0' }))]);
    await eventually(async () => (await snapshots.statusOf('racing', id)) !== 'triggered');
    expect(await snapshots.statusOf('racing', id)).toBe('success');
  });

  it('fails when the instance had ended before the snapshot was recorded', async () => {
    await snapshots.runningTask('late', 2);
    await snapshots.append('task', 'late', [concluded(anEnd(0, { leaseId: 'late/0' }))]);
    const id = await snapshots.take('late');
    await eventually(async () => (await snapshots.statusOf('late', id)) === 'failure');
    expect(snapshots.ordersOf(id)).toEqual([]);
  });

  it('is refused for a task that does not run', async () => {
    await snapshots.append('task', 'waiting', [submitted('waiting', { resultBucket: 'results' })]);
    expect(await snapshots.call('POST', '/tasks/waiting/snapshot')).toEqual({
      status: 403,
      body: { message: 'Task waiting is not running' },
    });
    await snapshots.runningTask('over');
    await snapshots.append('task', 'over', [concluded(anEnd(0, { leaseId: 'over/0' }))]);
    expect(await snapshots.call('POST', '/tasks/over/snapshot')).toMatchObject({ status: 403 });
    expect(await snapshots.call('POST', '/tasks/over/snapshot/periodic', { interval: 0 })).toMatchObject({
      status: 403,
    });
  });

  it('is refused without a bucket, with a bad filter, or for a bucket that cannot be used', async () => {
    await snapshots.runningTask('bucketless', 1, { resultBucket: null });
    expect(await snapshots.call('POST', '/tasks/bucketless/snapshot')).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('needs a bucket') },
    });
    expect(await snapshots.call('POST', '/tasks/bucketless/snapshot', { whitelist: '(' })).toMatchObject({
      status: 400,
      body: { errors: { whitelist: [expect.stringContaining('at character 1')] } },
    });
    snapshots.refuse([{ bucket: 'taken', reason: 'the name is taken' }]);
    expect(await snapshots.call('POST', '/tasks/bucketless/snapshot', { bucket: 'taken' })).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('taken') },
    });
    snapshots.refuse([]);
  });

  it('is listed with the others of its task, newest first', async () => {
    await snapshots.runningTask('listed', 2);
    const [failed, done] = [await snapshots.take('listed'), await snapshots.take('listed')];
    const manifest = 'f'.repeat(64);
    for (const n of [0, 1])
      await snapshots.report({
        kind: 'uploaded',
        snapshotId: done,
        leaseId: `listed/${n}`,
        files: 3,
        bytes: 5,
        manifest,
      });
    await snapshots.report({ kind: 'failed', snapshotId: failed, leaseId: 'listed/1', reason: 'disk full' });
    await eventually(async () => (await snapshots.statusOf('listed', failed)) === 'failure');
    await eventually(async () => (await snapshots.statusOf('listed', done)) === 'success');
    const listed = await snapshots.call('GET', '/fornax/v1/snapshots?task=listed');
    const part = (instance: number) => ({ instance, files: 3, manifest });
    expect(listed).toMatchObject({
      status: 200,
      body: {
        snapshots: [
          { id: done, status: 'success', dueDate: null, reason: null, instances: 2, files: 6, transferredSize: 10 },
          { id: failed, status: 'failure', reason: 'disk full', notes: ['It failed: disk full'], files: null },
        ],
      },
    });
    const { body } = await snapshots.call('GET', `/fornax/v1/snapshots/${done}`);
    const [first] = (listed.body as { readonly snapshots: readonly object[] }).snapshots;
    // A list has no parts: there may be ten thousand of each.
    expect(body).toEqual({ ...first, parts: [part(0), part(1)] });
    for (const other of [`/${done}`, '?task=listed', '/snap_none', '/%00'])
      expect((await snapshots.call('GET', `/fornax/v1/snapshots${other}`, undefined, 'bob-token')).status).toBe(404);
    expect((await snapshots.call('GET', '/fornax/v1/snapshots')).status).toBe(404);
  });

  it('of 10,000 instances is one snapshot', async () => {
    const [instances, most] = [10_000, 200];
    await snapshots.runningTask('wide', instances);
    const id = await snapshots.take('wide');
    await eventually(() => Promise.resolve(snapshots.ordersOf(id).length === instances), { timeoutMs: 60_000 });
    const uploaded = Array.from({ length: instances }, (_, n) => ({
      kind: 'uploaded' as const,
      snapshotId: id,
      leaseId: `wide/${n}`,
      files: 1,
      bytes: 2,
    }));
    for (let from = 0; from < instances; from += most) await snapshots.report(uploaded.slice(from, from + most));
    await eventually(async () => (await snapshots.statusOf('wide', id)) === 'success', { timeoutMs: 90_000 });
    const { body } = await snapshots.call('GET', `/tasks/wide/snapshot/${id}`);
    expect(body).toMatchObject({ transferredSize: 2 * instances });
    const list = await snapshots.call('GET', '/fornax/v1/snapshots?task=wide');
    expect(list.body).toMatchObject({ snapshots: [{ id, instances, files: instances }] });
    expect(JSON.stringify(list.body).length).toBeLessThan(1_000);
    const commits = await snapshots.log().readAggregate('snapshot', id);
    expect(commits[0]?.events[0]).toMatchObject({ type: 'SnapshotTriggered', parts: { length: instances } });
    // What many nodes report together is recorded together.
    expect(commits.length).toBeLessThan(instances / 10);
  }, 240_000);

  it('is unknown to everybody but the owner', async () => {
    await snapshots.runningTask('private');
    const id = await snapshots.take('private');
    expect(await snapshots.call('POST', '/tasks/private/snapshot', undefined, 'bob-token')).toEqual({
      status: 404,
      body: { message: 'No such task: private' },
    });
    expect(await snapshots.call('GET', `/tasks/private/snapshot/${id}`, undefined, 'bob-token')).toMatchObject({
      status: 404,
    });
    expect(await snapshots.call('GET', '/tasks/private/snapshot/snap_other')).toEqual({
      status: 404,
      body: { message: 'No such snapshot: snap_other' },
    });
    await snapshots.runningTask('another');
    expect(await snapshots.call('GET', `/tasks/another/snapshot/${id}`)).toMatchObject({ status: 404 });
  });

  it('is taken by an operator as itself, into the bucket that the owner named', async () => {
    await snapshots.runningTask('looked-after');
    const path = '/tasks/looked-after/snapshot';
    for (const body of [{ bucket: 'mine' }, { bucketPrefix: 'over/theirs' }])
      expect(await snapshots.call('POST', path, body, 'root-token')).toMatchObject({ status: 403 });
    const { status, body } = await snapshots.call('POST', path, {}, 'root-token');
    expect(status).toBe(200);
    const id = isObject(body) ? String(body['id']) : '';
    expect(snapshots.ensured.at(-1)).toMatchObject({ owner: 'ada', create: ['results'], actor: 'user:root' });
    const [first] = await snapshots.log().readAggregate('snapshot', id);
    expect(first?.meta).toMatchObject({ actor: 'user:root', onBehalfOf: 'user:ada' });
    expect(first?.events[0]).toMatchObject({ type: 'SnapshotTriggered', owner: 'ada' });
    for (const token of ['ada-token', 'root-token'])
      expect((await snapshots.call('GET', `${path}/${id}`, undefined, token)).status).toBe(200);
    expect((await snapshots.call('GET', `${path}/${id}`, undefined, 'bob-token')).status).toBe(404);
  });

  it('keeps the same rows when they are rebuilt', async () => {
    const rebuilt = await snapshots.app().get(ProjectionHost).runner('snapshots').rebuild({ verify: true });
    expect(rebuilt.differences).toEqual([]);
    expect(rebuilt.rows['snapshot']).toBeGreaterThan(0);
  });
});
