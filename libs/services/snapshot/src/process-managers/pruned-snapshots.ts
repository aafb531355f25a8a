import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DueTimer, eachLimited, GATHER_MS, type DueLook, type MonotonicClock } from '@fornax/base';
import type { FornaxEvent, RecordedCommit } from '@fornax/contracts';
import { prunable } from '@fornax/domain';
import type { ReadBarrier } from '@fornax/projections';
import { LOGGER, MONOTONIC_CLOCK, ReadBarriers } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { SnapshotCommands } from '../commands/snapshot-commands.js';
import { keptSnapshots, prunedSoon, tasksWithRetention } from '../projections/pruning-rows.js';
import type { Logger } from './logger.js';

const BATCH = 200;
const AT_ONCE = 8;

/** What may leave a task, or one whose snapshot it named, more snapshots than it keeps. */
const MAY_BE_MORE: ReadonlySet<FornaxEvent['type']> = new Set([
  'TaskSnapshotsPlanned',
  'InstancesConcluded',
  'WaitingInstancesCancelled',
  'WaitingInstancesExpired',
  'TaskDeleted',
]);
/** What may leave a snapshot that is to be pruned to nobody. */
const MAY_FREE: ReadonlySet<FornaxEvent['type']> = new Set([
  'SnapshotPruneRequested',
  'InstancesStarted',
  'InstancesConcluded',
  'InstancesRequeued',
  'WaitingInstancesCancelled',
  'WaitingInstancesExpired',
  'TaskDeleted',
]);

/**
 * Prunes snapshots in two steps, each decided by the log: one that its task does not keep is no source any more, and its files go when no instance that took
 * it for its own before that is still about to begin. Which go depends on the times in the log alone, so that every replica, and every repetition, decides
 * the same; what was decided while nobody was there is found at the start.
 */
@Injectable()
export class PrunedSnapshots implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly barrier: ReadBarrier;
  private readonly timer: DueTimer;
  /** Tasks to look at. */
  private tasks = new Set<string>();
  private hasLookedAtAll = false;

  constructor(
    @InjectDataSource('snapshot') private readonly db: DataSource,
    private readonly commands: SnapshotCommands,
    barriers: ReadBarriers,
    @Inject(MONOTONIC_CLOCK) monotonic: MonotonicClock,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.barrier = barriers.of('snapshots');
    const failed = 'snapshots could not be pruned, trying again';
    this.timer = new DueTimer({ look: (signal) => this.look(signal), monotonic, logger, failed });
  }

  onApplicationBootstrap(): void {
    this.timer.wakeIn(0);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.timer.close();
  }

  /** Looks again where these commits may leave something to prune. */
  notice(batch: readonly RecordedCommit[]): void {
    let mayFree = false;
    const before = this.tasks.size;
    for (const { aggregateId, events } of batch)
      for (const event of events) {
        if (event.type === 'SnapshotCompleted') this.tasks.add(event.taskId);
        else if (MAY_BE_MORE.has(event.type)) this.tasks.add(aggregateId);
        mayFree ||= MAY_FREE.has(event.type);
      }
    if (mayFree || this.tasks.size > before) this.timer.wakeIn(GATHER_MS);
  }

  private async look(signal: AbortSignal): Promise<DueLook> {
    const tasks = this.tasks;
    this.tasks = new Set();
    try {
      if (!(await this.barrier.caughtUp())) throw new Error('the snapshots projection is behind the log');
      await this.requestAll(tasks, signal);
      if (!this.hasLookedAtAll) await this.requestOfAll(signal);
      // What was requested has to be in the rows: an instance that took one of them for its own before that shows there, too.
      const isUpToDate = await this.barrier.caughtUp();
      if (isUpToDate) await this.finishAll(signal);
      return { isUpToDate, nextInMs: undefined };
    } catch (error) {
      for (const task of tasks) this.tasks.add(task);
      throw error;
    }
  }

  private async requestAll(tasks: Iterable<string>, signal: AbortSignal): Promise<void> {
    const all = [...tasks];
    for (let from = 0; from < all.length && !signal.aborted; from += BATCH)
      for (const { taskId, retention, taken } of await keptSnapshots(this.db, all.slice(from, from + BATCH)))
        await eachLimited(prunable(retention, taken), AT_ONCE, (snapshotId) =>
          this.commands.requestPrune(snapshotId, 'retention', { actor: 'service:snapshot', correlationId: taskId }),
        );
  }

  private async requestOfAll(signal: AbortSignal): Promise<void> {
    for (let after = ''; !signal.aborted;) {
      const some = await tasksWithRetention(this.db, after, BATCH);
      await this.requestAll(some, signal);
      const last = some.at(-1);
      if (last === undefined) break;
      after = last;
    }
    this.hasLookedAtAll = !signal.aborted;
  }

  private async finishAll(signal: AbortSignal): Promise<void> {
    for (let isMore = true; isMore && !signal.aborted;) {
      const free = await prunedSoon(this.db, BATCH);
      await eachLimited(free, AT_ONCE, (snapshotId) => this.commands.finishPrune(snapshotId));
      isMore = free.length === BATCH;
      // What was finished has to show in the rows before they are read again.
      if (isMore) await this.barrier.caughtUp();
    }
  }
}
