import { afterEach, describe, expect, it } from '@jest/globals';
import {
  dispatchMessageSchema,
  type Commit,
  type DispatchOrder,
  type HeldLease,
  type LeaseOrder,
  type NodeReport,
} from '@fornax/contracts';
import { taskDecider, publicStateOf, type AccountEvent, type TaskEvent, type TaskState } from '@fornax/domain';
import { InMemoryLog, LogUnavailable, type EventLog } from '@fornax/event-store';
import { aCommit, cancelRequested, eventually, nodeJoined, submitted } from '@fornax/testing';
import type { Logger } from '../logger.js';
import { Leadership, type LeadershipPorts } from './leadership.js';
import type { LeaseList } from '../view/lease-watch.js';
import type { ReportMessage } from './report-intake.js';

const HOUR = 3_600_000;
const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** A log, and around it a leader with its nodes, all in memory. Publishing may be made to fail, as if the process died before it. */
class Rig {
  readonly orders: { node: string; order: DispatchOrder }[] = [];
  readonly messages: string[] = [];
  publishes = true;
  now = 10_000;
  /** What the time of day was set forward (or back) by. */
  step = 0;
  private readonly stop = new AbortController();
  private ids = 0;
  private lists: ((list: LeaseList) => void) | undefined;
  private handle: ((messages: readonly ReportMessage[]) => Promise<void>) | undefined;
  private running: Promise<unknown> = Promise.resolve();
  leadership: Leadership | undefined;

  constructor(
    readonly log: EventLog = new InMemoryLog(),
    private readonly name = 'a',
  ) {}

  async lead(epoch = 1): Promise<this> {
    this.leadership = await Leadership.begin(this.ports(), epoch, this.stop.signal);
    this.running = this.leadership.run();
    await eventually(() => this.handle !== undefined);
    return this;
  }

  async end(): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  append(
    aggregate: 'task' | 'node',
    id: string,
    expected: number,
    ...events: readonly Commit['events'][number][]
  ): Promise<number> {
    return this.log.append(aggregate, id, aCommit(`${this.name}-${(this.ids += 1)}-${id}`, events), expected);
  }

  async taskEvents(id: string): Promise<readonly TaskEvent[]> {
    return (await this.log.readAggregate('task', id)).flatMap(({ events }) => events as readonly TaskEvent[]);
  }

  async typesOf(id: string): Promise<readonly string[]> {
    return (await this.taskEvents(id)).map(({ type }) => type);
  }

  async stateOf(id: string): Promise<TaskState> {
    return (await this.taskEvents(id)).reduce(taskDecider.evolve, taskDecider.initial);
  }

  leases(): readonly LeaseOrder[] {
    return this.orders.flatMap(({ order }) => (order.kind === 'lease' ? [order] : []));
  }

  async report(node: string, nodeEpoch: number, ...reports: readonly NodeReport[]): Promise<void> {
    this.now = Math.max(this.now, 12_000);
    await this.handle?.([
      { subject: `fx.report.${node}`, data: Buffer.from(JSON.stringify({ nodeId: node, nodeEpoch, reports })) },
    ]);
  }

  /** The node lists what it holds, often enough and for long enough to be asked about the rest. */
  list(node: string, nodeEpoch: number, ...held: readonly HeldLease[]): void {
    for (let lists = 0; lists < 3; lists += 1) {
      this.lists?.({ node, nodeEpoch, held });
      this.now += 15_000;
    }
    this.lists?.({ node, nodeEpoch, held });
  }

  private ports(): LeadershipPorts {
    return {
      leaseLimits: { missingMs: 30_000, stuckMs: 600_000 },
      hearLists: (handle) => {
        this.lists = handle;
      },
      log: this.log,
      checkpoint: { load: () => Promise.resolve(undefined) },
      publish: (subject, data, msgId) => {
        if (!this.publishes) return new Promise(() => undefined);
        this.messages.push(msgId);
        for (const order of dispatchMessageSchema.parse(JSON.parse(new TextDecoder().decode(data)))) {
          this.orders.push({ node: subject.replace('fx.dispatch.', ''), order });
        }
        return Promise.resolve();
      },
      consumeReports: (handle, signal) => {
        this.handle = handle;
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      },
      onSuperseded: () => this.stop.abort(),
      now: () => this.now + this.step,
      elapsed: () => this.now,
      newId: () => `${this.name}-id-${(this.ids += 1)}`,
      logger: silent,
      inSpan: (_name, parent, work) => work(parent),
    };
  }
}

const about = ({ leaseId, taskId, instance }: LeaseOrder) => ({ leaseId, taskId, instance });
const startedReport = (order: LeaseOrder): NodeReport => ({ kind: 'started', ...about(order), startedAt: 11_000 });
const endedReport = (
  order: LeaseOrder,
  overrides: Partial<Extract<NodeReport, { kind: 'ended' }>> = {},
): NodeReport => ({
  kind: 'ended',
  ...about(order),
  outcome: 'success',
  exitCode: 0,
  startedAt: 11_000,
  endedAt: 12_000,
  uploadedFiles: 0,
  uploadedBytes: 0,
  ...overrides,
});

const rigs: Rig[] = [];
const rig = (log?: EventLog, name?: string): Rig => {
  const made = new Rig(log, name);
  rigs.push(made);
  return made;
};

afterEach(async () => {
  await Promise.all(rigs.splice(0).map((made) => made.end()));
});

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
    expect(await world.typesOf('t')).toEqual([
      'TaskSubmitted',
      'InstancesDispatched',
      'TaskCancelRequested',
      'InstancesStarted',
    ]);
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
      endedAt: 12_000,
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
