import { describe, expect, it } from '@jest/globals';
import { dispatchMessageSchema, type FornaxEvent, type LeaseOrder, type NodeReport } from '@fornax/contracts';
import {
  isOver,
  LogAudit,
  nodeDecider,
  overfilled,
  repeated,
  sharedMoments,
  type Stay,
  taskDecider,
  type AuditFinding,
  type NodeCommand,
  type NodeState,
  type TaskCommand,
  type TaskEvent,
  type TaskState,
} from '@fornax/domain';
import { CommandRejected, InMemoryLog, decideAndAppend, loadAggregate, type EventLog } from '@fornax/event-store';
import { aHardware, aTaskSpec, eventually, pick, randomFrom, type Random } from '@fornax/testing';
import type { Logger } from '../ports/logger.js';
import { Leadership } from './leadership.js';
import type { ReportMessage } from './report-intake.js';

const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const CORES = 4;
const MEMORY_MB = 4;
const NODES = ['a', 'b', 'c'] as const;
/** The others are of an earlier version, and begin what they get. */
const AHEAD: Readonly<Record<string, number>> = { a: 6, b: 2 };

/** A node keeps to the rules: it drops orders of another session and leases that it had, and forgets everything when it dies. */
interface SimulatedNode {
  epoch: number;
  readonly running: Map<string, { readonly order: LeaseOrder; readonly stay: { until: number } }>;
  /** What came ahead, in the order in which it came; it begins when there is room. */
  readonly line: Map<string, LeaseOrder>;
  readonly seen: Set<string>;
}

/** A fleet, users and schedulers that die, on one log. Everything that happens is chosen by the seed. */
class World {
  readonly log = new InMemoryLog();
  readonly violations: string[] = [];
  /** Where instances ran, and from which to which of the things that happened. */
  private elapsedMs = 1_000;
  private leadership: Leadership | undefined;
  readonly stays: (Stay & { until: number })[] = [];
  readonly tasks: string[] = [];
  /** How many leases waited on one node at once, at most, and how many were given back. */
  mostWaiting = 0;
  returned = 0;
  private readonly random: Random;
  private readonly nodes = new Map<string, SimulatedNode>(
    NODES.map((name) => [name, { epoch: 0, running: new Map(), line: new Map(), seen: new Set() }]),
  );
  private readonly sent: { readonly node: string; readonly epoch: number; readonly report: NodeReport }[] = [];
  private ids = 0;
  private happened = 0;
  private term = { epoch: 0, stop: new AbortController(), running: Promise.resolve() };
  private handle: ((messages: readonly ReportMessage[]) => Promise<void>) | undefined;
  private losesPublishes = false;

  constructor(seed: number) {
    this.random = randomFrom(seed);
  }

  async start(): Promise<void> {
    for (const node of NODES) await this.join(node);
    await this.newLeader();
  }

