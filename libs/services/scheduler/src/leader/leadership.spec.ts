import { describe, expect, it } from '@jest/globals';
import type { NodeReport } from '@fornax/contracts';
import { publicStateOf, type AccountEvent } from '@fornax/domain';
import { aCommit, cancelRequested, eventually, nodeJoined, submitted } from '@fornax/testing';
import { about, endedReport, rig, startedReport, type Rig } from './leader-rig.fixture.js';

const HOUR = 3_600_000;

describe('a leading scheduler', () => {
  it('leaves a gap for a command that waits, until it is served', async () => {
    const world = await rig().lead();
    await world.append('node', 'node-1', 0, nodeJoined('node-1', { cores: 1 }));
    await world.append('task', 't', 0, submitted('t', { instances: '0-9' }));
    const [order] = await eventually(() => world.leases().length === 1 && world.leases());
    if (!order) throw new Error('a lease');
    const before = (await world.log.readAggregate('task', 't')).at(-1)?.sequence ?? 0;
    world.log.askToYield('task', 't');
    const reported = world.report('node-1', 1, startedReport(order));
    await new Promise((resolve) => setImmediate(resolve));
    // Nobody came between: what was read before the scheduler had its report is still the newest state.
    await world.append('task', 't', before, cancelRequested);
    await reported;
    // Why the others wait is told from time to time, and may have been told before.
    const types = (await world.typesOf('t')).filter((type) => type !== 'WaitingReasonChanged');
    expect(types).toEqual(['TaskSubmitted', 'InstancesDispatched', 'TaskCancelRequested', 'InstancesStarted']);
  });

  it('goes on when nobody uses the gap, however often it is asked', async () => {
    const world = await rig().lead();
    await world.append('node', 'node-1', 0, nodeJoined('node-1', { cores: 1 }));
    await world.append('task', 't', 0, submitted('t', { instances: '0-2' }));
    const asking = setInterval(() => world.log.askToYield('task', 't'), 1);
    for (let done = 0; done < 3; done += 1) {
      await eventually(() => world.leases().length > done);
      const order = world.leases()[done];
      if (!order) throw new Error('a lease');
      await world.report('node-1', 1, startedReport(order), endedReport(order));
    }
    clearInterval(asking);
    expect(publicStateOf(await world.stateOf('t'))).toBe('Success');
  });

  it('dispatches a task, records what its nodes report, and fills in what only it knows', async () => {
    const world = await rig().lead();
    await world.append('node', 'node-1', 0, nodeJoined('node-1'));
    await world.append('task', 't', 0, submitted('t', { instances: '0-3', request: { cores: 2, memoryMB: 1 } }));
    await eventually(() => world.leases().length === 4);
    await world.report('node-1', 1, ...world.leases().map(startedReport));
    await world.report('node-1', 1, ...world.leases().map((order) => endedReport(order)));
    const state = await world.stateOf('t');
    expect(publicStateOf(state)).toBe('Success');
    const ends = (await world.taskEvents('t')).flatMap((event) =>
      event.type === 'InstancesConcluded' ? event.attempts : [],
    );
    expect(ends).toHaveLength(4);
    expect(ends[0]).toMatchObject({
      attempt: 1,
      node: 'node-1',
      cores: 2,
      hardware: { specificationKey: '8c-32g-intel-xeon-ssd', ghz: 2.5 },
    });
  });

  it('dispatches many instances in one commit and one message', async () => {
    const world = await rig().lead();
    await world.append('node', 'node-1', 0, nodeJoined('node-1', { cores: 500, memoryMB: 1_000_000 }));
    await world.append('task', 't', 0, submitted('t', { instances: '0-499' }));
    await eventually(() => world.leases().length === 500);
    expect(await world.typesOf('t')).toEqual(['TaskSubmitted', 'InstancesDispatched']);
    expect(world.messages).toHaveLength(1);
  });

  it('never fills a node above its cores, and goes on as they come free', async () => {
    const world = await rig().lead();
    await world.append('node', 'node-1', 0, nodeJoined('node-1', { cores: 2 }));
    await world.append('task', 't', 0, submitted('t', { instances: '0-4' }));
    await eventually(() => world.leases().length === 2);
    const [first, second] = world.leases();
    if (!first || !second) throw new Error('two leases');
    await world.report('node-1', 1, endedReport(first), endedReport(second));
    await eventually(() => world.leases().length === 4);
    expect(world.leadership?.view.leases.usageOfNode('node-1').cores).toBe(2);
  });

  it('fails a task that nothing takes for too long, and no other', async () => {
    const world = rig();
    await world.append('task', 'patient', 0, submitted('patient'));
    await world.append('task', 'hasty', 0, submitted('hasty', { maxTimeQueueSeconds: 9.2 }));
    await world.append('task', 'later', 0, submitted('later', { maxTimeQueueSeconds: 60 }));
    await world.lead();
    // Submitted at 1,000 and now 10,000: due in 200 ms, and the clock of the rig stands still until it is moved.
    expect(world.leadership?.view.deadlines.next()).toBe(10_200);
    world.leadership?.expiry.expireDue();
    expect(await world.typesOf('hasty')).toEqual(['TaskSubmitted']);
    world.now = 10_200;
    await eventually(async () => (await world.typesOf('hasty')).includes('WaitingInstancesExpired'));
    expect(publicStateOf(await world.stateOf('hasty'))).toBe('Failure');
    expect([await world.typesOf('patient'), await world.typesOf('later')]).toEqual([
      ['TaskSubmitted'],
      ['TaskSubmitted'],
    ]);
    expect(world.leadership?.view.deadlines.next()).toBe(61_000);
  });

  it.each([HOUR, -HOUR])('measures waits although the clock is set by %i ms', async (step) => {
    const world = rig();
    await world.append('task', 'old', 0, submitted('old', { maxTimeQueueSeconds: 60 }));
    await world.lead();
    world.step = step;
    const fresh = { ...submitted('new', { maxTimeQueueSeconds: 30 }), at: world.now + step };
    await world.append('task', 'new', 0, fresh);
    await eventually(() => world.leadership?.view.taskCount() === 2);
    world.now += 29_999;
    world.leadership?.expiry.expireDue();
    expect([await world.typesOf('old'), await world.typesOf('new')]).toEqual([['TaskSubmitted'], ['TaskSubmitted']]);
    world.now += 1;
    world.leadership?.expiry.expireDue();
    await eventually(async () => (await world.typesOf('new')).includes('WaitingInstancesExpired'));
    expect(await world.typesOf('old')).toEqual(['TaskSubmitted']);
    // The old one was submitted 9 s before this leader began, and so it says still.
    world.now = 61_000;
    world.leadership?.expiry.expireDue();
    await eventually(async () => (await world.typesOf('old')).includes('WaitingInstancesExpired'));
  });

  it.each([HOUR, -HOUR, 26 * HOUR])('bills what the node measured although the clock is set by %i ms', async (step) => {
    const world = await rig().lead();
    await world.append('node', 'node-1', 0, nodeJoined('node-1'));
    await world.append('task', 't', 0, submitted('t', { instances: '0-2' }));
    await eventually(() => world.leases().length === 3);
    const [honest, late, lying] = world.leases();
    if (!honest || !late || !lying) throw new Error('three leases');
    // An hour ahead of the platform, as nodes may be.
    const nodeNow = () => world.now + HOUR;
    const startedAt = nodeNow();
    await world.report('node-1', 1, { kind: 'started', ...about(honest), startedAt });
    world.step = step;
    world.now += 5_000;
    await world.report('node-1', 1, endedReport(honest, { startedAt, endedAt: startedAt + 4_321 }));
    await world.report('node-1', 1, endedReport(late, { startedAt, endedAt: startedAt + 4_000 }));
    await world.report('node-1', 1, endedReport(lying, { startedAt, endedAt: startedAt + 26 * HOUR }));
    await eventually(async () => publicStateOf(await world.stateOf('t')) === 'Success');
    const ends = (await world.taskEvents('t')).flatMap((event) =>
      event.type === 'InstancesConcluded' ? event.attempts : [],
    );
    const lasted = ends.map((end) => end.endedAt - (end.startedAt ?? 0));
    expect(lasted.slice(0, 2)).toEqual([4_321, 4_000]);
    // Never longer than the lease, which the platform has measured itself.
    expect(lasted[2]).toBeLessThanOrEqual(8_000);
  });

  it('does not fail a task that got a node in time, until it waits again for as long', async () => {
    const world = await rig().lead();
    await world.append('node', 'node-1', 0, nodeJoined('node-1', { cores: 1 }));
    await world.append('task', 't', 0, submitted('t', { instances: '0-9', maxTimeQueueSeconds: 1_000 }));
    await eventually(() => world.leases().length === 1);
    expect(world.leadership?.view.deadlines.next()).toBeUndefined();
    world.now = 5_000_000;
    world.leadership?.expiry.expireDue();
    await world.append('node', 'node-1', 1, {
      type: 'NodeLost',
      nodeId: 'node-1',
      epoch: 1,
      cause: 'heartbeat',
      at: 5_000_000,
    });
    await eventually(async () => (await world.typesOf('t')).includes('InstancesRequeued'));
    expect(world.leadership?.view.deadlines.next()).toBe(6_000_000);
  });

  it('tells the nodes of running instances to fetch new resources, again after it took over', async () => {
    const world = await rig().lead();
    await world.append('node', 'node-1', 0, nodeJoined('node-1'));
    await world.append('task', 't', 0, submitted('t', { instances: '0-1' }));
    await eventually(() => world.leases().length === 2);
    await world.report('node-1', 1, ...world.leases().map(startedReport));
    const { length } = await world.log.readAggregate('task', 't');
    const last = (await world.log.readAggregate('task', 't'))[length - 1]?.sequence ?? 0;
    const second = await world.append('task', 't', last, { type: 'TaskResourcesUpdateRequested', at: 12_000 });
    await world.append('task', 't', second, { type: 'TaskResourcesUpdateRequested', at: 13_000 });
    const updates = (of: Rig) => of.orders.flatMap(({ order }) => (order.kind === 'resources' ? [order.update] : []));
    await eventually(() => updates(world).length === 4);
    expect(updates(world)).toEqual([1, 1, 2, 2]);
    expect(new Set(world.messages).size).toBe(world.messages.length);
    await world.end();
    const successor = await rig(world.log, 'b').lead(2);
    await eventually(() => updates(successor).length === 2);
    expect(updates(successor)).toEqual([2, 2]);
  });

  it('puts the reports of a busy task into one commit', async () => {
    const world = await rig().lead();
    await world.append('node', 'node-1', 0, nodeJoined('node-1', { cores: 64, memoryMB: 1_000_000 }));
    await world.append('task', 't', 0, submitted('t', { instances: '0-63' }));
    await eventually(() => world.leases().length === 64);
    await Promise.all(world.leases().map((order) => world.report('node-1', 1, endedReport(order))));
    expect((await world.typesOf('t')).filter((type) => type === 'InstancesConcluded').length).toBeLessThan(4);
    expect(publicStateOf(await world.stateOf('t'))).toBe('Success');
  });

  it('ignores reports that come twice, late, from another session or about nothing', async () => {
    const world = await rig().lead();
    await world.append('node', 'node-1', 0, nodeJoined('node-1'));
    await world.append('task', 't', 0, submitted('t', { instances: '0-1' }));
    await eventually(() => world.leases().length === 2);
    const [first, second] = world.leases();
    if (!first || !second) throw new Error('two leases');
    await world.report('node-1', 7, endedReport(second));
    await world.report('node-2', 1, endedReport(second));
    await world.report('node-1', 1, endedReport(first));
    await world.report('node-1', 1, endedReport(first, { outcome: 'failure', cause: 'user' }), startedReport(first));
    await world.report('node-1', 1, endedReport({ ...first, taskId: 'nobody', leaseId: 'nothing' }));
    expect((await world.typesOf('t')).filter((type) => type === 'InstancesConcluded')).toHaveLength(1);
    expect((await world.stateOf('t')).inFlight.size).toBe(1);
  });

  it('tells nodes to stop when a task is cancelled', async () => {
    const world = await rig().lead();
    await world.append('node', 'node-1', 0, nodeJoined('node-1'));
    await world.append('task', 't', 0, submitted('t', { instances: '0' }));
    const [order] = await eventually(() => world.leases().length === 1 && world.leases());
    if (!order) throw new Error('a lease');
    const sequence = (await world.log.readAggregate('task', 't')).at(-1)?.sequence ?? 0;
    await world.append('task', 't', sequence, cancelRequested);
    await eventually(() => world.orders.some(({ order: { kind } }) => kind === 'cancel'));
    await world.report('node-1', 1, endedReport(order, { outcome: 'cancelled' }));
    expect(publicStateOf(await world.stateOf('t'))).toBe('Cancelled');
  });

  it('sends an order again whose instance shows no sign of life, and records its end like any other', async () => {
    const world = await rig().lead();
    await world.append('node', 'node-1', 0, nodeJoined('node-1'));
    await world.append('task', 't', 0, submitted('t', { instances: '0' }));
    await eventually(() => world.leases().length === 1);
    world.leadership?.repeatOverdue();
    world.now += 200_000;
    world.leadership?.repeatOverdue();
    const [first, again] = await eventually(() => world.leases().length === 2 && world.leases());
    expect(again).toEqual(first);
    if (!again) throw new Error('a lease');
    await world.report('node-1', 1, { kind: 'nonsense' } as unknown as NodeReport, endedReport(again));
    expect(publicStateOf(await world.stateOf('t'))).toBe('Success');
  });

  it('does not say that no node is online while all of them drain', async () => {
    const world = await rig().lead();
    const joined = await world.append('node', 'node-1', 0, nodeJoined('node-1'));
    await world.append('node', 'node-1', joined, { type: 'NodeDrained', nodeId: 'node-1', at: 2 });
    await world.append('task', 't', 0, submitted('t', { instances: '0' }));
    const reason = await eventually(async () =>
      (await world.taskEvents('t')).find((event) => event.type === 'WaitingReasonChanged'),
    );
    expect(reason).toMatchObject({
      reason: 'nodes-drain',
      detail: 'every node that is online drains and takes no new work',
    });
  });

  it('places nothing on a node whose disk is full, says so, and goes on once there is room', async () => {
    const world = await rig().lead();
    const joined = await world.append('node', 'node-1', 0, nodeJoined('node-1'));
    const filled = await world.append('node', 'node-1', joined, {
      type: 'NodeDiskFilled',
      nodeId: 'node-1',
      epoch: 1,
      at: 2,
    });
    await world.append('task', 't', 0, submitted('t', { instances: '0' }));
    const reason = await eventually(async () =>
      (await world.taskEvents('t')).find((event) => event.type === 'WaitingReasonChanged'),
    );
    expect(reason).toMatchObject({
      reason: 'disks-full',
      detail: 'every node that is online has no room on its disk, or has had some for less than a minute',
    });
    expect(world.leases()).toEqual([]);
    await world.append('node', 'node-1', filled, { type: 'NodeDiskFreed', nodeId: 'node-1', epoch: 1, at: 3 });
    await eventually(() => world.leases().length === 1);
  });

  it('says why a task waits, once it has waited for a while, and only when that changes', async () => {
    const world = await rig().lead();
    await world.append('task', 't', 0, submitted('t', { instances: '0' }));
    const reasons = async () =>
      (await world.taskEvents('t')).flatMap((event) => (event.type === 'WaitingReasonChanged' ? [event.reason] : []));
    await eventually(async () => (await reasons()).length === 1);
    await world.append('node', 'node-1', 0, nodeJoined('node-1'));
    await eventually(async () => (await reasons()).length === 2);
    expect(await reasons()).toEqual(['no-node', null]);
  });

  it('keeps owners within their quotas', async () => {
    const world = await rig().lead();
    const quotas = { maxTasks: 9, maxBuckets: 9, maxStorageBytes: 9, maxInstances: 2, maxCores: 99 };
    await world.log.append(
      'account',
      'ada',
      aCommit('account', [
        { type: 'AccountCreated', accountId: 'ada', email: 'ada@example.org', role: 'user', quotas, at: 1 },
      ]),
      0,
    );
    await world.append('node', 'node-1', 0, nodeJoined('node-1'));
    await world.append('task', 't', 0, submitted('t', { instances: '0-5' }));
    await eventually(() => world.leases().length === 2);
    expect((await world.stateOf('t')).inFlight.size).toBe(2);
    const more: AccountEvent = {
      type: 'QuotasChanged',
      accountId: 'ada',
      quotas: { ...quotas, maxInstances: 5 },
      at: 2,
    };
    await world.log.append('account', 'ada', aCommit('more', [more]), 1);
    await eventually(() => world.leases().length === 5);
  });
});
