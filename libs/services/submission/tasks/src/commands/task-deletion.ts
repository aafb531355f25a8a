import { Injectable } from '@nestjs/common';
import { outsideOfRequests } from '@fornax/service-kit';
import { derivedId, activeTraceparent } from '@fornax/base';
import { CommandRejected } from '@fornax/event-store';
import type { TaskRecord } from '../model/task-rows.js';
import type { TaskStatus } from '../model/task-status.js';
import { StoredTasks } from '../queries/stored-tasks.js';
import { TaskCommits } from './task-commits.js';
import { StatusBarrier } from '../model/status-barrier.js';

/** Why the platform deletes a task by itself: its time after completion is over, or its owner needs its place. */
export type DeletionReason = 'time-to-live' | 'auto-delete';

const REASONS: Readonly<Record<DeletionReason, string>> = {
  'time-to-live': 'its time after completion is over',
  'auto-delete': 'its owner needed its place for a new task',
};

/** Deletes tasks on behalf of their owners. Safe to repeat and to do from several processes: one deletion reaches the log. */
@Injectable()
export class TaskDeletion {
  constructor(
    private readonly commits: TaskCommits,
    private readonly barrier: StatusBarrier,
    private readonly stored: StoredTasks,
  ) {}

  /** Resolves once the rows do not show the tasks any more. @throws LogUnavailable */
  async delete(records: readonly TaskRecord[], reason: DeletionReason): Promise<void> {
    const tasks = await this.stored.statusesOf(records);
    const sequences = await outsideOfRequests(() => Promise.all(tasks.map((task) => this.deleteOne(task, reason))));
    await this.barrier.passed(sequences.reduce((last, sequence) => Math.max(last, sequence), 0));
  }

  private async deleteOne({ taskId, fold, sequence }: TaskStatus, reason: DeletionReason): Promise<number> {
    const traceparent = activeTraceparent();
    try {
      return await this.commits.decide({
        id: taskId,
        command: { type: 'DeleteTask' },
        commitId: derivedId('delete', taskId, reason),
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
      // Its owner was faster.
      if (error instanceof CommandRejected) return 0;
      throw error;
    }
  }
}
