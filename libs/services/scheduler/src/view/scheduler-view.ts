import type { RecordedCommit } from '@fornax/contracts';
import {
  eachOf,
  isStopping,
  needsOf,
  nodeDecider,
  outcomeOf,
  queueDeadlineOf,
  readyCount,
  sizeOf,
  SpendingHolds,
  startableOf,
  takesWork,
  taskDecider,
  wholeOf,
  type ClosedNode,
  type DispatchedLease,
  type SpendingEvent,
  type InstanceEnds,
  type LeasesAhead,
  type NodeEvent,
  type NodeHardware,
  type NodeHardwareFacts,
  type NodeState,
  type NodeView,
  type TaskState,
} from '@fornax/domain';
import { noChanges, type Changes } from './changes.js';
import { DependencyBook, type Settled } from './dependency-book.js';
import { foldEntry, isFinished } from './entry-fold.js';
import type { FoldedCommit } from './folded-commit.js';
import { InstanceDependencyBook } from './instance-dependency-book.js';
import { LeaseBook, type TrackedLease } from './lease-book.js';
import { NodeRooms } from './node-rooms.js';
import { PlatformFailures } from './platform-failures.js';
import { PoolBook } from './pool-book.js';
import { QueueDeadlines } from './queue-deadlines.js';
import { QuotaBook } from './quota-book.js';
import type { NodeEntry, TaskContext, TaskEntry } from './task-entry.js';
import { overfill, Turnover } from './turnover.js';
import { WaitingQueue } from './waiting-queue.js';

const unknownHardware: NodeHardwareFacts = { specificationKey: 'unknown', cpuModel: 'unknown', cores: 0, ghz: 0 };

const factsOf = (node: NodeEntry | undefined): NodeHardwareFacts => {
  if (!node) return unknownHardware;
  const { specificationKey, cpuModel, cores, ghz } = node.state.hardware;
  return { specificationKey, cpuModel, cores, ghz };
};

const waits = ({ state }: TaskEntry): boolean =>
  sizeOf(startableOf(state)) > 0 && !state.cancelRequested && !state.deleteRequested;

/** What a leader measures by: the time of day, and time that passes whatever that is set to. */
export interface Clocks {
  readonly now: () => number;
  /** Milliseconds by a monotonic clock. */
  readonly elapsed: () => number;
}

/**
 * The scheduler's picture of the world: unfinished tasks, nodes, leases and quotas, folded from the log. It is fed twice, by the log and by
 * the scheduler's own appends as soon as they are acknowledged; the sequence of each aggregate makes the second feeding of a commit a no-op.
 */
export class SchedulerView {
  readonly leases = new LeaseBook();
  /** What accounts and organizations may run at once. */
  readonly quotas = new QuotaBook();
  /** Who may start nothing new, because credits or a budget are used up. */
  readonly holds = new SpendingHolds();
  /** Tasks with instances that wait for room. */
  readonly queue = new WaitingQueue();
  /** Tasks that wait for room in pools. */
  readonly pools = new PoolBook();
  /** When tasks of the queue will have waited for too long. */
  readonly deadlines = new QueueDeadlines();
  /** Tasks that wait for other tasks. */
  readonly dependencies = new DependencyBook();
  /** Tasks whose instances wait for the same ones of others. */
  readonly instanceDependencies = new InstanceDependencyBook();
  /** What is free on the disks of nodes. */
  readonly rooms = new NodeRooms();
  /** Which nodes failed what by their own fault. */
  readonly failures = new PlatformFailures();
  private readonly turnover = new Turnover();
  private forwards = true;
  private readonly tasks = new Map<string, TaskEntry>();
  private readonly nodes = new Map<string, NodeEntry>();
  /** The smallest request that ever waited in this view: with less free than that on every node no round can place anything. */
  private smallestCores = Infinity;
  private measured: (Clocks & { readonly since: number }) | undefined;
  private tell: ((folded: FoldedCommit) => void) | undefined;

