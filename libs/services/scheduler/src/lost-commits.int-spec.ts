import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { STREAMS, eventSubject, type DispatchOrder, type LeaseOrder } from '@fornax/contracts';
import { ProjectionHost } from '@fornax/service-kit';
import { newId } from '@fornax/base';
import { aCommit, damageStore, eventually, submitted } from '@fornax/testing';
import { RigNode, SchedulerRig, ended, started } from './scheduler.fixture.js';

const SLOW_MS = 120_000;
const PATIENT = { timeoutMs: 60_000 };
const NODE = 'node-1';

let rig: SchedulerRig;

beforeAll(async () => {
  rig = await SchedulerRig.start();
}, SLOW_MS);
afterEach(() => rig.stopSchedulers(), SLOW_MS);
afterAll(() => rig.close(), SLOW_MS);

const startScheduler = () =>
  rig.startScheduler({
    FORNAX_LEASE_MISSING_MS: '300',
    FORNAX_NODE_GRACE_MS: '300',
    FORNAX_HEARTBEAT_LEASES_MS: '60000',
  });
const submit = (id: string): Promise<number> => rig.append('task', id, 0, submitted(id, { instances: '0' }));
const stateOf = (id: string): Promise<string> => rig.publicStateOf(id);

/** A node that works on what it has taken, until it ends that, or is told to kill it. It says what it works on all the time. */
class WorkingNode {
  /** What it worked on whenever it was given something. */
  readonly heldAtLease = new Map<string, readonly string[]>();
  private readonly held = new Map<string, LeaseOrder>();
  private timer: NodeJS.Timeout | undefined;
  private readonly node = new RigNode(rig, NODE, async (_, orders) => {
    for (const order of orders) await this.take(order);
  });

  constructor(private readonly endsBySelf: (order: LeaseOrder) => boolean) {}

  get orders(): readonly DispatchOrder[] {
    return this.node.orders;
  }

  async join(cores: number): Promise<void> {
    await this.node.join(cores);
    this.tell();
  }

  async follow(): Promise<void> {
    await this.node.follow();
    this.tell();
  }

  async fallSilent(): Promise<void> {
    clearInterval(this.timer);
    await this.node.fallSilent();
  }

  leaseOf(taskId: string): LeaseOrder | undefined {
    return this.node.leases().findLast((lease) => lease.taskId === taskId);
  }

  async end(order: LeaseOrder): Promise<void> {
    this.held.delete(order.leaseId);
    await this.node.report(ended(order));
  }

  private async take(order: DispatchOrder): Promise<void> {
    if (order.kind === 'lease') {
      this.heldAtLease.set(
        order.taskId,
        [...this.held.values()].map(({ taskId }) => taskId),
      );
      this.held.set(order.leaseId, order);
      await this.node.report(started(order));
      if (this.endsBySelf(order)) await this.end(order);
    } else if (order.kind === 'cancel') this.held.delete(order.leaseId);
    else if (order.kind === 'tell') {
      const lease = this.node.leases().find(({ leaseId }) => leaseId === order.leaseId);
      if (lease) await this.end(lease);
    }
  }

  private tell(): void {
    this.timer = setInterval(() => {
      if (rig.nc.isClosed()) return;
      this.node.list(...[...this.held.keys()].map((leaseId) => ({ leaseId, phase: 'running' as const, moved: 0 })));
    }, 100);
  }
}

describe('a scheduler whose log has lost commits that its stored fold was made of', () => {
  it(
    'goes on from what is left once they are given up: what ended runs or ends once more, what is unknown is killed first',
    async () => {
      await startScheduler();
      const node = new WorkingNode(({ taskId }) => taskId === 'after');
      await node.join(2);
      await submit('ended');
      await eventually(async () => (await stateOf('ended')) === 'FullyExecuting', PATIENT);
      // From here on everything is lost: this task, its lease, and the end of the one before.
      await submit('unknown');
      await eventually(async () => (await stateOf('unknown')) === 'FullyExecuting', PATIENT);
      const done = node.leaseOf('ended');
      if (!done) throw new Error('a lease');
      await node.end(done);
      await eventually(async () => (await stateOf('ended')) === 'Success', PATIENT);
      await eventually(() => rig.isStored(), PATIENT);
      expect(await rig.storedTasks()).toEqual(['unknown']);
      await rig.stopSchedulers();
      await node.fallSilent();
      await rig.disconnect();
      await rig.nats.stop();
      await damageStore(rig.nats.dataDir, STREAMS.events).truncateBefore(eventSubject('task', 'unknown'));
      await rig.nats.start();
      await rig.connectAgain();
      await node.follow();
      await startScheduler();
      const [gap] = rig.log.damagedPlaces();
      if (!gap) throw new Error('a gap');
      expect([await stateOf('ended'), await rig.commitsOf('unknown')]).toEqual(['FullyExecuting', []]);

      await rig.log.quarantine.decide(gap.id, { kind: 'dropped', by: 'user:root', at: 1, reason: 'no copy is left' });
      await submit('after');
      // Its end is in no log any more, so the node is asked, and says it again: it is billed once.
      await eventually(async () => (await stateOf('ended')) === 'Success', PATIENT);
      await eventually(async () => (await stateOf('after')) === 'Success', PATIENT);
      // The fleet has room for two, and was not given anything while it worked on what nobody knows.
      expect(node.heldAtLease.get('after')).toEqual([]);
      const killed = node.orders.flatMap((order) => (order.kind === 'cancel' ? [order.leaseId] : []));
      expect(new Set(killed)).toEqual(new Set([node.leaseOf('unknown')?.leaseId]));
      expect(await rig.commitsOf('unknown')).toEqual([]);
      await eventually(async () => (await rig.isStored()) && (await rig.storedTasks()).length === 0, PATIENT);
      await node.fallSilent();
    },
    SLOW_MS,
  );

  it(
    'begins a new term when its rows were folded again, in whichever process that was',
    async () => {
      const apps = [await startScheduler(), await startScheduler()];
      const node = new WorkingNode(() => true);
      await node.follow();
      const epochOf = async (task: string): Promise<number> => {
        await submit(task);
        await eventually(async () => (await stateOf(task)) === 'Success', PATIENT);
        return Math.max(...(await rig.commitsOf(task)).map(({ meta }) => meta.leaderEpoch ?? 0));
      };
      let last = await epochOf('term-0');
      for (const [index, { app }] of apps.entries()) {
        await app.get(ProjectionHost).rebuild('work', { verify: false, force: true });
        const next = await eventually(async () => {
          const epoch = await epochOf(`term-${index}-${newId()}`);
          return epoch > last && epoch;
        }, PATIENT);
        last = next;
      }
      await node.fallSilent();
    },
    SLOW_MS,
  );

  it(
    'begins a term above the epoch that the log has shown, also when nobody else remembers it',
    async () => {
      await startScheduler();
      const node = new WorkingNode(() => true);
      await node.follow();
      // As after a log was accepted, when Postgres, which knew since when, is lost as well.
      const leaderEpoch = Date.now() + 1_000_000_000;
      const commit = aCommit(newId(), [submitted('high', { instances: '0' })]);
      await rig.log.append('task', 'high', { ...commit, meta: { ...commit.meta, leaderEpoch } }, 0);
      await eventually(async () => (await stateOf('high')) === 'Success', PATIENT);
      expect(Math.max(...(await rig.commitsOf('high')).map(({ meta }) => meta.leaderEpoch ?? 0))).toBeGreaterThan(
        leaderEpoch,
      );
      await node.fallSilent();
    },
    SLOW_MS,
  );
});
