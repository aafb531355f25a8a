import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RPC, type ListedSnapshot, type WireSnapshotList } from '@fornax/contracts';
import { ProjectionHost } from '@fornax/service-kit';
import { aLease, anEnd, concluded, dispatched, eventually, requeued, started, submitted } from '@fornax/testing';
import { startSnapshots, type Snapshots } from './snapshot-service.fixture.js';

const HOUR_MS = 3_600_000;
const manifest = 'a'.repeat(64);

describe('snapshots that are not kept', () => {
  let snapshots: Snapshots;
  beforeAll(async () => {
    snapshots = await startSnapshots();
  }, 120_000);
  afterAll(() => snapshots?.close());

  /** Takes one of what runs, which is complete at once. */
  const complete = async (task: string): Promise<string> => {
    const id = await snapshots.take(task);
    for (const { leaseId } of snapshots.running.get(task) ?? [])
      await snapshots.report({ kind: 'uploaded', snapshotId: id, leaseId, files: 1, bytes: 1, manifest });
    await eventually(async () => (await snapshots.statusOf(task, id)) === 'success');
    return id;
  };
  const prune = (id: string, token = 'ada-token') =>
    snapshots.call('DELETE', `/fornax/v1/snapshots/${id}`, undefined, token);
  const pruneOf = async (id: string): Promise<ListedSnapshot['prune']> =>
    ((await snapshots.call('GET', `/fornax/v1/snapshots/${id}`)).body as ListedSnapshot).prune;
  const isPruned = (id: string): Promise<boolean> => eventually(async () => (await pruneOf(id))?.prunedDate != null);
  const eventsOf = async (id: string): Promise<readonly string[]> =>
    (await snapshots.log().readAggregate('snapshot', id)).flatMap(({ events }) => events.map(({ type }) => type));
  const resumable = async (taskId: string, snapshotId?: string): Promise<unknown> => {
    const request = { taskId, instance: 0, ...(snapshotId === undefined ? {} : { snapshotId }) };
    return (await snapshots.connection.request(RPC.resumable, JSON.stringify(request), { timeout: 5_000 })).json();
  };

  it('go when their task says how many it keeps, and are shown as pruned', async () => {
    await snapshots.runningTask('kept', 1, { snapshotRetention: { last: 2 } });
    const ids = [await complete('kept'), await complete('kept'), await complete('kept'), await complete('kept')];
    for (const id of ids.slice(0, 2)) await isPruned(id);
    expect(await eventsOf(ids[0] ?? '')).toEqual([
      'SnapshotTriggered',
      'SnapshotPartUploaded',
      'SnapshotCompleted',
      'SnapshotPruneRequested',
      'SnapshotPruned',
    ]);
    expect(await pruneOf(ids[1] ?? '')).toMatchObject({ cause: 'retention' });
    expect([await pruneOf(ids[2] ?? ''), await pruneOf(ids[3] ?? '')]).toEqual([null, null]);
    const { body } = await snapshots.call('GET', `/tasks/kept/snapshot/${ids[0]}`);
    expect(body).toMatchObject({ status: 'success', notes: ['It was pruned: nothing can begin with it'] });
    expect(await resumable('kept')).toEqual({ ok: { restore: { taskId: 'kept', snapshotId: ids[3], manifest } } });
    expect(await resumable('kept', ids[0])).toEqual({ ok: { restore: null } });
  });

  it('go by a rule that comes later, also when nobody was there to see it come', async () => {
    await snapshots.runningTask('later');
    const [first, second] = [await complete('later'), await complete('later')];
    const plan = { bucket: null, prefix: null, whitelist: null, blacklist: null, intervalSeconds: 0, at: Date.now() };
    await snapshots.append('task', 'later', [{ type: 'TaskSnapshotsPlanned', ...plan, retention: { last: 1 } }]);
    await snapshots.restart(() => Promise.resolve());
    await isPruned(first);
    expect(await pruneOf(second)).toBeNull();
  });

  it('stay while they have the latest state of an instance that has not succeeded', async () => {
    await snapshots.runningTask('array', 2, { snapshotRetention: { last: 1 } });
    const leases = snapshots.running.get('array') ?? [];
    const both = await complete('array');
    await snapshots.append('task', 'array', [requeued(anEnd(1, { leaseId: 'array/1' }))]);
    snapshots.running.set('array', leases.slice(0, 1));
    const [one, two] = [await complete('array'), await complete('array')];
    await isPruned(one);
    expect([await pruneOf(both), await pruneOf(two)]).toEqual([null, null]);
    const again = aLease(1, { leaseId: 'array/again' });
    await snapshots.append(
      'task',
      'array',
      [dispatched(again)],
      [started(again)],
      [concluded(anEnd(1, { leaseId: 'array/again', outcome: 'success' }))],
    );
    await isPruned(both);
  });

  it('stay while a task that is not over names them as what it begins with', async () => {
    await snapshots.runningTask('named', 1, { snapshotRetention: { last: 1 } });
    const id = await complete('named');
    const copy = (task: string, instances = '0-0') =>
      submitted(task, { instances, resumeFromSnapshot: id, origin: { taskId: 'named', kind: 'retry' } });
    await snapshots.append('task', 'waiting-copy', [copy('waiting-copy')]);
    await snapshots.append(
      'task',
      'running-copy',
      [copy('running-copy')],
      [dispatched(aLease(0))],
      [started(aLease(0))],
    );
    const [one, two] = [await complete('named'), await complete('named')];
    await isPruned(one);
    expect([await pruneOf(id), await pruneOf(two)]).toEqual([null, null]);
    await snapshots.append('task', 'running-copy', [concluded(anEnd(0))]);
    const three = await complete('named');
    await isPruned(two);
    expect([await pruneOf(id), await pruneOf(three)]).toEqual([null, null]);
    const cancelled = { type: 'WaitingInstancesCancelled', instances: '0-0', at: Date.now() } as const;
    await snapshots.append('task', 'waiting-copy', [cancelled]);
    await isPruned(id);
    expect(await pruneOf(three)).toBeNull();
  });

  it('stay for a task that named them just before it was decided that they go, and for no later one', async () => {
    await snapshots.runningTask('raced');
    const [id, later] = [await complete('raced'), await complete('raced')];
    const restore = (snapshotId: string) => ({ ok: { restore: { taskId: 'raced', snapshotId, manifest } } });
    const copyOf = (task: string, resumeFromSnapshot: string) =>
      snapshots.append('task', task, [
        submitted(task, { instances: '0-0', resumeFromSnapshot, origin: { taskId: 'raced', kind: 'retry' } }),
      ]);
    const decide = (snapshot: string) =>
      snapshots.append('snapshot', snapshot, [
        { type: 'SnapshotPruneRequested', taskId: 'raced', cause: 'retention', at: Date.now() } as const,
      ]);
    await copyOf('in-time', id);
    await decide(id);
    await decide(later);
    await copyOf('too-late', later);
    await isPruned(later);
    expect(await resumable('raced', later)).toEqual({ ok: { restore: null } });
    // The look that found the other one free has left this one.
    expect(await pruneOf(id)).toMatchObject({ cause: 'retention', prunedDate: null });
    expect(await resumable('raced', id)).toEqual(restore(id));
    expect(await resumable('raced')).toEqual({ ok: { restore: null } });
    const cancelled = { type: 'WaitingInstancesCancelled', instances: '0-0', at: Date.now() } as const;
    await snapshots.append('task', 'in-time', [cancelled]);
    await isPruned(id);
    expect(await resumable('raced', id)).toEqual({ ok: { restore: null } });
  });

  it('are pruned by who may stop the task, once they are complete, as often as they are asked for', async () => {
    await snapshots.runningTask('mine');
    const open = await snapshots.take('mine');
    expect(await prune(open)).toMatchObject({ status: 409 });
    await snapshots.report({ kind: 'failed', snapshotId: open, leaseId: 'mine/0', reason: 'disk' });
    await eventually(async () => (await snapshots.statusOf('mine', open)) === 'failure');
    expect(await prune(open)).toMatchObject({ status: 409 });
    const id = await complete('mine');
    expect((await prune(id, 'bob-token')).status).toBe(404);
    expect((await prune('snap_none')).status).toBe(404);
    expect(await prune(id)).toMatchObject({ status: 200, body: { id, status: 'success', prune: { cause: 'asked' } } });
    await isPruned(id);
    expect(await prune(id)).toMatchObject({ status: 200, body: { prune: { cause: 'asked' } } });
    expect(await eventsOf(id)).toHaveLength(5);
  });

  it('are not those that came last, also when the clock had been set back before they did', async () => {
    await snapshots.runningTask('set-back', 1, { snapshotRetention: { last: 1, hourly: 2 } });
    const leases = snapshots.running.get('set-back') ?? [];
    const at = Date.now();
    const ids = ['now', 'an-hour-before', 'then'];
    const take = async (id: string, at: number): Promise<void> => {
      const facts = {
        taskId: 'set-back',
        owner: 'ada',
        parts: leases.map(({ instance, leaseId, node }) => ({ instance, leaseId, node })),
      };
      const config = { whitelist: null, blacklist: null, bucket: 'results', prefix: null };
      await snapshots.append('snapshot', id, [
        { type: 'SnapshotTriggered', snapshotId: id, ...facts, config, at },
        { type: 'SnapshotPartUploaded', leaseId: 'set-back/0', files: 1, bytes: 1, manifest, at },
        { type: 'SnapshotCompleted', taskId: 'set-back', files: 1, bytes: 1, at },
      ]);
    };
    await take('now', at);
    await take('an-hour-before', at - HOUR_MS);
    expect(await resumable('set-back')).toMatchObject({ ok: { restore: { snapshotId: 'an-hour-before' } } });
    await take('then', at - HOUR_MS + 1);
    await isPruned('an-hour-before');
    expect(await resumable('set-back')).toMatchObject({ ok: { restore: { snapshotId: 'then' } } });
    expect([await pruneOf('now'), await pruneOf('then')]).toEqual([null, null]);
    const { body } = await snapshots.call('GET', '/fornax/v1/snapshots?task=set-back');
    expect((body as WireSnapshotList).snapshots.map(({ id }) => id)).toEqual(ids.toReversed());
  });

  it('keep their files while an instance is about to begin with them', async () => {
    await snapshots.runningTask('source');
    const id = await complete('source');
    const lease = aLease(0, { leaseId: 'copy/0' });
    await snapshots.append(
      'task',
      'copy',
      [submitted('copy', { resumeFromSnapshot: id, origin: { taskId: 'source', kind: 'resume' } })],
      [dispatched(lease)],
    );
    expect(await resumable('source', id)).toEqual({ ok: { restore: { taskId: 'source', snapshotId: id, manifest } } });
    expect((await prune(id)).status).toBe(200);
    // Those that come after it begin with nothing.
    expect(await resumable('source', id)).toEqual({ ok: { restore: null } });
    // Another one is pruned meanwhile, by the same look.
    const other = await complete('source');
    await snapshots.append('task', 'idle', [submitted('idle', { resultBucket: 'results' })]);
    expect(await pruneOf(other)).toBeNull();
    await snapshots.runningTask('free');
    const free = await complete('free');
    await prune(free);
    await isPruned(free);
    expect(await pruneOf(id)).toMatchObject({ prunedDate: null });
    await snapshots.append('task', 'copy', [started(lease)]);
    await isPruned(id);
  });

  it('are the same rows when they are rebuilt', async () => {
    const rebuilt = await snapshots.app().get(ProjectionHost).runner('snapshots').rebuild({ verify: true });
    expect(rebuilt.differences).toEqual([]);
  });
});