  /**
   * From now on what comes to be is measured by these clocks. What is in the view already is older: of that, only instants are known, so it is
   * measured from here on at least.
   */
  measure(clocks: Clocks): void {
    this.measured = { ...clocks, since: clocks.elapsed() };
    // A deadline is an instant, for it outlives this process; how long is left of it is looked up once, and then measured.
    this.deadlines.measure((at, limitMs) => clocks.elapsed() + Math.min(Math.max(0, at - clocks.now()), limitMs));
  }

  /** No port of an instance is forwarded here, whatever tasks open: it is no reason to keep them from any node. */
  forwardNothing(): void {
    this.forwards = false;
  }

  /** From now on each commit of a task is told once it is folded. */
  onFolded(tell: (folded: FoldedCommit) => void): void {
    this.tell = tell;
  }

  /** How long a lease has been held; undefined in a view that measures nothing. */
  heldMs({ heldSince, taskId, instance }: TrackedLease): number | undefined {
    if (!this.measured) return undefined;
    const { now, elapsed, since } = this.measured;
    if (heldSince !== undefined) return elapsed() - heldSince;
    const { dispatchedAt } = this.tasks.get(taskId)?.state.inFlight.get(instance) ?? {};
    return Math.max(elapsed() - since, dispatchedAt === undefined ? 0 : now() - dispatchedAt);
  }

  task(taskId: string): TaskEntry | undefined {
    return this.tasks.get(taskId);
  }

  node(nodeId: string): NodeEntry | undefined {
    return this.nodes.get(nodeId);
  }

  allTasks(): Iterable<TaskEntry> {
    return this.tasks.values();
  }

  allNodes(): Iterable<[string, NodeEntry]> {
    return this.nodes.entries();
  }

  taskCount(): number {
    return this.tasks.size;
  }

  /** Nodes that take work, with what is free on them now. */
  cluster(): readonly NodeView[] {
    const views: NodeView[] = [];
    for (const [id, { state }] of this.nodes) {
      if (!takesWork(state)) continue;
      const hardware = this.hardwareOf(state);
      const used = this.leases.usageOfNode(id);
      const { mostMB, freeMB } = this.rooms.of(id, state.epoch, hardware.diskMB, used.diskMB);
      views.push({
        id,
        epoch: state.epoch,
        hardware: mostMB === hardware.diskMB || mostMB === undefined ? hardware : { ...hardware, diskMB: mostMB },
        freeCores: Math.max(0, hardware.cores - used.cores),
        freeMemoryMB: Math.max(0, hardware.memoryMB - used.memoryMB),
        freeDiskMB: freeMB,
        ahead: this.aheadOn(id, state),
        ...this.heldBack(id),
      });
    }
    return views;
  }

  private heldBack(id: string): Pick<NodeView, 'heldBack' | 'heldBackFor'> {
    return this.measured ? this.failures.heldBack(id, this.measured.elapsed()) : {};
  }

  /** Milliseconds by the monotonic clock; 0 in a view that measures nothing, which remembers no failures. */
  elapsed(): number {
    return this.measured?.elapsed() ?? 0;
  }

  private hardwareOf({ hardware }: NodeState): NodeHardware {
    return this.forwards ? hardware : { ...hardware, waysIn: true };
  }

  /** What may wait on a node beyond its room: no more of a size than it has ended of it a moment ago, so that nothing waits there for long. */
  private aheadOn(id: string, { leasesAhead = 0, hardware }: NodeState): readonly LeasesAhead[] {
    if (leasesAhead === 0 || !this.measured) return [];
    const used = this.leases.usageOfNode(id);
    return this.turnover.of(id, this.measured.elapsed()).flatMap(({ request, ended }) => {
      const leases = Math.min(ended, leasesAhead) - overfill(hardware, used, request);
      return leases > 0 ? [{ ...request, leases }] : [];
    });
  }

