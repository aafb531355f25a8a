import { delay, Progress } from '@fornax/base';
import type { RecordedCommit } from '@fornax/contracts';
import { AggregateStopped, FoldGuard, type EventLog, type StoppedFold } from '@fornax/event-store';
import { OrderOutbox, type PublishDispatch } from '../deciding/order-outbox.js';
import { TaskWriter, type Tracing } from '../deciding/task-writer.js';
import type { Logger } from '../ports/logger.js';
import { ordersAfter, ordersToRepeat } from '../view/orders.js';
import type { LeaseList, LeaseWatchLimits } from '../view/lease-watch.js';
import { OverdueOrders } from '../view/overdue-orders.js';
import { livingEpoch, voidLeases } from '../view/reports.js';
import type { Changes, SchedulerView } from '../view/scheduler-view.js';
import { LeasePatrol } from './lease-patrol.js';
import { QueueExpiry } from './queue-expiry.js';
import { ReportIntake, type ReportMessage } from './report-intake.js';
import { RoundLoop, type RoundLoopOptions } from './round-loop.js';
import { Settling, type SettlingTime } from './settling.js';
import { WaitingReasons } from './waiting-reasons.js';
import { VIEW_AGGREGATES, loadView, type ViewCheckpoint } from './view-source.js';

/** The world around a leader, as functions, so that tests can stand in for a crash of any of them. */
export interface LeadershipPorts {
  readonly log: EventLog;
  readonly checkpoint: ViewCheckpoint;
  readonly publish: PublishDispatch;
  /** Consumes reports until the signal aborts; each batch is acknowledged after the handler resolved. */
  readonly consumeReports: (
    handle: (messages: readonly ReportMessage[]) => Promise<void>,
    signal: AbortSignal,
  ) => Promise<void>;
  /** Hands over, until the signal aborts, the leases that nodes say they work on. */
  readonly hearLists?: (handle: (list: LeaseList) => void, signal: AbortSignal) => void;
  /** How long what nodes say may differ from the log. */
  readonly leaseLimits?: LeaseWatchLimits;
  /** How long nothing is placed because the log has lost commits; absent when it has not. */
  readonly settling?: SettlingTime;
  /** Ends this term: a leader of a higher epoch, which is given, has written to the log. */
  readonly onSuperseded: (seen: number) => void;
  /** Keeps a report that cannot be read, for an operator. */
  readonly keepReport?: (message: ReportMessage, reason: string) => Promise<void>;
  /** Hands over, until the signal aborts, reports that were kept and are to be read again. */
  readonly takeKeptReports?: (handle: (message: ReportMessage) => Promise<void>, signal: AbortSignal) => Promise<void>;
  /** Told about an aggregate that the view's fold throws on. */
  readonly onStopped?: (stop: StoppedFold) => void;
  readonly now: () => number;
  /** Milliseconds by a monotonic clock. */
  readonly elapsed: () => number;
  readonly newId: () => string;
  readonly logger: Logger;
  readonly inSpan: Tracing;
}

const REVOKE_AGAIN_MS = 2_000;
const OVERDUE_CHECK_MS = 10_000;

/**
 * One term as leader. States: loading (the view is folded up to the log's end) -> leading (repeats what its predecessor may have left
 * undone, then decides, and repeats what has no effect) -> over (the signal aborted; nothing is appended or published any more).
 */
export class Leadership {
  private readonly overdue = new OverdueOrders();
  private settling: Settling | undefined;

  private constructor(
    private readonly ports: LeadershipPorts,
    readonly view: SchedulerView,
    private readonly progress: Progress,
    private readonly logEpoch: string,
    private readonly writer: TaskWriter,
    private readonly outbox: OrderOutbox,
    readonly rounds: RoundLoop,
    readonly reasons: WaitingReasons,
    readonly expiry: QueueExpiry,
    private readonly signal: AbortSignal,
    private readonly guard: FoldGuard,
    private readonly isSuperseded: (commit: RecordedCommit) => boolean,
  ) {}

  /** Loads the view and takes up the predecessor's work. */
  static async begin(ports: LeadershipPorts, leaderEpoch: number, signal: AbortSignal): Promise<Leadership> {
    const { log, logger, now, elapsed, newId, publish, inSpan } = ports;
    const guard = new FoldGuard('scheduler', (stop) => {
      logger.error(stop, 'the fold of an aggregate fails: it stands where it stood');
      ports.onStopped?.(stop);
    });
    const { view, epoch, sequence } = await loadView(log, ports.checkpoint, logger, guard);
    signal.throwIfAborted();
    view.measure({ now, elapsed });
    const onSuperseded = (seen: number): void => {
      logger.warn({ leaderEpoch, seen }, 'another leader has taken over');
      ports.onSuperseded(seen);
    };
    const outbox = new OrderOutbox({ publish, leaderEpoch, logger, signal });
    const writer = new TaskWriter({
      view,
      log,
      now,
      newId,
      leaderEpoch,
      logger,
      inSpan,
      signal,
      fold: (commit) => {
        const changes = guard.fold(commit, (one) => view.fold(one));
        if (changes) return changes;
        throw new AggregateStopped(commit.aggregate, commit.aggregateId, "the scheduler's fold of it fails", undefined);
      },
      onFolded: (changes, traceparent) => leadership.act(changes, traceparent),
      onFoldedAnew: () => leadership.takeBack(),
      onSuperseded,
      onIdle: () => rounds.wake(),
    });
    const isHeld = (): boolean => ports.settling !== undefined && leadership.settling?.isOver !== true;
    const reasons = new WaitingReasons({ view, writer, now, isHeld, logger, signal });
    const onReasons: RoundLoopOptions['onReasons'] = (byClass) => reasons.found(byClass);
    const rounds = new RoundLoop({ view, writer, newId, isHeld, onReasons, logger, signal });
    const leadership: Leadership = new Leadership(
      ports,
      view,
      new Progress(sequence),
      epoch,
      writer,
      outbox,
      rounds,
      reasons,
      new QueueExpiry({ view, writer, elapsed, logger, signal }),
      signal,
      guard,
      ({ meta }) => {
        if ((meta.leaderEpoch ?? 0) <= leaderEpoch) return false;
        onSuperseded(meta.leaderEpoch ?? 0);
        return true;
      },
    );
    leadership.takeOver();
    return leadership;
  }

