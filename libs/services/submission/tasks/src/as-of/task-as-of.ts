import { Inject, Injectable } from '@nestjs/common';
import type { EventLog } from '@fornax/event-store';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
import { NotFound, type Clock } from '@fornax/base';
import { applySnapshotCompleted, applyTaskCommit, type TaskStatus } from '../model/task-status.js';
import type { CompletedRecord } from '../model/completed-record.js';
import { checkReached, isUpTo, type AsOf } from './as-of.js';
import { EndedInstances, MOST_ENDED } from './ended-instances.js';
import { TaskHistory } from './task-history.js';

/** A task as it stood at a moment of the past. */
export interface PastTask {
  readonly status: TaskStatus;
  readonly ended: readonly CompletedRecord[];
  /** What "now" was then, milliseconds: the instant that was asked for, or the time of the last commit at or before the sequence. */
  readonly now: number;
}

/**
 * Time travel (architecture, section 5): the state as of a moment is the fold up to there. As of an instant means all commits before the first one that was decided after
 * it: order is the log's, not the clocks'.
 */
@Injectable()
export class TaskAsOf {
  constructor(
    private readonly history: TaskHistory,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws NotFound it did not exist yet, or not any more @throws ValidationFailed a sequence that the log has not reached */
  async read(taskId: string, asOf: AsOf): Promise<PastTask> {
    await checkReached(this.log, asOf);
    const completions = (await this.history.snapshotCompletions(taskId)).filter((commit) => isUpTo(asOf, commit));
    const ended = new EndedInstances(MOST_ENDED.alone);
    let status: TaskStatus | undefined;
    let at = 0;
    /** Snapshots of the task that were completed before the commit with this sequence. */
    const applySnapshots = (before: number): void => {
      while (completions[0] !== undefined && completions[0].sequence < before) {
        const completed = completions.shift();
        if (!status || !completed) continue;
        status = applySnapshotCompleted(status, completed.sequence);
        at = completed.at;
      }
    };
    let end = Number.POSITIVE_INFINITY;
    reading: for await (const part of this.history.commits(taskId)) {
      for (const commit of part) {
        applySnapshots(commit.sequence);
        if (!isUpTo(asOf, commit)) {
          end = commit.sequence;
          break reading;
        }
        const change = applyTaskCommit(status, commit);
        if (change.status === null) throw gone(taskId, commit.at);
        ({ status } = change);
        ended.add(change.completed);
        ({ at } = commit);
      }
    }
    applySnapshots(end);
    if (!status) throw new NotFound(`The task ${taskId} did not exist yet`, { code: 'task-not-yet' });
    const now = 'instant' in asOf ? Math.min(asOf.instant, this.clock.now()) : at;
    return { status, ended: ended.records(), now };
  }
}

const gone = (taskId: string, at: number): NotFound =>
  new NotFound(`The task ${taskId} was deleted at ${new Date(at).toISOString()}`, { code: 'task-deleted' });