  /** Nodes that are known and take no work now. */
  closedNodes(): readonly ClosedNode[] {
    return [...this.nodes.values()].flatMap(({ state }): readonly ClosedNode[] => {
      const { status } = state;
      const hardware = this.hardwareOf(state);
      if (status === 'draining' || status === 'lost' || status === 'retired') return [{ status, hardware }];
      return status === 'online' && !takesWork(state) ? [{ status: 'disk-full', hardware }] : [];
    });
  }

  /** False when a round cannot place anything, whatever waits. */
  hasRoom(): boolean {
    for (const [id, { state }] of this.nodes) {
      if (!takesWork(state)) continue;
      if (state.hardware.cores - this.leases.usageOfNode(id).cores >= this.smallestCores) return true;
      if (this.aheadOn(id, state).length > 0) return true;
    }
    return false;
  }

  /** Takes room for leases that are being dispatched, before the log has answered. */
  reserve(entry: TaskEntry, leases: readonly DispatchedLease[]): void {
    const heldSince = this.measured?.elapsed();
    for (const lease of leases)
      this.leases.add({ ...this.track(entry, lease), ...(heldSince === undefined ? {} : { heldSince }) });
    if (heldSince !== undefined) for (const lease of leases) this.failures.given(entry.state.owner, lease, heldSince);
  }

  /** Gives the room of leases back that did not come to be. Those that did (the task's state has them) stay. */
  release(taskId: string, leases: readonly DispatchedLease[]): void {
    const inFlight = this.tasks.get(taskId)?.state.inFlight;
    for (const lease of leases) {
      if (inFlight?.get(lease.instance)?.leaseId === lease.leaseId) continue;
      this.leases.remove(lease.leaseId);
      this.failures.released(lease);
    }
  }

  /** Puts a stored fold in place (see `work` projection). Only before anything is folded. */
  restoreTask(entry: TaskEntry): void {
    this.keep(entry);
    for (const [instance, lease] of entry.state.inFlight) this.leases.add(this.track(entry, { instance, ...lease }));
  }

  /** Puts in the place of a task what all of its commits say, for the view knew of some that the log does not have. None: there is no such task. */
  foldAnew(taskId: string, commits: readonly RecordedCommit[]): void {
    const known = this.tasks.get(taskId);
    if (known) this.drop(known);
    for (const commit of commits) this.foldTask(commit);
  }

  restoreNode(nodeId: string, entry: NodeEntry): void {
    this.nodes.set(nodeId, entry);
  }

  /** Folds one commit; what was folded before is skipped. */
  fold(commit: RecordedCommit): Changes {
    if (commit.aggregate === 'task' || commit.aggregate === 'pool') return this.foldTask(commit);
    if (commit.aggregate === 'node') return this.foldNode(commit);
    if (commit.aggregate === 'account') return { ...noChanges, wakes: this.quotas.fold(commit) };
    if (commit.aggregate === 'spending')
      // The aggregate's name in the subject is what makes these events of spending.
      return {
        ...noChanges,
        wakes: this.holds.fold(commit.aggregateId, commit.events as readonly SpendingEvent[]),
      };
    return noChanges;
  }

