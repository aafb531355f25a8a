import { delay, backoffMs } from '@fornax/base';
import type { Commit, NodeReport, RecordedCommit } from '@fornax/contracts';
import type { DispatchedLease, InstanceError, PoolSizing } from '@fornax/domain';
import { AggregateStopped, LogUnavailable, VersionConflict, type EventLog } from '@fornax/event-store';
import type { Logger } from '../ports/logger.js';
import { revokedAttempts, toInstanceReports, type RevocationCause } from '../view/reports.js';
import type { Settled } from '../view/dependency-book.js';
import type { Changes } from '../view/changes.js';
import type { SchedulerView } from '../view/scheduler-view.js';
import type { TaskEntry } from '../view/task-entry.js';
import type { ReasonChange } from '../view/reason-changes.js';
import { decideEntry, type EntryCommand, type EntryEvent } from './decide-entry.js';
import { Superseded } from './superseded.js';

/** Runs work in a span that continues the given trace, and hands it the traceparent to pass on. */
export type Tracing = <T>(
  name: string,
  parent: string | undefined,
  work: (traceparent: string | undefined) => Promise<T>,
) => Promise<T>;

export interface TaskWriterOptions {
  readonly view: SchedulerView;
  readonly log: EventLog;
  readonly now: () => number;
  readonly newId: () => string;
  /**
   * Fencing token of this leadership, written into every commit. An append is made on the task's last commit, so this writer has folded all that
   * came before it: it appends nothing to a task that a leader of a higher epoch has written about.
   */
  readonly leaderEpoch: number;
  /** Folds into the view. @throws AggregateStopped the fold throws on this task */
  readonly fold: (commit: RecordedCommit) => Changes;
  /** Told what a commit of this writer, or one found while settling a conflict, changed. */
  readonly onFolded: (changes: Changes, traceparent?: string) => void;
  /** Told when a task was folded anew, because the log had lost some of it: its leases may be ones that nobody holds. */
  readonly onFoldedAnew: () => void;
  /** Told the higher epoch of a leader that has written to the log. */
  readonly onSuperseded: (epoch: number) => void;
  /** Told when a task may be planned again. */
  readonly onIdle: () => void;
  readonly logger: Logger;
  readonly inSpan: Tracing;
  /** The end of this leadership: nothing is appended after it. */
  readonly signal: AbortSignal;
}

/** One decision about a task: made only when its turn has come, on the state as it is then. */
interface Job {
  readonly command: (entry: TaskEntry) => EntryCommand | undefined;
  /** Leases to give back if this decision does not reach the log. */
  readonly reserved?: readonly DispatchedLease[];
  /** Beaten by another writer: decide again (a report must be recorded), or leave it to the next round (a dispatch). */
  readonly again: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Lane {
  readonly jobs: Job[];
  /** Reports that came while the lane was busy: one commit for all of them. */
  waitingReports: { readonly reports: NodeReport[]; readonly done: Promise<void> } | undefined;
}

/** Keeps a commit of reports below the largest message (1 MB): an attempt's end takes some 500 bytes, and a clipped error up to 3,000. */
const MAX_REPORTS_PER_COMMIT = 250;
const MAX_CONFLICTS = 20;
/** Long enough to read a tail, decide and append from another process; short enough that nobody notices who does not wait. */
const GAP_MS = 150;
const AFTER_STOP_MS = 500;

/**
 * Appends the scheduler's decisions, one at a time for each task and all tasks at once. A decision is folded into the view as soon as the log has it.
 *
 * States of a task's lane: idle -> busy (a job is deciding or appending) -> busy with the next job, or idle. What comes for a busy task waits
 * for its turn; reports that wait are put together. Before a decision, a busy task leaves a gap for a user's command that was beaten to it: such
 * commands win, and this writer loses 150 ms for each append at most.
 */
export class TaskWriter {
  private readonly lanes = new Map<string, Lane>();
  /** Tasks that somebody else waits to write, and the ends of the gaps that are being left. */
  private readonly asked = new Map<string, NodeJS.Timeout>();
  private readonly gaps = new Map<string, () => void>();

  constructor(private readonly options: TaskWriterOptions) {}

  /** Nothing is being decided or appended. */
  get isIdle(): boolean {
    return this.lanes.size === 0;
  }

  isBusy(taskId: string): boolean {
    return this.lanes.has(taskId);
  }

  /** Takes the room at once, then appends InstancesDispatched. Beaten by another writer, it gives the room back and the next round decides. */
  dispatch(taskId: string, leases: readonly DispatchedLease[]): Promise<void> {
    const entry = this.options.view.task(taskId);
    if (!entry) return Promise.resolve();
    this.options.view.reserve(entry, leases);
    return this.run(taskId, false, () => ({ type: 'DispatchInstances', leases, at: this.options.now() }), leases);
  }

