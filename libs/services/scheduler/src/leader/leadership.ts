import { FoldGuard, type EventLog, type StoppedFold } from '@fornax/event-store';
import { OrderOutbox, type PublishDispatch } from '../deciding/order-outbox.js';
import { TaskWriter, type Tracing } from '../deciding/task-writer.js';
import type { Logger } from '../ports/logger.js';
import type { LeaseList, LeaseWatchLimits } from '../view/lease-watch.js';
import type { SchedulerView } from '../view/scheduler-view.js';
import { tallyCommit, workMeters } from '../metrics/work-tally.js';
import { Consequences } from './consequences.js';
import { Dependencies } from './dependencies.js';
import { LeasePatrol } from './lease-patrol.js';
import { LogFollower } from './log-follower.js';
import { PoolSizer } from './pool-sizer.js';
import { QueueExpiry } from './queue-expiry.js';
import { ReportIntake, type ReportMessage } from './report-intake.js';
import { RoundLoop } from './round-loop.js';
import { Settling, type SettlingTime } from './settling.js';
import { WaitingReasons } from './waiting-reasons.js';
import { loadView, type ViewCheckpoint } from './view-source.js';

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
  /** Called with an aggregate on which the view's fold throws. */
  readonly onStopped?: (stop: StoppedFold) => void;
  /** No port of an instance is forwarded here. */
  readonly forwardsNothing?: boolean;
  readonly now: () => number;
  /** Milliseconds by a monotonic clock. */
  readonly elapsed: () => number;
  readonly newId: () => string;
  readonly logger: Logger;
  readonly inSpan: Tracing;
}

/** What works for the length of a term. */
interface Parts {
  readonly view: SchedulerView;
  readonly follower: LogFollower;
  readonly writer: TaskWriter;
  readonly outbox: OrderOutbox;
  readonly rounds: RoundLoop;
  readonly sizer: PoolSizer;
  readonly reasons: WaitingReasons;
  readonly expiry: QueueExpiry;
  readonly consequences: Consequences;
}

/**
 * One term as leader. States: loading (the view is folded up to the log's end) -> leading (repeats what its predecessor may have left
 * undone, then decides, and repeats what has no effect) -> over (the signal aborted; nothing is appended or published any more).
 */
export class Leadership {
  private settling: Settling | undefined;
  private readonly parts: Parts;

  private constructor(
    private readonly ports: LeadershipPorts,
    partsOf: (isHeld: () => boolean) => Parts,
    private readonly signal: AbortSignal,
  ) {
    this.parts = partsOf(() => this.isHeld);
  }

  /** Loads the view and takes up the predecessor's work. */
  static async begin(ports: LeadershipPorts, leaderEpoch: number, signal: AbortSignal): Promise<Leadership> {
    const { log, logger, now, elapsed, newId, publish, inSpan } = ports;
    const guard = new FoldGuard('scheduler', (stop) => {
      logger.error(stop, 'the fold of an aggregate fails: it stands where it stood');
      ports.onStopped?.(stop);
    });
    const loaded = await loadView(log, ports.checkpoint, logger, guard);
    signal.throwIfAborted();
    const { view } = loaded;
    view.measure({ now, elapsed });
    if (ports.forwardsNothing === true) view.forwardNothing();
    view.onFolded((folded) => tallyCommit(folded, workMeters));
    const onSuperseded = (seen: number): void => {
      logger.warn({ leaderEpoch, seen }, 'another leader has taken over');
      ports.onSuperseded(seen);
    };
    const partsOf = (isHeld: () => boolean): Parts => {
      const outbox = new OrderOutbox({ publish, leaderEpoch, logger, signal });
      const follower = new LogFollower({
        log,
        guard,
        loaded,
        leaderEpoch,
        onSuperseded,
        onFolded: (changes) => consequences.act(changes),
        onServed: (taskId) => writer.served(taskId),
        logger,
        signal,
      });
      const writer = new TaskWriter({
        view,
        log,
        now,
        newId,
        leaderEpoch,
        logger,
        inSpan,
        signal,
        fold: (commit) => follower.fold(commit),
        onFolded: (changes, traceparent) => consequences.act(changes, traceparent),
        onFoldedAnew: () => consequences.takeBack(),
        onSuperseded,
        onIdle: () => {
          rounds.wake();
          sizer.wake();
        },
      });
      const reasons = new WaitingReasons({ view, writer, now, isHeld, logger, signal });
      const onReasons: WaitingReasons['found'] = (byClass) => reasons.found(byClass);
      const rounds = new RoundLoop({ view, writer, newId, now, isHeld, onReasons, logger, signal });
      const expiry = new QueueExpiry({ view, writer, elapsed, logger, signal });
      const sizer = new PoolSizer({ view, writer, log, now, isHeld, logger, signal });
      const dependencies = new Dependencies({ view, writer, log, logger, signal });
      const consequences = new Consequences({
        view,
        writer,
        outbox,
        rounds,
        sizer,
        expiry,
        dependencies,
        elapsed,
        logger,
        signal,
      });
      return { view, follower, writer, outbox, rounds, sizer, reasons, expiry, consequences };
    };
    const leadership = new Leadership(ports, partsOf, signal);
    leadership.parts.consequences.takeOver();
    return leadership;
  }