  private foldTask(commit: RecordedCommit): Changes {
    const known = this.tasks.get(commit.aggregateId);
    if (known ? commit.sequence <= known.sequence : !isBeginning(commit)) return noChanges;
    const before: TaskEntry = known ?? {
      taskId: commit.aggregateId,
      state: taskDecider.initial,
      sequence: 0,
      order: commit.sequence,
      context: contextOf(commit),
      leaderEpoch: 0,
      waitingSince: undefined,
    };
    const { fold, dispatched, started, ended, isCancelled, closing, isRefreshed } = foldEntry(before, commit);
    const { state } = fold;
    let freed = false;
    for (const { instance } of started) {
      const lease = state.inFlight.get(instance);
      if (lease && this.measured) this.failures.started(state.owner, lease, this.measured.elapsed());
    }
    for (const end of ended) {
      const { leaseId, startedAt, inSlot } = end;
      if (this.measured)
        this.failures.ended({ taskId: commit.aggregateId, owner: state.owner }, end, this.measured.elapsed());
      if (startedAt !== undefined && inSlot === undefined && !fold.pool) this.countEnd(leaseId);
      freed = this.leases.remove(leaseId) || freed;
      if (inSlot !== undefined) this.pools.left(state.spec.poolUuid, inSlot, commit.at);
      if (fold.pool) this.pools.slotEnded(leaseId);
    }
    const waitingNow = readyCount(state) > 0;
    const entry: TaskEntry = {
      ...before,
      ...fold,
      sequence: commit.sequence,
      leaderEpoch: Math.max(before.leaderEpoch, commit.meta.leaderEpoch ?? 0),
      waitingSince: waitingNow ? (before.waitingSince ?? commit.at) : undefined,
    };
    this.tell?.({ before, after: entry, commit });
    let settled: readonly Settled[] = [];
    if (isFinished(entry)) {
      this.drop(entry);
      if (!entry.pool) {
        settled = this.dependencies.ended(entry.taskId, outcomeOf(state));
        this.instanceDependencies.ended(state);
      }
    } else {
      this.keep(entry);
      this.reserve(
        entry,
        dispatched.filter(({ instance, leaseId }) => state.inFlight.get(instance)?.leaseId === leaseId),
      );
    }
    return {
      dispatched: dispatched.length > 0 ? [{ entry, leases: dispatched }] : [],
      cancelled: isCancelled && state.inFlight.size > 0 ? [entry] : [],
      closed: closing.size > 0 ? [{ entry, slots: closing }] : [],
      refreshed: isRefreshed && state.inFlight.size > 0 ? [entry] : [],
      voided: [],
      settled,
      loosened: entry.pool ? [] : this.loosenedBy(before, entry),
      unknown: known ? [] : this.unknownTo(entry.taskId),
      wakes: freed || fold.pool !== undefined || this.queue.has(entry.taskId) || this.pools.isWaiting(entry.taskId),
    };
  }

  /** Tasks that are waited for and not in the view. What is in it will end in it. */
  unknownDependencies(): readonly string[] {
    const held = [...this.instanceDependencies.held()];
    const awaited = [
      ...this.dependencies.awaited(),
      ...held.flatMap((taskId) => this.instanceDependencies.unknownTo(taskId)),
    ];
    return [...new Set(awaited)].filter((id) => !this.tasks.has(id));
  }

  /** How the instances that those of a task wait for have ended, as far as it is known. */
  instanceEndsFor(taskId: string): readonly InstanceEnds[] {
    return this.instanceDependencies.endsFor(taskId, (id) => this.tasks.get(id)?.state);
  }

  private unknownTo(taskId: string): readonly string[] {
    const awaited = [...this.dependencies.awaitedBy(taskId), ...this.instanceDependencies.unknownTo(taskId)];
    return [...new Set(awaited)].filter((id) => !this.tasks.has(id));
  }

  /** Those that wait for instances that have ended, and the task itself when it is new: what it waits for may have ended. */
  private loosenedBy(before: TaskEntry, { taskId, state }: TaskEntry): readonly string[] {
    const own = before.sequence === 0 && state.held.size > 0 ? [taskId] : [];
    return endedIn(state) > endedIn(before.state) ? [...own, ...this.instanceDependencies.of(taskId)] : own;
  }

  private countEnd(leaseId: string): void {
    const lease = this.leases.get(leaseId);
    if (lease && this.measured) this.turnover.count(lease.node, lease, this.measured.elapsed());
  }

