import { rpcReplySchema } from '@fornax/base';
import { RPC, stopSnapshotsReplySchema } from '@fornax/contracts';
import { eventually } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startSnapshots, type Snapshots } from './snapshot-service.fixture.js';

describe('snapshots of tasks that are stopped', () => {
  let snapshots: Snapshots;
  beforeAll(async () => {
    snapshots = await startSnapshots();
  }, 90_000);
  afterAll(() => snapshots.close());

  const AT = Date.parse('2026-11-27T10:20:30Z');
  const ask = async (
    taskIds: readonly string[],
    stop = { id: 'budget', at: AT },
  ): Promise<ReadonlyMap<string, { readonly status: string; readonly triggeredAt?: number }>> => {
    const reply = await snapshots.connection.request(RPC.stopSnapshots, JSON.stringify({ taskIds, stop }), {
      timeout: 10_000,
    });
    const envelope = rpcReplySchema.parse(reply.json());
    if (!('ok' in envelope)) throw new Error(JSON.stringify(envelope));
    return new Map(stopSnapshotsReplySchema.parse(envelope.ok).snapshots.map((one) => [one.taskId, one]));
  };
  const statusesOf = async (...taskIds: string[]) => {
    const answer = await ask(taskIds);
    return taskIds.map((id) => answer.get(id)?.status);
  };
  const ordersOf = (taskId: string) => snapshots.orders.filter((order) => order.taskId === taskId);

  it('are taken of those that run and have a bucket, once for each stop, and are told how they stand', async () => {
    await snapshots.runningTask('one', 2, { snapshotBucket: 'kept' });
    await snapshots.runningTask('two');
    await snapshots.runningTask('nowhere', 1, { resultBucket: null });
    await snapshots.runningTask('waits');
    snapshots.running.delete('waits');
    const all = ['one', 'two', 'nowhere', 'waits', 'nobody'] as const;
    expect(await statusesOf(...all)).toEqual(['open', 'open', 'none', 'none', 'none']);
    const first = await ask(['one']);
    await Promise.all([ask(['one', 'two']), ask(['one', 'two'])]);
    await eventually(() => ordersOf('one').length > 1 && ordersOf('two').length > 0);
    const [{ snapshotId } = { snapshotId: '' }] = ordersOf('one');
    expect(snapshotId).toMatch(/^snap_one_20261127102030_[0-9a-f]{12}$/);
    expect(ordersOf('one')).toMatchObject([
      { snapshotId, instance: 0, bucket: 'kept' },
      { snapshotId, instance: 1 },
    ]);
    const [triggered] = await snapshots.log().readAggregate('snapshot', snapshotId);
    expect(triggered).toMatchObject({
      meta: { actor: 'service:snapshot', onBehalfOf: 'user:ada', reason: 'a budget of its project is used up' },
    });
    expect(triggered?.events).toMatchObject([{ type: 'SnapshotTriggered', at: first.get('one')?.triggeredAt }]);
    for (const leaseId of ['one/0', 'one/1'])
      await snapshots.report({ kind: 'uploaded', snapshotId, leaseId, files: 1, bytes: 1 });
    await eventually(async () => (await statusesOf('one'))[0] === 'over');
    expect(await statusesOf('two')).toEqual(['open']);
    // Another budget, or another time: another snapshot.
    expect((await ask(['one'], { id: 'budget', at: AT + 60_000 })).get('one')).toMatchObject({ status: 'open' });
    await eventually(() => ordersOf('one').length === 4);
  });

  it('are the same after a restart', async () => {
    await snapshots.runningTask('three');
    expect(await statusesOf('three')).toEqual(['open']);
    await snapshots.restart(() => Promise.resolve());
    const again = await eventually(() => statusesOf('three').catch(() => undefined));
    expect(again).toEqual(['open']);
    await eventually(() => ordersOf('three').length > 0);
    expect(new Set(ordersOf('three').map(({ snapshotId }) => snapshotId)).size).toBe(1);
  });

  it('are told of but for those of which nobody knows what runs', async () => {
    await snapshots.runningTask('silent');
    await snapshots.runningTask('heard');
    snapshots.silent.add('silent');
    expect(await statusesOf('silent', 'heard')).toEqual([undefined, 'open']);
    snapshots.silent.delete('silent');
    expect(await statusesOf('silent', 'heard')).toEqual(['open', 'open']);
  });

  it('are told of in time, those that were triggered before all others, though the scheduler knows of none', async () => {
    await snapshots.runningTask('known');
    expect(await statusesOf('known')).toEqual(['open']);
    const ids = Array.from({ length: 99 }, (_, index) => `mute-${index}`);
    for (const id of ids) {
      await snapshots.runningTask(id);
      snapshots.silent.add(id);
    }
    const answer = await ask([...ids, 'known']);
    expect([...answer.keys()]).toEqual(['known']);
  });
});
