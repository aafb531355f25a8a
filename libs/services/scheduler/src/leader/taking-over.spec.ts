import { describe, expect, it } from '@jest/globals';
import { publicStateOf } from '@fornax/domain';
import { InMemoryLog, LogUnavailable } from '@fornax/event-store';
import { eventually, nodeJoined, submitted } from '@fornax/testing';
import { endedReport, rig } from './leader-rig.fixture.js';

describe('a new leader', () => {
  it('publishes what its predecessor appended and did not live to publish', async () => {
    const before = rig();
    before.publishes = false;
    await before.lead(1);
    await before.append('node', 'node-1', 0, nodeJoined('node-1'));
    await before.append('task', 't', 0, submitted('t', { instances: '0-1' }));
    await eventually(async () => (await before.typesOf('t')).includes('InstancesDispatched'));
    await before.end();
    const after = await rig(before.log, 'b').lead(2);
    await eventually(() => after.leases().length === 2);
    await after.report('node-1', 1, ...after.leases().map((order) => endedReport(order)));
    expect(publicStateOf(await after.stateOf('t'))).toBe('Success');
    expect((await after.typesOf('t')).filter((type) => type === 'InstancesDispatched')).toHaveLength(1);
  });

  it('takes back leases of nodes that were lost while nobody led', async () => {
    const before = await rig().lead(1);
    const joined = await before.append('node', 'node-1', 0, nodeJoined('node-1'));
    await before.append('task', 't', 0, submitted('t', { instances: '0' }));
    await eventually(() => before.leases().length === 1);
    await before.end();
    await before.append('node', 'node-1', joined, {
      type: 'NodeLost',
      nodeId: 'node-1',
      epoch: 1,
      cause: 'heartbeat',
      at: 1,
    });
    const after = await rig(before.log, 'b').lead(2);
    await eventually(async () => (await after.typesOf('t')).includes('InstancesRequeued'));
  });

  it('does not dispatch an instance twice when two lead for a moment', async () => {
    const first = await rig().lead(1);
    const second = await rig(first.log, 'b').lead(2);
    await first.append('node', 'node-1', 0, nodeJoined('node-1'));
    for (let task = 0; task < 20; task += 1)
      await first.append('task', `t-${task}`, 0, submitted(`t-${task}`, { instances: '0' }));
    const dispatches = async () =>
      (await Promise.all(Array.from({ length: 20 }, (_, task) => first.typesOf(`t-${task}`))))
        .flat()
        .filter((type) => type === 'InstancesDispatched');
    await eventually(async () => (await dispatches()).length === 8);
    await eventually(() => new Set([...first.leases(), ...second.leases()].map(({ leaseId }) => leaseId)).size === 8);
    expect(await dispatches()).toHaveLength(8);
  });
});

/** Appends, but every so often says that it does not know whether it did. */
class Forgetful extends InMemoryLog {
  private count = 0;

  override async append(...args: Parameters<InMemoryLog['append']>): Promise<number> {
    const sequence = await super.append(...args);
    if (args[2].meta.source === 'scheduler' && (this.count += 1) % 2 === 1) throw new LogUnavailable('no answer');
    return sequence;
  }
}

describe('an unanswered append', () => {
  it('is looked up in the log: the lease reaches its node once, the report counts once', async () => {
    const world = await rig(new Forgetful()).lead();
    await world.append('node', 'node-1', 0, nodeJoined('node-1'));
    await world.append('task', 't', 0, submitted('t', { instances: '0-1' }));
    await eventually(() => world.leases().length === 2);
    for (const order of world.leases()) await world.report('node-1', 1, endedReport(order));
    expect(publicStateOf(await world.stateOf('t'))).toBe('Success');
    expect(
      await world.typesOf('t').then((types) => types.filter((type) => type === 'InstancesDispatched')),
    ).toHaveLength(1);
    expect(world.leases()).toHaveLength(2);
  });
});