  async step(): Promise<void> {
    const dice = this.random();
    if (dice < 0.25) await this.submit();
    else if (dice < 0.85) await this.work();
    else if (dice < 0.87) await this.repeatReport();
    else if (dice < 0.88) await this.giveBack(this.pick(NODES));
    else if (dice < 0.92) await this.crash(this.pick(NODES));
    else if (dice < 0.96) await this.stopTask();
    else await this.newLeader();
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** No more faults: everything that is left runs to its end. */
  async settle(): Promise<void> {
    await this.newLeader();
    await eventually(
      async () => {
        for (let i = 0; i < 20; i += 1) await this.work();
        // What failed by the platform waits for a while before it is tried again.
        this.elapsedMs += 20_000;
        this.leadership?.rounds.wake();
        const states = await Promise.all(this.tasks.map((taskId) => this.stateOf(taskId)));
        return states.every((state) => isOver(state) || state.deleted);
      },
      { timeoutMs: 20_000 },
    );
    this.term.stop.abort();
    await this.term.running;
  }

  async stateOf(taskId: string): Promise<TaskState> {
    return (await loadAggregate<TaskState, TaskCommand, TaskEvent>(this.log, 'task', taskId, taskDecider)).state;
  }

  private pick<T>(items: readonly T[]): T {
    return pick(this.random, items);
  }

  private async newLeader(): Promise<void> {
    // The last orders of the old leader are appended and never published.
    this.losesPublishes = true;
    await new Promise((resolve) => setImmediate(resolve));
    this.term.stop.abort();
    await this.term.running;
    this.losesPublishes = false;
    const stop = new AbortController();
    const epoch = this.term.epoch + 1;
    const leadership = await Leadership.begin(
      {
        log: this.log,
        checkpoint: { load: () => Promise.resolve(undefined) },
        publish: (subject, data) => this.deliver(subject.replace('fx.dispatch.', ''), data, stop.signal),
        consumeReports: (handle, signal) => {
          this.handle = handle;
          return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        },
        onSuperseded: () => stop.abort(),
        now: () => 1_000,
        elapsed: () => this.elapsedMs,
        newId: () => `id-${(this.ids += 1)}`,
        logger: silent,
        inSpan: (_name, parent, work) => work(parent),
      },
      epoch,
      stop.signal,
    );
    this.leadership = leadership;
    this.term = { epoch, stop, running: leadership.run() };
  }

  private deliver(name: string, data: Uint8Array, signal: AbortSignal): Promise<void> {
    if (this.losesPublishes || signal.aborted) return new Promise(() => undefined);
    const node = this.nodes.get(name);
    for (const order of dispatchMessageSchema.parse(JSON.parse(new TextDecoder().decode(data)))) {
      if (
        !node ||
        order.kind === 'snapshot' ||
        order.kind === 'resources' ||
        order.kind === 'tell' ||
        order.kind === 'enter'
      )
        continue;
      if (order.kind === 'cancel') void this.end(name, node, order.leaseId, { outcome: 'cancelled' });
      else if (order.nodeEpoch === node.epoch && !node.seen.has(order.leaseId)) this.accept(name, node, order);
    }
    return Promise.resolve();
  }

  private accept(name: string, node: SimulatedNode, order: LeaseOrder): void {
    node.seen.add(order.leaseId);
    node.line.set(order.leaseId, order);
    this.mostWaiting = Math.max(this.mostWaiting, node.line.size);
    this.advance(name, node);
  }

  private advance(name: string, node: SimulatedNode): void {
    for (const order of [...node.line.values()]) {
      const taken = [order, ...[...node.running.values()].map((run) => run.order)];
      const isRoom =
        overfilled(
          [ROOM(name)],
          taken.map((one) => ({ node: name, ...one })),
        ).length === 0;
      if (!isRoom && AHEAD[name] !== undefined) continue;
      node.line.delete(order.leaseId);
      this.begin(name, node, order);
    }
  }

  private begin(name: string, node: SimulatedNode, order: LeaseOrder): void {
    const { taskId, instance } = order;
    const stay = { instance: `${taskId}/${instance}`, from: (this.happened += 1), until: Infinity };
    this.stays.push(stay);
    node.running.set(order.leaseId, { order, stay });
    const taken = [...node.running.values()].map(({ order: { cores, memoryMB } }) => ({ node: name, cores, memoryMB }));
    for (const { cores, memoryMB } of overfilled([ROOM(name)], taken))
      this.violations.push(`node ${name} runs ${cores} cores and ${memoryMB} MB`);
  }

  /** A random instance goes one step on. Reports reach whoever leads, one after the other. */
  private async work(): Promise<void> {
    const name = this.pick(NODES);
    const node = this.nodes.get(name);
    const order = [...(node?.running.values() ?? [])][0]?.order;
    if (!node || !order) return;
    if (this.random() < 0.3) await this.report(name, node.epoch, { kind: 'started', ...about(order), startedAt: 1 });
    else {
      const failure = { outcome: 'failure', cause: this.random() < 0.5 ? 'user' : 'platform' } as const;
      const done = this.end(name, node, order.leaseId, this.random() < 0.8 ? { outcome: 'success' } : failure);
      await done;
    }
  }

  private end(
    name: string,
    node: SimulatedNode,
    leaseId: string,
    how: Pick<Extract<NodeReport, { kind: 'ended' }>, 'outcome' | 'cause'>,
  ): Promise<void> {
    const run = node.running.get(leaseId);
    const waiting = node.line.get(leaseId);
    if (waiting && node.line.delete(leaseId))
      return this.report(name, node.epoch, { kind: 'ended', ...about(waiting), ...how, ...NOTHING_DONE });
    if (!run) return Promise.resolve();
    const { order, stay } = run;
    stay.until = this.happened += 1;
    node.running.delete(leaseId);
    this.advance(name, node);
    return this.report(name, node.epoch, {
      kind: 'ended',
      ...about(order),
      ...how,
      startedAt: 1,
      ...NOTHING_DONE,
    });
  }

  private async giveBack(name: string): Promise<void> {
    const node = this.nodes.get(name);
    const [order] = [...(node?.line.values() ?? [])];
    if (!node || !order) return;
    node.line.delete(order.leaseId);
    this.returned += 1;
    await this.report(name, node.epoch, { kind: 'returned', ...about(order) });
  }

  private async report(node: string, epoch: number, report: NodeReport): Promise<void> {
    this.sent.push({ node, epoch, report });
    // Like the work queue: given out again until somebody acknowledges.
    await eventually(async () => {
      await this.handle?.([
        {
          subject: `fx.report.${node}`,
          data: Buffer.from(JSON.stringify({ nodeId: node, nodeEpoch: epoch, reports: [report] })),
        },
      ]);
      return true;
    });
  }

  private async repeatReport(): Promise<void> {
    if (this.sent.length === 0) return;
    const { node, epoch, report } = this.pick(this.sent);
    await this.report(node, epoch, report);
  }

  private async submit(): Promise<void> {
    const taskId = `task-${this.tasks.length}`;
    this.tasks.push(taskId);
    const spec = aTaskSpec({
      instances: `0-${Math.floor(this.random() * 5)}`,
      request: { cores: 1 + Math.floor(this.random() * 2), memoryMB: 1 },
      maxRetriesPerInstance: Math.floor(this.random() * 3),
    });
    await this.decideTask(taskId, { type: 'SubmitTask', taskId, owner: this.pick(['ada', 'grace']), spec, at: 1 });
  }

  private async stopTask(): Promise<void> {
    if (this.tasks.length === 0) return;
    await this.decideTask(this.pick(this.tasks), { type: this.random() < 0.5 ? 'CancelTask' : 'DeleteTask', at: 1 });
  }

  private async crash(name: string): Promise<void> {
    const node = this.nodes.get(name);
    for (const { stay } of node?.running.values() ?? []) stay.until = this.happened += 1;
    node?.running.clear();
    node?.line.clear();
    if (this.random() < 0.5)
      await this.decideNode(name, { type: 'LoseNode', epoch: node?.epoch ?? 0, cause: 'heartbeat', at: 1 });
    await this.join(name);
  }

  private async join(nodeId: string): Promise<void> {
    const hardware = aHardware({ cores: CORES, memoryMB: MEMORY_MB });
    const { epoch } = await this.decideNode(nodeId, {
      type: 'JoinNode',
      nodeId,
      bootId: `boot-${(this.ids += 1)}`,
      hardware,
      driver: 'simulated',
      warnings: [],
      ...(AHEAD[nodeId] === undefined ? {} : { leasesAhead: AHEAD[nodeId] }),
      at: 1,
    });
    const node = this.nodes.get(nodeId);
    if (node) node.epoch = epoch;
  }

  private async decideNode(id: string, command: NodeCommand): Promise<NodeState> {
    const { state } = await decideAndAppend({ ...this.decision(id), aggregate: 'node', decider: nodeDecider, command });
    return state;
  }

  private async decideTask(id: string, command: TaskCommand): Promise<void> {
    try {
      await decideAndAppend<TaskState, TaskCommand, TaskEvent>({
        ...this.decision(id),
        aggregate: 'task',
        decider: taskDecider,
        command,
      });
    } catch (error) {
      // Stopping what is over already is refused, rightly.
      if (!(error instanceof CommandRejected)) throw error;
    }
  }

  private decision(id: string) {
    return {
      log: this.log,
      id,
      commitId: `user-${(this.ids += 1)}`,
      at: 1,
      meta: { actor: 'user:ada' as const, source: 'simulation', correlationId: 'c' },
    };
  }
}

const NOTHING_DONE = { endedAt: 2, uploadedFiles: 0, uploadedBytes: 0 };
const ROOM = (node: string) => ({ node, cores: CORES, memoryMB: MEMORY_MB });
const about = ({ leaseId, taskId, instance }: LeaseOrder) => ({ leaseId, taskId, instance });

const endedLeases = (events: readonly FornaxEvent[]): readonly string[] =>
  events.flatMap((event) =>
    event.type === 'InstancesConcluded' || event.type === 'InstancesRequeued'
      ? event.attempts.map(({ leaseId }) => leaseId)
      : [],
  );

/** What the audit of a running platform would find in the log. */
const auditFindings = async (log: EventLog): Promise<readonly AuditFinding[]> => {
  const audit = new LogAudit();
  const found: AuditFinding[] = [];
  for await (const batch of log.read({ from: 1 }))
    for (const { meta, ...commit } of batch) {
      const { leaderEpoch = 0 } = meta;
      found.push(...audit.fold({ ...commit, leaderEpoch }));
    }
  return [...found, ...audit.end(Number.MAX_SAFE_INTEGER)];
};

describe('schedulers, nodes and users that do as they please', () => {
  it.each([1, 2, 3, 4, 5, 6])(
    'end every task, run nothing twice and overfill no node (seed %i)',
    async (seed) => {
      const world = new World(seed);
      await world.start();
      for (let step = 0; step < 250; step += 1) await world.step();
      await world.settle();
      expect(world.violations).toEqual([]);
      expect(sharedMoments(world.stays)).toEqual([]);
      expect(world.mostWaiting).toBeGreaterThan(1);
      const ended: string[] = [];
      for (const taskId of world.tasks) {
        ended.push(...endedLeases((await world.log.readAggregate('task', taskId)).flatMap(({ events }) => events)));
      }
      expect(ended.length).toBeGreaterThan(50);
      expect(repeated(ended)).toEqual([]);
      expect(await auditFindings(world.log)).toEqual([]);
    },
    60_000,
  );
});
