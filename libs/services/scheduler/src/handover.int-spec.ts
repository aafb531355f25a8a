import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, eventually, submitted } from '@fornax/testing';
import { SchedulerRig, ended, isReady, noOp } from './scheduler.fixture.js';

const SLOW_MS = 120_000;
const TOKEN = 'a-token-of-ada';

let rig: SchedulerRig;

beforeAll(async () => {
  rig = await SchedulerRig.start();
  await rig.admitOperator(TOKEN);
}, SLOW_MS);
afterEach(() => rig.clear(), SLOW_MS);
afterAll(() => rig.close(), SLOW_MS);

describe('a scheduler whose predecessor, server or database goes', () => {
  it(
    'hands over to a standby, which goes on where the leader stopped',
    async () => {
      const first = await rig.startScheduler();
      await isReady(first.url);
      await rig.startScheduler();
      const node = await rig.join('node-d', 2);
      await rig.append('task', 'task-d', 0, submitted('task-d', { instances: '0-1' }));
      await eventually(() => node.leases().length === 2);
      await rig.stopScheduler(first);
      await node.report(...node.leases().map(ended));
      await eventually(() => rig.isOver('task-d'));
      await node.leave();
    },
    SLOW_MS,
  );

  it(
    'starts from its stored view and reads only the tail of the log',
    async () => {
      const first = await rig.startScheduler();
      const node = await rig.join('node-e', 1);
      await rig.append('task', 'task-e', 0, submitted('task-e', { instances: '0-1' }));
      const [order] = await eventually(() => node.leases().length === 1 && node.leases());
      await eventually(() => rig.isStored());
      expect(await rig.storedTasks()).toEqual(['task-e']);
      await rig.stopScheduler(first);
      await rig.startScheduler();
      if (!order) throw new Error('a lease');
      await node.report(ended(order));
      const [, next] = await eventually(() => node.leases().length === 2 && node.leases());
      if (!next) throw new Error('a second lease');
      await node.report(ended(next));
      await eventually(() => rig.isOver('task-e'));
      await eventually(async () => (await rig.storedTasks()).length === 0);
      await node.leave();
    },
    SLOW_MS,
  );

  it(
    'publishes leases that a predecessor appended before it was killed',
    async () => {
      const node = await rig.join('node-g', 4, noOp);
      const submission = await rig.append('task', 'task-g', 0, submitted('task-g', { instances: '0-1' }));
      const leases = [0, 1].map((instance) => ({
        instance,
        leaseId: `orphan-${instance}`,
        attempt: 1,
        node: 'node-g',
        nodeEpoch: 1,
      }));
      await rig.append('task', 'task-g', submission, { type: 'InstancesDispatched', leases, at: 1 });
      await rig.startScheduler();
      await eventually(() => rig.isOver('task-g'));
      expect(node.leases().map(({ leaseId }) => leaseId)).toEqual(['orphan-0', 'orphan-1']);
      await node.leave();
    },
    SLOW_MS,
  );

  it(
    'goes on without Postgres once it leads',
    async () => {
      const ownDatabase = await createTestDatabase();
      const scheduler = await rig.startScheduler({}, ownDatabase.url);
      await isReady(scheduler.url);
      await ownDatabase.drop();
      const node = await rig.join('node-h', 4, noOp);
      await rig.append('task', 'task-h', 0, submitted('task-h', { instances: '0-19' }));
      await eventually(() => rig.isOver('task-h'));
      await node.leave();
    },
    SLOW_MS,
  );

  it(
    'rebuilds its stored view to the same rows',
    async () => {
      const scheduler = await rig.startScheduler();
      await isReady(scheduler.url);
      const node = await rig.join('node-i', 1);
      await rig.append('task', 'task-i', 0, submitted('task-i', { instances: '0-2' }));
      await eventually(() => node.leases().length === 1);
      const rebuilt = async (): Promise<{
        readonly rows: Readonly<Record<string, number>>;
        readonly differences: readonly unknown[];
      }> => {
        const answer = await fetch(`${scheduler.url}/fornax/v1/projections/work/rebuild`, {
          method: 'POST',
          headers: { authorization: TOKEN, 'content-type': 'application/json' },
          body: JSON.stringify({ verify: true }),
        });
        return (await answer.json()) as Awaited<ReturnType<typeof rebuilt>>;
      };
      // The comparison is made where the live rows stand, and nobody makes them hurry.
      const report = await eventually(async () => {
        const seen = await rebuilt();
        return seen.rows['work_task'] === 1 && seen;
      });
      expect(report.differences).toEqual([]);
      for (let done = 0; done < 3; done += 1) {
        const order = await eventually(() => node.leases()[done]);
        await node.report(ended(order));
      }
      await eventually(() => rig.isOver('task-i'));
      await node.leave();
    },
    SLOW_MS,
  );

  it(
    'survives the kill of nats-server with work in flight',
    async () => {
      await rig.startScheduler();
      const node = await rig.join('node-f', 4, noOp);
      await rig.append('task', 'task-f1', 0, submitted('task-f1', { instances: '0-99' }));
      await eventually(() => node.leases().length > 0);
      await rig.nats.kill();
      await rig.nats.start();
      await rig.append('task', 'task-f2', 0, submitted('task-f2', { instances: '0-9' }));
      await eventually(async () => (await rig.isOver('task-f1')) && (await rig.isOver('task-f2')), {
        timeoutMs: 60_000,
      });
      const ends = (await rig.eventsOf('task-f1')).flatMap((event) =>
        event.type === 'InstancesConcluded' ? event.attempts : [],
      );
      expect(new Set(ends.map(({ instance }) => instance)).size).toBe(100);
      expect(ends).toHaveLength(100);
      await node.leave();
    },
    SLOW_MS,
  );
});
