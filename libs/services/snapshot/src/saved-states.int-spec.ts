import { rpcReplySchema } from '@fornax/base';
import { nodeRpcSubject, stateSavedReplySchema, type StateSavedReply } from '@fornax/contracts';
import { mostSavedStates } from '@fornax/domain';
import { eventually } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NODE, startSnapshots, STARTED_AT, type Snapshots } from './snapshot-service.fixture.js';

describe('snapshots that programs ask for by their exit code', () => {
  let snapshots: Snapshots;
  beforeAll(async () => {
    snapshots = await startSnapshots();
  }, 90_000);
  afterAll(() => snapshots.close());

  const saved = async (
    taskId: string,
    { node = NODE, ...more }: { readonly node?: string; readonly leaseId?: string; readonly number?: number } = {},
  ): Promise<StateSavedReply> => {
    const request = { leaseId: `${taskId}/0`, taskId, instance: 0, number: 1, exitCode: 85, ...more };
    const reply = await snapshots.connection.request(nodeRpcSubject(node, 'state-saved'), JSON.stringify(request), {
      timeout: 10_000,
    });
    const envelope = rpcReplySchema.parse(reply.json());
    if (!('ok' in envelope)) throw new Error(JSON.stringify(envelope));
    return stateSavedReplySchema.parse(envelope.ok);
  };
  const idOf = (reply: StateSavedReply): string => {
    if (!reply.triggered) throw new Error(reply.reason);
    return reply.snapshotId;
  };

  it('are of the one instance alone, once for each time, and say in the log who asked', async () => {
    await snapshots.runningTask('saves', 3, { snapshotBucket: 'kept', snapshotWhitelist: '^state$' });
    const started = new Date(STARTED_AT).toISOString().replace(/\D/g, '').slice(0, 14);
    const first = idOf(await saved('saves'));
    expect(first).toMatch(new RegExp(`^snap_saves_${started}_[0-9a-f]{12}$`));
    expect(idOf(await saved('saves'))).toBe(first);
    const second = idOf(await saved('saves', { number: 2 }));
    expect(second).not.toBe(first);
    await eventually(() => snapshots.ordersOf(second).length > 0);
    expect(snapshots.ordersOf(first)).toMatchObject([
      { leaseId: 'saves/0', instance: 0, bucket: 'kept', whitelist: '^state$' },
    ]);
    const [triggered] = await snapshots.log().readAggregate('snapshot', first);
    expect(triggered).toMatchObject({
      meta: { actor: `node:${NODE}`, onBehalfOf: 'user:ada' },
      events: [
        {
          type: 'SnapshotTriggered',
          taskId: 'saves',
          exitCode: 85,
          parts: [{ instance: 0, leaseId: 'saves/0', node: NODE }],
        },
      ],
    });
    await snapshots.report({ kind: 'uploaded', snapshotId: first, leaseId: 'saves/0', files: 1, bytes: 1 });
    await eventually(async () => (await snapshots.statusOf('saves', first)) === 'success');
  });

  it('are not taken for another node, another lease, a task that nobody knows, or where there is no bucket', async () => {
    await snapshots.runningTask('alone');
    const elsewhere = { triggered: false, reason: 'the instance does not run on this node' };
    expect(await saved('alone', { node: 'node-2' })).toEqual(elsewhere);
    expect(await saved('alone', { leaseId: 'other' })).toEqual(elsewhere);
    expect(await saved('none')).toEqual(elsewhere);
    await snapshots.runningTask('nowhere', 1, { resultBucket: null });
    expect(await saved('nowhere')).toMatchObject({
      triggered: false,
      reason: expect.stringContaining('needs a bucket'),
    });
    expect(await saved('nowhere')).toMatchObject({ isUsers: true });
    expect(snapshots.orders.filter(({ taskId }) => taskId === 'alone' || taskId === 'nowhere')).toEqual([]);
  });

  it('are as many as a program can save in the time that it has run, whatever its node says', async () => {
    await snapshots.runningTask('floods');
    const most = mostSavedStates(Date.now() - STARTED_AT);
    for (const number of [most + 1_000, Number.MAX_SAFE_INTEGER])
      expect(await saved('floods', { number })).toEqual({
        triggered: false,
        reason: 'its node says that it saved its state more often than a program can in this time',
      });
    expect(await saved('floods', { number: most })).toMatchObject({ triggered: true });
  });
});
