import { Injectable } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import type { DataSource } from 'typeorm';
import { InjectDatabase } from '../model/database.js';
import { PoolSlots, type AskedInstance, type EndedAttempt, type LeaseInFlight } from '../model/pool-slots.js';
import { StatusBarrier } from '../model/status-barrier.js';

/** Reads the leases of tasks, and of slots of pools, from the rows of their status. */
@Injectable()
export class TaskLeases {
  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly barrier: StatusBarrier,
    private readonly slots: PoolSlots,
  ) {}

  /** Those of the named leases that are in flight. */
  async inFlight(taskIds: readonly string[], leaseIds: readonly string[]): Promise<readonly LeaseInFlight[]> {
    const [ofTasks, ofSlots] = await Promise.all([
      this.db.query<LeaseInFlight[]>(
        `SELECT task_id AS "taskId", (entry->>0)::integer AS instance, entry->1->>'leaseId' AS "leaseId",
         (entry->1->>'attempt')::integer AS attempt, entry->1->>'node' AS node
       FROM task CROSS JOIN LATERAL jsonb_array_elements(fold->'inFlight') AS entry
       WHERE task_id = ANY($1::text[]) AND entry->1->>'leaseId' = ANY($2::text[])`,
        [taskIds, leaseIds],
      ),
      this.slots.inFlight(taskIds, leaseIds),
    ]);
    return [...ofTasks, ...ofSlots];
  }

  /** The attempts that ended those of the instances that are over. */
  async ended(instances: readonly AskedInstance[]): Promise<readonly EndedAttempt[]> {
    const rows = await this.db.query<(Omit<EndedAttempt, 'overAt'> & { readonly over_ms: string })[]>(
      `SELECT task_id AS "taskId", instance, attempt, node, coalesce(started_ms + wall_ms, ended_ms) AS over_ms
       FROM completed_instance
       JOIN (SELECT DISTINCT * FROM unnest($1::text[], $2::integer[]) AS c(task_id, instance)) AS asked USING (task_id, instance)`,
      [instances.map(({ taskId }) => taskId), instances.map(({ instance }) => instance)],
    );
    const ofTasks = rows.map(({ over_ms: overMs, ...attempt }) => ({ ...attempt, overAt: Number(overMs) }));
    return [...ofTasks, ...(await this.slots.ended(instances))];
  }

  /** Those of the tasks and pools that are over. */
  async endedAmong(taskIds: readonly string[]): Promise<ReadonlySet<string>> {
    const [rows, pools] = await Promise.all([
      this.db.query<{ task_id: string }[]>('SELECT task_id FROM task WHERE task_id = ANY($1) AND end_ms IS NOT NULL', [
        taskIds,
      ]),
      this.slots.endedAmong(taskIds),
    ]);
    return new Set([...rows.map((row) => row.task_id), ...pools]);
  }

  /** Waits, bounded, until the rows of tasks and pools are as new as the log is now. @returns whether they are */
  async caughtUp(): Promise<boolean> {
    const [tasks, pools] = await Promise.all([this.barrier.caughtUp(), this.slots.caughtUp()]);
    return tasks && pools;
  }

  /** Waits, bounded, until the rows show these commits of tasks and pools, which are in the order of the log. @param hasTime nobody waits for it */
  async passed(commits: readonly RecordedCommit[], hasTime = false): Promise<void> {
    const task = commits.findLast(({ aggregate }) => aggregate === 'task')?.sequence;
    const pool = commits.findLast(({ aggregate }) => aggregate === 'pool')?.sequence;
    if (task !== undefined) await (hasTime ? this.barrier.passedInDueTime(task) : this.barrier.passed(task));
    if (pool !== undefined) await this.slots.passed(pool);
  }
}