  /** Resolves when the reports are in the log (or none of them matters any more). Safe to repeat. */
  record(taskId: string, reports: readonly NodeReport[]): Promise<void> {
    if (!this.options.view.task(taskId)) return Promise.resolve();
    const waiting = this.lanes.get(taskId)?.waitingReports;
    if (waiting && waiting.reports.length + reports.length <= MAX_REPORTS_PER_COMMIT) {
      waiting.reports.push(...reports);
      return waiting.done;
    }
    if (reports.length > MAX_REPORTS_PER_COMMIT) {
      const parts = Array.from({ length: Math.ceil(reports.length / MAX_REPORTS_PER_COMMIT) }, (_, part) =>
        this.record(taskId, reports.slice(part * MAX_REPORTS_PER_COMMIT, (part + 1) * MAX_REPORTS_PER_COMMIT)),
      );
      return Promise.all(parts).then(() => undefined);
    }
    const together = [...reports];
    const done = this.run(taskId, true, () => {
      const lane = this.lanes.get(taskId);
      if (lane?.waitingReports?.reports === together) lane.waitingReports = undefined;
      const at = this.options.now();
      const known = toInstanceReports(this.options.view, taskId, together, at);
      return known.length > 0 ? { type: 'RecordReports', reports: known, at } : undefined;
    });
    const lane = this.lanes.get(taskId);
    if (lane && lane.jobs.length > 0) lane.waitingReports = { reports: together, done };
    return done;
  }

  /** Ends leases that their node can no longer hold, or does not get on with. */
  revoke(taskId: string, leaseIds: readonly string[], cause: RevocationCause): Promise<void> {
    return this.run(taskId, true, () => {
      const at = this.options.now();
      const attempts = revokedAttempts(this.options.view, taskId, leaseIds, at, cause);
      return attempts.length > 0 ? { type: 'RevokeLeases', attempts, at } : undefined;
    });
  }

  /** Fails what waits of a task, if `passed` is still how long it may wait when it is decided. */
  expire(taskId: string, passed: number): Promise<void> {
    return this.run(taskId, true, () => ({ type: 'ExpireWaiting', passed, at: this.options.now() }));
  }

  /** Starts or cancels a task that waits for others, once these ends decide it. */
  settle({ taskId, ends }: Settled): Promise<void> {
    return this.run(taskId, true, () => ({ type: 'SettleDependencies', ends, at: this.options.now() }));
  }

  /**
   * Releases and cancels instances that wait for the same ones of other tasks, by what is known of those when it is decided.
   * @param onTurn called then: what is learned later needs another call
   */
  settleInstances(taskId: string, onTurn: () => void): Promise<void> {
    return this.run(taskId, true, () => {
      onTurn();
      return { type: 'SettleInstances', ends: this.options.view.instanceEndsFor(taskId), at: this.options.now() };
    });
  }

  /** Fails what waits of a task for a pool that ends. */
  failWaiting(taskId: string, error: InstanceError): Promise<void> {
    return this.run(taskId, true, () => ({ type: 'FailWaiting', error, at: this.options.now() }));
  }

  /** Opens and closes slots of a pool. Beaten by another writer, it leaves that to the next look at it. */
  resize(poolId: string, { open, close, policyName }: PoolSizing): Promise<void> {
    return this.run(poolId, false, () => ({ type: 'ResizePool', open, close, policyName, at: this.options.now() }));
  }

  recordReason({ taskId, reason, detail }: ReasonChange): Promise<void> {
    return this.run(taskId, false, () => ({ type: 'RecordWaitingReason', reason, detail, at: this.options.now() }));
  }

  /** Somebody waits to write the task: the next decision about it leaves a gap first. */
  yieldTo(taskId: string): void {
    if (!this.options.view.task(taskId)) return;
    clearTimeout(this.asked.get(taskId));
    this.asked.set(taskId, setTimeout(() => this.asked.delete(taskId), GAP_MS).unref());
  }

  /** A commit of somebody else is in the view: whoever waited was served, and asks again if it was another one. */
  served(taskId: string): void {
    clearTimeout(this.asked.get(taskId));
    this.asked.delete(taskId);
    this.gaps.get(taskId)?.();
  }

  /** One gap for each append, so the scheduler writes at least once in `GAP_MS` whoever asks how often. */
  private async leaveGap(taskId: string): Promise<void> {
    if (!this.asked.has(taskId)) return;
    this.served(taskId);
    const isServed = new AbortController();
    this.gaps.set(taskId, () => isServed.abort());
    await delay(GAP_MS, AbortSignal.any([isServed.signal, this.options.signal]));
    this.gaps.delete(taskId);
  }

  private run(
    taskId: string,
    again: boolean,
    command: Job['command'],
    reserved?: readonly DispatchedLease[],
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const job: Job = { command, again, resolve, reject, ...(reserved ? { reserved } : {}) };
    const lane = this.lanes.get(taskId);
    if (lane) lane.jobs.push(job);
    else {
      const opened: Lane = { jobs: [], waitingReports: undefined };
      this.lanes.set(taskId, opened);
      void this.work(taskId, opened, job);
    }
    return promise;
  }

