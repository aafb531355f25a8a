import { Inject, Injectable } from '@nestjs/common';
import { isStoredTaskState } from '@fornax/domain';
import type { EventLog } from '@fornax/event-store';
import { EVENT_LOG, ProjectionHost } from '@fornax/service-kit';
import { NotFound } from '@fornax/base';
import { TaskAsOf } from '../as-of/task-as-of.js';
import { statusOf, type TaskRecord } from '../model/task-rows.js';
import type { TaskStatus } from '../model/task-status.js';

/** Tasks folded from the log at once, when many are asked for. */
const AT_ONCE = 8;

/**
 * Tasks as their rows hold them, or, where an earlier release stored the fold in its own format, as the log has them: slower, and as right for
 * answers and decisions. So a raised format stops nobody while the rows are folded anew (ADR 0029).
 */
@Injectable()
export class StoredTasks {
  constructor(
    private readonly past: TaskAsOf,
    private readonly host: ProjectionHost,
    @Inject(EVENT_LOG) private readonly log: EventLog,
  ) {}

  /** @returns undefined when the task was deleted since the row was written */
  async statusOf(record: TaskRecord): Promise<TaskStatus | undefined> {
    return isStoredTaskState(record.fold) ? statusOf(record) : this.fromLog(record.task_id);
  }

  /** In their order, without those that were deleted since. */
  async statusesOf(records: readonly TaskRecord[]): Promise<readonly TaskStatus[]> {
    const statuses: TaskStatus[] = [];
    for (let from = 0; from < records.length; from += AT_ONCE) {
      const found = await Promise.all(records.slice(from, from + AT_ONCE).map((record) => this.statusOf(record)));
      statuses.push(...found.filter((status) => status !== undefined));
    }
    return statuses;
  }

  /** Rows of an older version answer at present and do not move: what came since is in the log only. */
  get isLogAsked(): boolean {
    return this.host.isRebuilding('status');
  }

  /** @returns undefined when there is no such task, or none any more */
  async fromLog(taskId: string): Promise<TaskStatus | undefined> {
    try {
      const { sequence } = await this.log.head();
      return (await this.past.read(taskId, { sequence })).status;
    } catch (error) {
      if (error instanceof NotFound) return undefined;
      throw error;
    }
  }
}