  get view(): SchedulerView {
    return this.parts.view;
  }

  get rounds(): RoundLoop {
    return this.parts.rounds;
  }

  get reasons(): WaitingReasons {
    return this.parts.reasons;
  }

  get expiry(): QueueExpiry {
    return this.parts.expiry;
  }

  /** Whether nothing is placed because nodes may still run what the log has lost. */
  get isHeld(): boolean {
    return this.ports.settling !== undefined && this.settling?.isOver !== true;
  }

  /** Works until the signal aborts. @throws LogReset the log was wiped or went back: the next term starts from its beginning */
  async run(): Promise<void> {
    const { view, writer, follower, reasons, consequences } = this.parts;
    const { settling, logger, log, keepReport, consumeReports, takeKeptReports } = this.ports;
    const { signal } = this;
    const intake = new ReportIntake({
      view,
      writer,
      catchUp: () => follower.catchUp(),
      logger,
      ...(keepReport ? { keep: keepReport } : {}),
    });
    for (const aggregate of ['task', 'pool'] as const)
      log.onAskedToYield(aggregate, (id) => writer.yieldTo(id), signal);
    reasons.watch();
    const patrol = this.patrol();
    if (settling)
      this.settling = new Settling({
        ...settling,
        isSettled: () => patrol?.hasHeardAll() ?? false,
        onOver: () => this.wake(),
        logger,
        signal,
      });
    view.pools.changeAll();
    this.wake();
    consequences.watchOverdue();
    await Promise.all([
      follower.follow(),
      consumeReports((messages) => intake.take(messages), signal),
      takeKeptReports?.((message) => intake.take([message]), signal),
    ]);
  }

  /** Sends again what a node was told long ago and shows no sign of. */
  repeatOverdue(): void {
    this.parts.consequences.repeatOverdue();
  }

  /** Resolves when everything that the log holds now is folded. */
  catchUp(): Promise<void> {
    return this.parts.follower.catchUp();
  }

  /** Something may be placed, or opened. */
  private wake(): void {
    this.parts.rounds.wake();
    this.parts.sizer.wake();
  }

  private patrol(): LeasePatrol | undefined {
    const { leaseLimits: limits, hearLists, elapsed, logger } = this.ports;
    if (!limits || !hearLists) return undefined;
    const { view, writer, outbox, follower } = this.parts;
    const { signal } = this;
    const patrol = new LeasePatrol({
      view,
      writer,
      outbox,
      limits,
      catchUp: () => follower.catchUp(),
      elapsed,
      onHeard: () => this.settling?.look(),
      logger,
      signal,
    });
    hearLists((list) => {
      patrol.hear(list);
      if (view.rooms.hear(list)) this.wake();
    }, signal);
    return patrol;
  }
}