  private foldNode(commit: RecordedCommit): Changes {
    const known = this.nodes.get(commit.aggregateId);
    if (known && commit.sequence <= known.sequence) return noChanges;
    let state = known?.state ?? nodeDecider.initial;
    const voided: { node: string; belowEpoch: number }[] = [];
    for (const event of commit.events as readonly NodeEvent[]) {
      state = nodeDecider.evolve(state, event);
      if (event.type === 'NodeLost') voided.push({ node: event.nodeId, belowEpoch: event.epoch + 1 });
      if (event.type === 'NodeJoined') voided.push({ node: event.nodeId, belowEpoch: event.epoch });
    }
    this.nodes.set(commit.aggregateId, { state, sequence: commit.sequence });
    if (state.status === 'lost' || state.status === 'retired') this.rooms.forget(commit.aggregateId);
    // One that joins anew may have been mended.
    if (known?.state.epoch !== state.epoch) this.failures.forgetNode(commit.aggregateId);
    // Slots on a node that is drained are opened elsewhere.
    if (known?.state.status !== state.status) this.pools.changeAll();
    return { ...noChanges, voided, wakes: true };
  }

  private keep(entry: TaskEntry): void {
    this.tasks.set(entry.taskId, entry);
    const limitMs = (entry.state.spec.maxTimeQueueSeconds ?? 0) * 1_000;
    this.deadlines.put(entry.taskId, isStopping(entry.state) ? null : queueDeadlineOf(entry.state), limitMs);
    const { isHeld, held, spec: asked } = entry.state;
    if (isHeld) this.dependencies.hold(entry.taskId, wholeOf(asked.dependencies ?? []));
    else this.dependencies.release(entry.taskId);
    if (held.size > 0) this.instanceDependencies.hold(entry.taskId, eachOf(asked.dependencies ?? []));
    else this.instanceDependencies.release(entry.taskId);
    this.pools.keep(entry, waits(entry));
    if (waits(entry) && entry.state.spec.poolUuid === undefined) {
      const { spec, owner } = entry.state;
      this.smallestCores = Math.min(this.smallestCores, spec.request.cores);
      this.queue.put({
        taskId: entry.taskId,
        owner,
        ...(spec.projectUuid === undefined ? {} : { project: spec.projectUuid }),
        plan: spec.plan,
        request: spec.request,
        constraints: spec.hardwareConstraints,
        needs: { ...needsOf(spec), ...(entry.pool ? { slots: true } : {}) },
        waiting: startableOf(entry.state),
        order: entry.order,
      });
    } else this.queue.delete(entry.taskId);
  }

  private drop(entry: TaskEntry): void {
    for (const { leaseId } of entry.state.inFlight.values()) this.leases.remove(leaseId);
    this.tasks.delete(entry.taskId);
    this.deadlines.put(entry.taskId, null);
    this.failures.forgetTask(entry.taskId);
    this.dependencies.release(entry.taskId);
    this.instanceDependencies.release(entry.taskId);
    this.queue.delete(entry.taskId);
    this.pools.forget(entry.taskId, entry.pool?.failed);
  }

  private track(entry: TaskEntry, lease: DispatchedLease): TrackedLease {
    const { owner, spec } = entry.state;
    return {
      leaseId: lease.leaseId,
      taskId: entry.taskId,
      owner,
      plan: spec.plan,
      instance: lease.instance,
      attempt: lease.attempt,
      node: lease.node,
      nodeEpoch: lease.nodeEpoch,
      cores: spec.request.cores,
      memoryMB: spec.request.memoryMB,
      ...(spec.request.diskMB === undefined ? {} : { diskMB: spec.request.diskMB }),
      ...(lease.inSlot === undefined ? {} : { inSlot: lease.inSlot }),
      ...(entry.pool ? { isSlot: true } : {}),
      hardware: factsOf(this.nodes.get(lease.node)),
    };
  }
}

const endedIn = ({ succeeded, failed, cancelled }: TaskState): number =>
  sizeOf(succeeded) + sizeOf(failed) + sizeOf(cancelled);

const isBeginning = ({ events: [first] }: RecordedCommit): boolean =>
  first?.type === 'TaskSubmitted' || first?.type === 'PoolCreated';

const contextOf = ({ meta }: RecordedCommit): TaskContext => ({
  correlationId: meta.correlationId,
  ...(meta.traceparent === undefined ? {} : { traceparent: meta.traceparent }),
});
