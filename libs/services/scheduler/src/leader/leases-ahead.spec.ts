import { describe, expect, it } from '@jest/globals';
import { publicStateOf } from '@fornax/domain';
import { cancelRequested, eventually, nodeJoined, submitted } from '@fornax/testing';
import { about, endedReport, rig, startedReport, type Rig } from './leader-rig.fixture.js';

const used = (world: Rig): number => world.leadership?.view.leases.usageOfNode('node-1').cores ?? 0;
const isSettled = (world: Rig): Promise<unknown> =>
  eventually(async () => (await world.stateOf('t')).inFlight.size === world.leadership?.view.leases.size);

/** A node of two cores that has just ended two of its ten instances. */
const busy = async (leasesAhead: number | undefined): Promise<Rig> => {
  const world = await rig().lead();
  const joined = { ...nodeJoined('node-1', { cores: 2 }), ...(leasesAhead === undefined ? {} : { leasesAhead }) };
  await world.append('node', 'node-1', 0, joined);
  await world.append('task', 't', 0, submitted('t', { instances: '0-9' }));
  const [first, second] = await eventually(() => world.leases().length === 2 && world.leases());
  if (!first || !second) throw new Error('two leases');
  await world.report('node-1', 1, endedReport(first), endedReport(second));
  await eventually(() => world.leases().length >= 4);
  return world;
};

describe('leases ahead of cores', () => {
  it('lets as many wait on a node as it has ended a moment ago', async () => {
    const world = await busy(16);
    await eventually(() => world.leases().length === 6);
    expect(used(world)).toBe(4);
    // The ones that run end: there is room for two, and four more were ended a moment ago.
    const [, , third, fourth] = world.leases();
    if (!third || !fourth) throw new Error('two more leases');
    await world.report('node-1', 1, endedReport(third), endedReport(fourth));
    await eventually(() => world.leases().length === 10);
    expect((await world.stateOf('t')).waiting.size).toBe(0);
  });

  it('lets no more wait than the node keeps, and none on a node that keeps none or says nothing of it', async () => {
    const one = await busy(1);
    await eventually(() => one.leases().length === 5);
    await isSettled(one);
    expect(used(one)).toBe(3);
    for (const ahead of [0, undefined]) {
      const none = await busy(ahead);
      await isSettled(none);
      expect(used(none)).toBe(2);
    }
  });

  it('gives nothing ahead before a node has ended anything of that size, and none once that is a while ago', async () => {
    const world = await rig().lead();
    const joined = { ...nodeJoined('node-1', { cores: 2 }), ...{ leasesAhead: 16 } };
    await world.append('node', 'node-1', 0, joined);
    await world.append('task', 't', 0, submitted('t', { instances: '0-9', request: { cores: 2, memoryMB: 1 } }));
    await world.append('task', 'u', 0, submitted('u', { instances: '0-9' }));
    const [first] = await eventually(() => world.leases().length === 1 && world.leases());
    if (!first) throw new Error('a lease');
    await world.report('node-1', 1, endedReport(first));
    await eventually(() => world.leases().length === 3);
    expect(world.leases().map(({ taskId }) => taskId)).toEqual(['t', 't', 't']);
    world.now += 1_500;
    const [, second] = world.leases();
    if (!second) throw new Error('a lease');
    await world.report('node-1', 1, startedReport(second), {
      kind: 'ended',
      ...about(second),
      // It never began: that says nothing of how quick the node is.
      outcome: 'failure',
      cause: 'user',
      endedAt: 12_000,
      uploadedFiles: 0,
      uploadedBytes: 0,
    });
    await isSettled(world);
    expect(world.leases().filter(({ taskId }) => taskId === 'u')).toEqual([]);
  });

  it('places what a node gave back anew, free and as often as it takes, and not on that node while nothing ends there', async () => {
    const world = await busy(16);
    const orders = await eventually(() => world.leases().length === 6 && world.leases());
    const waiting = orders.slice(4);
    world.now += 2_000;
    await world.report('node-1', 1, ...waiting.map((order) => ({ kind: 'returned', ...about(order) }) as const));
    await isSettled(world);
    const state = await world.stateOf('t');
    expect([state.inFlight.size, state.waiting.size]).toEqual([2, 6]);
    expect(state.platformRetries.countOf(waiting[0]?.instance ?? -1)).toBe(0);
    await world.append('node', 'node-2', 0, nodeJoined('node-2', { cores: 2 }));
    await eventually(() => world.orders.filter(({ node }) => node === 'node-2').length === 2);
    expect(used(world)).toBe(2);
    const ends = (await world.taskEvents('t')).flatMap((event) =>
      event.type === 'InstancesRequeued' ? event.attempts : [],
    );
    expect(ends).toMatchObject([{ cause: 'preempted' }, { cause: 'preempted' }]);
    expect(ends.every(({ startedAt }) => startedAt === undefined)).toBe(true);
  });

  it('does not give an instance again and again to a node that gives it back at once', async () => {
    const world = await rig().lead();
    world.now = 12_000;
    await world.append('node', 'node-1', 0, nodeJoined('node-1', { cores: 1 }));
    await world.append('task', 't', 0, submitted('t', { instances: '0' }));
    for (const tries of [1, 2, 3, 4]) {
      const order = await eventually(() => world.leases().length === tries && world.leases().at(-1));
      if (order) await world.report('node-1', 1, { kind: 'returned', ...about(order) });
      world.passPauses();
    }
    await eventually(async () => publicStateOf(await world.stateOf('t')) === 'Failure');
    expect(world.leases()).toHaveLength(4);
  });

  it('takes back nothing that has begun', async () => {
    const world = await busy(16);
    const [, , third] = world.leases();
    if (!third) throw new Error('a lease');
    await world.report('node-1', 1, startedReport(third));
    await world.report('node-1', 1, { kind: 'returned', ...about(third) });
    expect((await world.stateOf('t')).inFlight.get(third.instance)?.leaseId).toBe(third.leaseId);
  });

  it('ends as cancelled what was given back by a task that is being cancelled', async () => {
    const world = await busy(16);
    const orders = await eventually(() => world.leases().length === 6 && world.leases());
    const { sequence } = (await world.log.readAggregate('task', 't')).at(-1) ?? { sequence: 0 };
    await world.append('task', 't', sequence, cancelRequested);
    await eventually(() => world.orders.filter(({ order }) => order.kind === 'cancel').length === 4);
    const [, , third, fourth, ...rest] = orders;
    if (!third || !fourth) throw new Error('two leases');
    const stopped = (order: typeof third) => endedReport(order, { outcome: 'cancelled' });
    await world.report('node-1', 1, ...rest.map((order) => ({ kind: 'returned', ...about(order) }) as const));
    await world.report('node-1', 1, stopped(third), stopped(fourth));
    expect(publicStateOf(await world.stateOf('t'))).toBe('Cancelled');
  });
});