  private async work(taskId: string, lane: Lane, first: Job): Promise<void> {
    let isStopped = false;
    for (let job: Job | undefined = first; job; job = lane.jobs.shift()) {
      try {
        await this.decide(taskId, job);
        job.resolve();
      } catch (error) {
        isStopped = error instanceof AggregateStopped;
        job.reject(error);
      } finally {
        if (job.reserved) this.options.view.release(taskId, job.reserved);
      }
    }
    this.lanes.delete(taskId);
    // Another round tries the same again: not at once, but what the task had reserved is room for others.
    if (isStopped) await delay(AFTER_STOP_MS, this.options.signal);
    this.options.onIdle();
  }

  private async decide(taskId: string, job: Job): Promise<void> {
    const { view, logger, signal } = this.options;
    for (let tries = 1; ; tries += 1) {
      await this.leaveGap(taskId);
      signal.throwIfAborted();
      const entry = view.task(taskId);
      this.refuseIfSuperseded(entry?.leaderEpoch ?? 0);
      const command = entry && job.command(entry);
      if (!entry || !command) return;
      const decision = decideEntry(entry, command, this.options.now());
      if ('rejection' in decision) {
        logger.debug({ taskId, command: command.type, ...decision.rejection }, 'decision refused');
        return;
      }
      if (decision.events.length === 0) return;
      try {
        await this.append(entry, command, decision.events);
        return;
      } catch (error) {
        if (!(error instanceof VersionConflict) && !(error instanceof LogUnavailable)) throw error;
        // Either another writer came first or the outcome is unknown: the tail tells. A commit of this writer found there is folded like any
        // other, and its orders are published from the fold.
        await this.readTail(taskId);
        const isOlder = error instanceof VersionConflict && view.task(taskId)?.sequence === entry.sequence;
        if (isOlder) await this.foldAnew(taskId);
        if (!job.again) return;
        if (tries >= MAX_CONFLICTS) throw error;
      }
    }
  }

  private async readTail(taskId: string): Promise<void> {
    const { view, log, logger, signal } = this.options;
    for (let failures = 1; ; failures += 1) {
      signal.throwIfAborted();
      const after = view.task(taskId)?.sequence;
      if (after === undefined) return;
      try {
        const tail = await log.readAggregate(aggregateOf(view.task(taskId)), taskId, after);
        for (const commit of tail) {
          this.refuseIfSuperseded(commit.meta.leaderEpoch ?? 0);
          this.options.onFolded(this.options.fold(commit));
        }
        if (tail.some(({ meta }) => meta.source !== 'scheduler')) this.served(taskId);
        return;
      } catch (error) {
        if (error instanceof Superseded || error instanceof AggregateStopped) throw error;
        logger.warn({ taskId, err: error }, 'the log cannot be read, trying again');
        await delay(backoffMs(failures, { firstMs: 100, longestMs: 2_000 }), signal);
      }
    }
  }

  /**
   * The log refuses what was decided, and has nothing newer: it has lost commits that the view is made of (an operator gave up damage of the log),
   * so no decision would ever fit. What is left of the task counts from now on.
   */
  private async foldAnew(taskId: string): Promise<void> {
    const { view, log, logger, onFoldedAnew } = this.options;
    const commits = await log.readAggregate(aggregateOf(view.task(taskId)), taskId, 0);
    logger.warn(
      { taskId, from: view.task(taskId)?.sequence, to: commits.at(-1)?.sequence ?? 0 },
      'the log has lost commits of a task, it is folded anew',
    );
    view.foldAnew(taskId, commits);
    onFoldedAnew();
  }

  /** @throws Superseded a leader of a higher epoch has written to the log */
  private refuseIfSuperseded(seen: number): void {
    const { leaderEpoch, onSuperseded } = this.options;
    if (seen <= leaderEpoch) return;
    onSuperseded(seen);
    throw new Superseded(leaderEpoch, seen);
  }

  private append(entry: TaskEntry, { type }: EntryCommand, events: readonly EntryEvent[]): Promise<void> {
    const { newId, now, leaderEpoch, log, fold, onFolded, inSpan } = this.options;
    const { taskId, context, sequence: expected } = entry;
    return inSpan(`scheduler ${type}`, context.traceparent, async (traceparent) => {
      const commit: Commit<EntryEvent> = {
        id: newId(),
        events,
        at: now(),
        meta: {
          actor: 'service:scheduler',
          source: 'scheduler',
          leaderEpoch,
          correlationId: context.correlationId,
          ...(traceparent === undefined ? {} : { traceparent }),
        },
      };
      const aggregate = aggregateOf(entry);
      const sequence = await log.append(aggregate, taskId, commit, expected);
      onFolded(fold({ ...commit, sequence, aggregate, aggregateId: taskId }), traceparent);
    });
  }
}

const aggregateOf = (entry: TaskEntry | undefined): 'task' | 'pool' => (entry?.pool ? 'pool' : 'task');
