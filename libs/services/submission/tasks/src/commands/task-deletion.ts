import { Injectable } from '@nestjs/common';
import { outsideOfRequests } from '@fornax/service-kit';
import { derivedId, activeTraceparent } from '@fornax/base';
import type { CancelCause } from '@fornax/domain';
import { CommandRejected } from '@fornax/event-store';
import type { TaskRecord } from '../model/task-rows.js';
import type { TaskStatus } from '../model/task-status.js';
import { StoredTasks } from '../queries/stored-tasks.js';
import { TaskCommits } from './task-commits.js';
import { StatusBarrier } from '../model/status-barrier.js';

/** Why the platform ends or deletes a task by itself. */
type DeletionReason = 'time-to-live' | 'auto-delete' | 'job-deleted';

const REASONS: Readonly<Record<DeletionReason | CancelCause, string>> = {
  'time-to-live': 'its time after completion is over',
  'auto-delete': 'its owner needed its place for a new task',
  'job-deleted': 'its job was deleted',
  'job-terminated': 'its job was terminated',
  'job-wall-time': 'the time of its job was over',
  'pool-deleted': 'its pool was deleted',
  'budget-exhausted': 'a budget of its project is used up',
};

type Ending =
  | { readonly type: 'DeleteTask'; readonly reason: DeletionReason }
  | { readonly type: 'CancelTask'; readonly reason: CancelCause };

/** Deletes and cancels tasks on behalf of their owners. Safe to repeat and to do from several processes: one deletion reaches the log. */
@Injectable()
export class TaskDeletion {
  constructor(
    private readonly commits: TaskCommits,
    private readonly barrier: StatusBarrier,
    private readonly stored: StoredTasks,
  ) {}

  /** Resolves once the rows do not show the tasks any more. @returns false: they still do @throws LogUnavailable */
  delete(records: readonly TaskRecord[], reason: DeletionReason): Promise<boolean> {
    return this.all(records, { type: 'DeleteTask', reason });
  }

  /** Resolves once the rows show that the tasks are being cancelled. What is over already stays as it is. @returns false: they do not yet @throws LogUnavailable */
  cancel(records: readonly TaskRecord[], reason: CancelCause): Promise<boolean> {
    return this.all(records, { type: 'CancelTask', reason });
  }

  private async all(records: readonly TaskRecord[], ending: Ending): Promise<boolean> {
    const tasks = await this.stored.statusesOf(records);
    const sequences = await outsideOfRequests(() => Promise.all(tasks.map((task) => this.one(task, ending))));
    return this.barrier.passed(sequences.reduce((last, sequence) => Math.max(last, sequence), 0));
  }

  private async one({ taskId, fold, sequence }: TaskStatus, ending: Ending): Promise<number> {
    const { type, reason } = ending;
    const traceparent = activeTraceparent();
    try {
      return await this.commits.decide({
        id: taskId,
        command: type === 'DeleteTask' ? { type } : { type, because: ending.reason },
        commitId: derivedId(type === 'DeleteTask' ? 'delete' : 'cancel', taskId, reason),
        meta: {
          actor: 'service:submission',
          onBehalfOf: `user:${fold.owner}`,
          reason: REASONS[reason],
          source: 'submission',
          correlationId: `${reason}:${taskId}`,
          ...(traceparent === undefined ? {} : { traceparent }),
        },
        loaded: { state: fold, sequence },
      });
    } catch (error) {
      // Its owner was faster, or it has ended by itself.
      if (error instanceof CommandRejected) return 0;
      throw error;
    }
  }
}
