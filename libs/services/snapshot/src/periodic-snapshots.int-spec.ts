import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RPC, type SnapshotOrder } from '@fornax/contracts';
import { ProjectionHost } from '@fornax/service-kit';
import { aLease, dispatched, eventually, started, submitted } from '@fornax/testing';
import { isObject, startSnapshots, type Snapshots } from './snapshot-service.fixture.js';

const HOUR_MS = 3_600_000;

describe('periodic snapshots', () => {
  let snapshots: Snapshots;
  const planned: unknown[] = [];
  const plan = async (task: string, intervalSeconds: number, more: object = {}, at = Date.now()): Promise<void> =>
    snapshots.append('task', task, [
      {
        type: 'TaskSnapshotsPlanned',
        ...{ bucket: 'snaps', prefix: null, whitelist: null, blacklist: null, ...more },
        intervalSeconds,
        at,
      },
    ]);
  const snapshotsOf = (task: string): readonly SnapshotOrder[] =>
    snapshots.orders.filter(({ taskId }) => taskId === task);
  const triggers = async (task: string): Promise<readonly number[]> => {
    const ids = [...new Set(snapshotsOf(task).map(({ snapshotId }) => snapshotId))];
    const commits = await Promise.all(ids.map((id) => snapshots.log().readAggregate('snapshot', id)));
    return commits.flatMap(([first]) =>
      first?.events[0]?.type === 'SnapshotTriggered' && first.events[0].dueAt !== undefined
        ? [first.events[0].dueAt]
        : [],
    );
  };
  const finish = async (task: string): Promise<void> => {
    for (const { snapshotId, leaseId } of snapshotsOf(task))
      await snapshots.report({ kind: 'uploaded', snapshotId, leaseId, files: 1, bytes: 1 });
  };
  const plannedAt = async (task: string): Promise<number> => {
    const commits = await snapshots.log().readAggregate('task', task);
    const event = commits.flatMap(({ events }) => events).findLast(({ type }) => type === 'TaskSnapshotsPlanned');
    return event?.type === 'TaskSnapshotsPlanned' ? event.at : 0;
  };

  beforeAll(async () => {
    snapshots = await startSnapshots();
    snapshots.answerWith(RPC.planSnapshots, (body) => {
      planned.push(body);
      return {};
    });
  }, 120_000);

  afterAll(() => snapshots?.close());

  it('are planned with bounded intervals, in a bucket that is there, also of a task that waits', async () => {
    await snapshots.append('task', 'periodic', [submitted('periodic', { resultBucket: 'results' })]);
    const path = '/tasks/periodic/snapshot/periodic';
    for (const body of [
      { interval: 0 },
      { Interval: 600, Bucket: null, whitelist: 'a', bucketPrefix: '' },
      { interval: 1 },
      { interval: 1e9 },
    ])
      expect(await snapshots.call('POST', path, body)).toEqual({ status: 200, body: undefined });
    expect(planned).toMatchObject([
      { taskId: 'periodic', accountId: 'ada', plan: { intervalSeconds: 0 } },
      { plan: { intervalSeconds: 600, whitelist: 'a', prefix: null } },
      { plan: { intervalSeconds: 2 } },
      { plan: { intervalSeconds: 604_800 } },
    ]);
    expect(snapshots.ensured.at(-1)).toMatchObject({ owner: 'ada', create: ['results'] });
    for (const body of [{ interval: -1 }, { interval: 1.5 }, {}, { interval: 60, whitelist: '(' }])
      expect(await snapshots.call('POST', path, body)).toMatchObject({ status: 400, body: { errors: {} } });
    expect(await snapshots.call('POST', path, { interval: 60, bucket: 'theirs' }, 'root-token')).toMatchObject({
      status: 403,
    });
    expect(planned).toHaveLength(4);
  });

  it('are one snapshot of all instances, at whole intervals after the plan, with the config of the plan', async () => {
    await snapshots.runningTask('ticking', 3);
    await plan('ticking', 2, { prefix: 'p', whitelist: 'w' });
    await eventually(async () => (await triggers('ticking')).length === 1);
    expect(
      await eventually(() => Promise.resolve(snapshotsOf('ticking').length === 3 && snapshotsOf('ticking'))),
    ).toMatchObject([0, 1, 2].map(() => ({ bucket: 'snaps', prefix: 'p/', whitelist: 'w', blacklist: null })));
    await finish('ticking');
    await eventually(async () => (await triggers('ticking')).length === 2);
    const since = await plannedAt('ticking');
    for (const due of await triggers('ticking')) expect((due - since) % 2_000).toBe(0);
    await plan('ticking', 0);
    await finish('ticking');
  });

  it('wait for the one before, and make up for what was due meanwhile with one', async () => {
    await snapshots.runningTask('slow');
    await plan('slow', 1);
    await eventually(async () => (await triggers('slow')).length === 1);
    const [first = 0] = await triggers('slow');
    // Three more are due before the first has ended.
    await eventually(() => Promise.resolve(Date.now() > first + 3_500));
    expect(await triggers('slow')).toHaveLength(1);
    await finish('slow');
    await eventually(async () => (await triggers('slow')).length === 2);
    const [, second = 0] = await triggers('slow');
    expect(second - first).toBeGreaterThanOrEqual(3_000);
    expect((second - first) % 1_000).toBe(0);
    await plan('slow', 0);
  });

  it('begin once something runs, and not at once', async () => {
    await snapshots.append('task', 'sleeping', [submitted('sleeping', { resultBucket: 'results' })]);
    await plan('sleeping', 1);
    const since = await plannedAt('sleeping');
    await eventually(() => Promise.resolve(Date.now() > since + 2_500));
    expect(await triggers('sleeping')).toEqual([]);
    const lease = aLease(0, { leaseId: 'sleeping/0' });
    snapshots.running.set('sleeping', [lease]);
    await snapshots.append('task', 'sleeping', [dispatched(lease)], [started(lease)]);
    const startedAt = Date.now();
    await eventually(async () => (await triggers('sleeping')).length === 1);
    expect((await triggers('sleeping'))[0]).toBeGreaterThan(startedAt - 1_000);
    await plan('sleeping', 0);
  });

  it('go on after a restart, with one for all that were due meanwhile', async () => {
    await snapshots.runningTask('restarted');
    await plan('restarted', 1);
    await eventually(async () => (await triggers('restarted')).length === 1);
    const [first = 0] = await triggers('restarted');
    await snapshots.restart(async () => {
      await finish('restarted');
      await eventually(() => Promise.resolve(Date.now() > first + 3_200));
    });
    await eventually(async () => (await triggers('restarted')).length === 2);
    const [, second = 0] = await triggers('restarted');
    expect(second - first).toBeGreaterThanOrEqual(3_000);
    await plan('restarted', 0);
  }, 60_000);

  it('come in time, by a plan of a clock that was hours ahead, also after a restart, and once at most of others', async () => {
    const isTaken = (times: number): Promise<boolean> =>
      eventually(async () => (await triggers('ahead')).length === times);
    for (const task of ['beside', 'ahead']) await snapshots.runningTask(task);
    await plan('beside', 3_600);
    await plan('ahead', 1, {}, Date.now() + 3 * HOUR_MS);
    await isTaken(1);
    await finish('ahead');
    await isTaken(2);
    await snapshots.restart(() => finish('ahead'));
    await isTaken(3);
    const [first = 0, , third = 0] = await triggers('ahead');
    expect(third - first).toBeLessThan(60_000);
    expect((await triggers('beside')).length).toBeLessThanOrEqual(1);
    await finish('beside');
    for (const task of ['beside', 'ahead']) await plan(task, 0);
  }, 60_000);

  describe('that cannot be taken', () => {
    /** More than are taken at once, and due before the others. */
    const many = async (name: string, each: (id: string) => Promise<void>): Promise<readonly string[]> => {
      const ids = Array.from({ length: 20 }, (_, n) => `${name}-${n}`);
      for (const id of ids) await each(id);
      return ids;
    };
    const othersGoOn = async (task: string): Promise<void> => {
      await snapshots.runningTask(task);
      await plan(task, 1);
      await eventually(async () => (await triggers(task)).length === 1);
      await plan(task, 0);
    };

    it('because they would go nowhere are refused, as the plan will be stored', async () => {
      await snapshots.append('task', 'nowhere', [submitted('nowhere', { resultBucket: null })]);
      const path = '/tasks/nowhere/snapshot/periodic';
      const noBucket = { status: 400, body: { errors: { bucket: [expect.stringContaining('needs a bucket')] } } };
      await plan('nowhere', 60, { bucket: 'b' });
      await eventually(async () => (await snapshots.call('POST', path, { interval: 60 })).status === 200);
      expect(await snapshots.call('POST', path, { interval: 60, bucket: '' })).toMatchObject(noBucket);
      expect(await snapshots.call('POST', path, { interval: 0, bucket: '' })).toMatchObject({ status: 200 });
      await plan('nowhere', 0, { bucket: null });
      await eventually(async () => (await snapshots.call('POST', path, { interval: 60 })).status === 400);
      expect(await snapshots.call('POST', path, { interval: 60 })).toMatchObject(noBucket);
      expect(await snapshots.call('POST', path, { interval: 60, bucket: 'c' })).toMatchObject({ status: 200 });
    });

    it('because they would go nowhere hold up nobody else', async () => {
      const ids = await many('bucketless', async (id) => {
        await snapshots.runningTask(id, 1, { resultBucket: null });
        await plan(id, 1, { bucket: null });
      });
      await othersGoOn('beside-bucketless');
      for (const id of ids) await plan(id, 0);
    }, 60_000);

    it('because nobody says where the instances run hold up nobody else, and are taken later', async () => {
      const ids = await many('unanswered', async (id) => {
        snapshots.silent.add(id);
        await snapshots.runningTask(id);
        await plan(id, 1);
      });
      await othersGoOn('beside-unanswered');
      snapshots.silent.clear();
      await eventually(async () => (await triggers('unanswered-0')).length === 1, { timeoutMs: 40_000 });
      for (const id of ids) await plan(id, 0);
    }, 90_000);

    it('because they have too many parts for a message fail, and say so', async () => {
      await snapshots.runningTask('huge');
      // Below the most that a message may have, and above it with the filter.
      const leaseId = (n: number): string => `${n}-${'x'.repeat(200)}`;
      snapshots.running.set(
        'huge',
        Array.from({ length: 29_000 }, (_, n) => aLease(n, { leaseId: leaseId(n) })),
      );
      await plan('huge', 1, { whitelist: 'y'.repeat(2 ** 21) });
      const failed = await eventually(
        async () => {
          const { body } = await snapshots.call('GET', '/fornax/v1/snapshots?task=huge');
          return isObject(body) && Array.isArray(body['snapshots']) && body['snapshots'].length > 0 && body;
        },
        { timeoutMs: 60_000 },
      );
      await plan('huge', 0);
      const reason = '29000 instances are too many for one snapshot';
      expect(failed['snapshots']).toMatchObject([{ status: 'failure', reason }]);
    }, 120_000);
  });

  it('are the same rows when they are rebuilt', async () => {
    const rebuilt = await snapshots.app().get(ProjectionHost).runner('snapshots').rebuild({ verify: true });
    expect(rebuilt.differences).toEqual([]);
    expect(rebuilt.rows['task_ref']).toBeGreaterThan(0);
  });
});
