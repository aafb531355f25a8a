import { describe, expect, it } from '@jest/globals';
import type { HeldLease, NodeReport } from '@fornax/contracts';
import { eventually, nodeJoined, submitted } from '@fornax/testing';
import { about, endedReport, rig, startedReport } from './leader-rig.fixture.js';

describe('leases of which nodes and the log say different things', () => {
  it('requeues the instances of a lost node elsewhere, at its cost', async () => {
    const world = await rig().lead();
    await world.append('node', 'node-1', 0, nodeJoined('node-1'));
    await world.append('task', 't', 0, submitted('t', { instances: '0' }));
    await eventually(() => world.leases().length === 1);
    await world.report('node-1', 1, ...world.leases().map(startedReport));
    await world.append('node', 'node-2', 0, nodeJoined('node-2'));
    const [commit] = await world.log.readAggregate('node', 'node-1');
    await world.append('node', 'node-1', commit?.sequence ?? 0, {
      type: 'NodeLost',
      nodeId: 'node-1',
      epoch: 1,
      cause: 'heartbeat',
      heardAt: 11_400,
      at: 20_000,
    });
    await eventually(() => world.leases().length === 2);
    expect(world.orders.at(-1)?.node).toBe('node-2');
    const [end] = (await world.taskEvents('t')).flatMap((event) =>
      event.type === 'InstancesRequeued' ? event.attempts : [],
    );
    expect(end).toMatchObject({
      cause: 'node-lost',
      outcome: 'failure',
      startedAt: 11_000,
      // The last sign of life, not when it was noticed.
      endedAt: 11_400,
      node: 'node-1',
    });
    const [late] = world.leases();
    if (!late) throw new Error('a lease');
    await world.report('node-1', 1, endedReport(late));
    expect((await world.stateOf('t')).inFlight.size).toBe(1);
  });

  it('asks a living node for an end that was lost, and believes what it says', async () => {
    const world = await rig().lead();
    await world.append('node', 'node-1', 0, nodeJoined('node-1'));
    await world.append('task', 't', 0, submitted('t', { instances: '0-1' }));
    await eventually(() => world.leases().length === 2);
    const [lost, runs] = world.leases();
    if (!lost || !runs) throw new Error('two leases');
    await world.report('node-1', 1, startedReport(lost), startedReport(runs));
    world.list('node-1', 1, { leaseId: runs.leaseId, phase: 'running', moved: 0 });
    await eventually(() => world.orders.some(({ order }) => order.kind === 'tell'));
    expect(world.orders.filter(({ order }) => order.kind === 'tell')).toMatchObject([
      { node: 'node-1', order: { leaseId: lost.leaseId, nodeEpoch: 1, instance: lost.instance } },
    ]);
    await world.report('node-1', 1, endedReport(lost));
    expect((await world.stateOf('t')).succeeded.size).toBe(1);
    expect((await world.stateOf('t')).inFlight.size).toBe(1);
  });

  it('gives an instance away once when its living node does not know it, at the cost of the platform', async () => {
    const world = await rig().lead();
    await world.append('node', 'node-1', 0, nodeJoined('node-1'));
    await world.append('task', 't', 0, submitted('t', { instances: '0' }));
    const [lost] = await eventually(() => world.leases().length === 1 && world.leases());
    if (!lost) throw new Error('a lease');
    await world.report('node-1', 1, startedReport(lost));
    world.list('node-1', 1);
    const unknown: NodeReport = { kind: 'unknown', ...about(lost) };
    await world.report('node-1', 1, unknown, unknown);
    await world.report('node-1', 1, unknown, endedReport(lost));
    world.passPauses();
    await eventually(() => world.leases().length === 2);
    expect(world.leases()[1]).toMatchObject({ attempt: 2, instance: 0 });
    const ends = (await world.taskEvents('t')).flatMap((event) =>
      event.type === 'InstancesRequeued' ? event.attempts : [],
    );
    expect(ends).toMatchObject([{ cause: 'platform', error: { code: 'FX-LEASE-LOST' }, leaseId: lost.leaseId }]);
  });

  it('tells a node to end what hangs, takes it back when that does not help, and fences what is left', async () => {
    const world = await rig().lead();
    await world.append('node', 'node-1', 0, nodeJoined('node-1', { cores: 1 }));
    await world.append('task', 't', 0, submitted('t', { instances: '0' }));
    const [hangs] = await eventually(() => world.leases().length === 1 && world.leases());
    if (!hangs) throw new Error('a lease');
    const list: HeldLease = { leaseId: hangs.leaseId, phase: 'preparing', moved: 7 };
    const cancels = () => world.orders.flatMap(({ order }) => (order.kind === 'cancel' ? [order.because] : []));
    world.list('node-1', 1, list);
    world.now += 600_000;
    world.list('node-1', 1, list);
    await eventually(() => cancels().includes('stuck'));
    world.now += 60_000;
    world.list('node-1', 1, list);
    await eventually(async () => (await world.typesOf('t')).includes('InstancesRequeued'));
    world.passPauses();
    await eventually(() => world.leases().length === 2);
    expect((await world.typesOf('t')).filter((type) => type === 'InstancesRequeued')).toHaveLength(1);
    world.list('node-1', 1, list);
    await eventually(() => cancels().includes('not-held'));
    expect([...new Set(cancels())]).toEqual(['stuck', 'not-held']);
  });

  it('takes leases back when their node joins again with another boot', async () => {
    const world = await rig().lead();
    const joined = await world.append('node', 'node-1', 0, nodeJoined('node-1'));
    await world.append('task', 't', 0, submitted('t', { instances: '0' }));
    await eventually(() => world.leases().length === 1);
    await world.append(
      'node',
      'node-1',
      joined,
      { type: 'NodeLost', nodeId: 'node-1', epoch: 1, cause: 'rejoined', at: 1 },
      nodeJoined('node-1', {}, 2),
    );
    await eventually(() => world.leases().length === 2);
    expect(world.leases()[1]).toMatchObject({ nodeEpoch: 2, attempt: 2 });
  });
});
