import { describe, expect, it } from '@jest/globals';
import type { PoolSpec } from '@fornax/domain';
import { InMemoryLog } from '@fornax/event-store';
import { nodeJoined, submitted } from '@fornax/domain/specs';
import { eventually } from '@fornax/testing';
import { poolCreated } from './leader-pools.fixture.js';
import { endedReport, rig, startedReport, type Rig } from './leader-rig.fixture.js';

const SLOTS = 5;
/** As many failures in a row as a pool takes. */
const TRIES = 5;
const unpreparable: Partial<PoolSpec> = { size: { type: 'fixed', nodes: SLOTS }, preparation: 'exit 3' };
const errorsOf = async (one: Rig, taskId: string) =>
  (await one.taskEvents(taskId)).flatMap((event) => (event.type === 'WaitingInstancesExpired' ? [event.error] : []));

describe('a pool whose slots cannot be prepared', () => {
  it('tells the tasks that wait for it why it failed', async () => {
    const one = await rig().lead();
    await one.append('node', 'n1', 0, nodeJoined('n1', { cores: 8, slots: true }));
    await one.append('pool', 'p', 0, poolCreated(unpreparable));
    await one.append('task', 't', 0, submitted('t', { instances: '0', poolUuid: 'p' }));
    const end = { outcome: 'failure', exitCode: 3, cause: 'user', startedAt: undefined } as const;
    for (let tries = 1; tries <= TRIES; tries += 1) {
      await eventually(() => one.leases().length === SLOTS * tries);
      expect(await errorsOf(one, 't')).toEqual([]);
      await one.report(
        'n1',
        1,
        ...one
          .leases()
          .slice(-SLOTS)
          .map((lease) => endedReport(lease, end)),
      );
      // Longer than it pauses, and something that makes it look.
      one.now += 60_000;
      await one.append('task', `t${tries}`, 0, submitted(`t${tries}`, { instances: '0', poolUuid: 'p' }));
    }
    await eventually(async () => (await errorsOf(one, 't')).length > 0);
    const [error] = await errorsOf(one, 't');
    expect(error?.message).toContain('Slots could not be prepared 5 times in a row');
  });

  it('tells a task why also where it comes to the log after the pool is over, to another leader', async () => {
    const log = new InMemoryLog();
    const before = rig(log);
    const error = { code: 'FX-EXIT', message: 'could not be prepared', debug: '' };
    await before.append('pool', 'p', 0, poolCreated(unpreparable), { type: 'PoolFailed', error, at: 2 });
    await before.append('task', 't', 0, submitted('t', { instances: '0', poolUuid: 'p' }));
    const one = await rig(log, 'b').lead(2);
    await eventually(async () => (await errorsOf(one, 't')).length > 0);
    expect(await errorsOf(one, 't')).toEqual([error]);
  });

  it('opens slots elsewhere when a node is drained', async () => {
    const one = await rig().lead();
    await one.append('node', 'n1', 0, nodeJoined('n1', { cores: 8, slots: true }));
    await one.append('pool', 'p', 0, poolCreated());
    await eventually(() => one.leases().length === 1);
    await one.report('n1', 1, ...one.leases().map(startedReport));
    await one.append('node', 'n2', 0, nodeJoined('n2', { cores: 8, slots: true }));
    await one.append('node', 'n1', 1, { type: 'NodeDrained', nodeId: 'n1', at: 1 });
    await eventually(() => one.orders.some(({ node, order }) => node === 'n2' && order.kind === 'lease'));
    expect(one.orders.filter(({ order }) => order.kind === 'cancel').map(({ node }) => node)).toEqual(['n1']);
  });
});
