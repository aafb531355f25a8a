import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, derivedId, EVENT_LOG, outsideOfRequests } from '@fornax/service-kit';
import { activeTraceparent, type Clock } from '@fornax/base';
import { taskDecider } from '@fornax/domain';
import { CommandRejected, decideAndAppend, type EventLog } from '@fornax/event-store';
import type { TaskRecord } from '../model/task-rows.js';
import type { TaskStatus } from '../model/task-status.js';
import { StoredTasks } from '../queries/stored-tasks.js';
import { StatusGate } from '../model/status-gate.js';

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
    @Inject(EVENT_LOG) private readonly log: EventLog,
    private readonly gate: StatusGate,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly stored: StoredTasks,
  ) {}

  /** Resolves once the rows do not show the tasks any more. @throws LogUnavailable */
  async delete(records: readonly TaskRecord[], reason: DeletionReason): Promise<void> {
    const tasks = await this.stored.statusesOf(records);
    const sequences = await outsideOfRequests(() => Promise.all(tasks.map((task) => this.deleteOne(task, reason))));
    await this.gate.passed(sequences.reduce((last, sequence) => Math.max(last, sequence), 0));
  }

  private async deleteOne({ taskId, fold, sequence }: TaskStatus, reason: DeletionReason): Promise<number> {
    const at = this.clock.now();
    const traceparent = activeTraceparent();
    try {
      const appended = await decideAndAppend({
        log: this.log,
        aggregate: 'task',
        id: taskId,
        decider: taskDecider,
        command: { type: 'DeleteTask', at },
        commitId: derivedId('delete', taskId, reason),
        meta: {
          actor: 'service:submission',
          onBehalfOf: `user:${fold.owner}`,
          reason: REASONS[reason],
          source: 'submission',
          correlationId: `${reason}:${taskId}`,
          ...(traceparent === undefined ? {} : { traceparent }),
        },
        at,
        loaded: { state: fold, sequence },
      });
      return appended.sequence;
    } catch (error) {
      // Its owner was faster.
      if (error instanceof CommandRejected) return 0;
      throw error;
    }
  }
}