  /** Works until the signal aborts. @throws LogReset the log was wiped or went back: the next term starts from its beginning */
  async run(): Promise<void> {
    const intake = new ReportIntake({
      view: this.view,
      writer: this.writer,
      catchUp: () => this.catchUp(),
      logger: this.ports.logger,
      ...(this.ports.keepReport ? { keep: this.ports.keepReport } : {}),
    });
    this.ports.log.onAskedToYield('task', (taskId) => this.writer.yieldTo(taskId), this.signal);
    this.reasons.watch();
    const patrol = this.patrol();
    const { settling, logger } = this.ports;
    if (settling)
      this.settling = new Settling({
        ...settling,
        isSettled: () => patrol?.hasHeardAll() ?? false,
        onOver: () => this.rounds.wake(),
        logger,
        signal: this.signal,
      });
    this.rounds.wake();
    const timer = setInterval(() => this.repeatOverdue(), OVERDUE_CHECK_MS);
    this.signal.addEventListener('abort', () => clearInterval(timer), { once: true });
    await Promise.all([
      this.follow(),
      this.ports.consumeReports((messages) => intake.take(messages), this.signal),
      this.ports.takeKeptReports?.((message) => intake.take([message]), this.signal),
    ]);
  }

  private patrol(): LeasePatrol | undefined {
    const { leaseLimits: limits, hearLists, elapsed, logger } = this.ports;
    if (!limits || !hearLists) return undefined;
    const { view, writer, outbox, signal } = this;
    const patrol = new LeasePatrol({
      view,
      writer,
      outbox,
      limits,
      catchUp: () => this.catchUp(),
      elapsed,
      onHeard: () => this.settling?.look(),
      logger,
      signal,
    });
    hearLists((list) => patrol.hear(list), signal);
    return patrol;
  }

  /** Sends again what a node was told long ago and shows no sign of. */
  repeatOverdue(): void {
    const orders = this.overdue.take(this.view, this.ports.elapsed());
    if (orders.length === 0) return;
    this.ports.logger.warn({ orders: orders.length }, 'orders without effect are sent again');
    this.outbox.send(orders);
  }

  /** Resolves when everything that the log holds now is folded. */
  async catchUp(): Promise<void> {
    const { sequence } = await this.ports.log.head();
    if (!(await this.progress.reach(sequence, { signal: this.signal }))) this.signal.throwIfAborted();
  }

  private follow(): Promise<void> {
    return this.ports.log.subscribe(
      {
        from: this.progress.position + 1,
        aggregates: VIEW_AGGREGATES,
        epoch: this.logEpoch,
        onProgress: (sequence) => this.progress.advance(sequence),
        onError: (error) => this.ports.logger.warn({ err: error }, 'following the log failed, trying again'),
        signal: this.signal,
      },
      (batch) => Promise.resolve(this.foldAll(batch)),
    );
  }

  private foldAll(batch: readonly RecordedCommit[]): void {
    for (const commit of batch) {
      if (this.isSuperseded(commit)) return;
      const changes = this.guard.fold(commit, (one) => this.view.fold(one));
      if (changes) this.act(changes);
      if (commit.aggregate === 'task' && commit.meta.source !== 'scheduler') this.writer.served(commit.aggregateId);
    }
    const last = batch.at(-1);
    if (last) this.progress.advance(last.sequence);
  }

  /** What follows from a fold: orders to nodes, leases to take back, another round. */
  private act(changes: Changes, traceparent?: string): void {
    if (this.signal.aborted) return;
    this.outbox.send(ordersAfter(changes, traceparent));
    for (const { node, belowEpoch } of changes.voided) this.revokeVoid(node, belowEpoch);
    for (const { leases } of changes.dispatched) {
      // A dispatch that was under way while its node went: nobody will ever report it.
      const orphaned = leases.filter(({ node, nodeEpoch }) => nodeEpoch < livingEpoch(this.view, node));
      for (const node of new Set(orphaned.map((lease) => lease.node)))
        this.revokeVoid(node, livingEpoch(this.view, node));
    }
    this.expiry.arm();
    if (changes.wakes) this.rounds.wake();
  }

  private takeOver(): void {
    const orders = ordersToRepeat(this.view);
    this.outbox.send(orders);
    this.takeBack();
    this.ports.logger.info({ orders: orders.length, tasks: this.view.taskCount() }, 'leading');
  }

  /** Takes back what nodes cannot hold any more, of everything that is in the view. */
  private takeBack(): void {
    this.expiry.arm();
    for (const [node] of this.view.allNodes()) this.revokeVoid(node, livingEpoch(this.view, node));
  }

  private revokeVoid(node: string, belowEpoch: number): void {
    for (const [taskId, leaseIds] of voidLeases(this.view, node, belowEpoch)) {
      this.writer.revoke(taskId, leaseIds, 'node-lost').catch((error: unknown) => {
        if (this.signal.aborted) return;
        this.ports.logger.error(
          { taskId, node, err: error },
          'leases of a lost node could not be taken back, trying again',
        );
        void delay(REVOKE_AGAIN_MS, this.signal).then(() => this.revokeVoid(node, belowEpoch));
      });
    }
  }
}
