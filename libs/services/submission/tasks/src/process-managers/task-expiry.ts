import { Injectable } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import { withEvents } from '@fornax/event-store';
import { TaskDeletion } from '../commands/task-deletion.js';
import { StatusBarrier } from '../model/status-barrier.js';
import { STATUS_COLUMNS, type TaskRecord } from '../model/task-rows.js';
import { DueObjects } from './due-objects.js';

/** Events after which a task may be over. */
export const ENDS = ['InstancesConcluded', 'WaitingInstancesCancelled', 'WaitingInstancesExpired'] as const;
const isEnd = withEvents(...ENDS);

/** Deletes finished tasks when their `completionTimeToLive` is over (contract, 5.40). */
@Injectable()
export class TaskExpiry {
  private readonly wake: () => void;

  constructor(due: DueObjects, deletion: TaskDeletion, barrier: StatusBarrier) {
    this.wake = due.whenDue<TaskRecord>({
      table: 'task',
      dueAt: 'delete_at_ms',
      columns: STATUS_COLUMNS,
      barrier,
      end: async (tasks) => void (await deletion.delete(tasks, 'time-to-live')),
      failed: 'tasks whose time is over could not be deleted, trying again',
    });
  }

  /** Tasks may have ended: a due time may be new. */
  notice(batch: readonly RecordedCommit[]): void {
    if (batch.some(isEnd)) this.wake();
  }
}
