import { Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { InjectDatabase } from '../model/database.js';

/** A lease of a task that is in flight. */
export interface LeaseInFlight {
  readonly taskId: string;
  readonly leaseId: string;
  readonly instance: number;
  readonly attempt: number;
  readonly node: string;
}

/** The attempt that ended an instance. */
export interface EndedAttempt {
  readonly taskId: string;
  readonly instance: number;
  readonly attempt: number;
  readonly node: string;
  /** When its command was over, milliseconds. */
  readonly overAt: number;
}

/** Reads the leases of tasks from the rows of the status. */
@Injectable()
export class TaskLeases {
  constructor(@InjectDatabase() private readonly db: DataSource) {}

  /** Those of the named leases that are in flight. */
  inFlight(taskIds: readonly string[], leaseIds: readonly string[]): Promise<readonly LeaseInFlight[]> {
    return this.db.query<LeaseInFlight[]>(
      `SELECT task_id AS "taskId", (entry->>0)::integer AS instance, entry->1->>'leaseId' AS "leaseId",
         (entry->1->>'attempt')::integer AS attempt, entry->1->>'node' AS node
       FROM task CROSS JOIN LATERAL jsonb_array_elements(fold->'inFlight') AS entry
       WHERE task_id = ANY($1::text[]) AND entry->1->>'leaseId' = ANY($2::text[])`,
      [taskIds, leaseIds],
    );
  }

  /** The attempts that ended those of the instances that are over. */
  async ended(
    instances: readonly { readonly taskId: string; readonly instance: number }[],
  ): Promise<readonly EndedAttempt[]> {
    const rows = await this.db.query<(Omit<EndedAttempt, 'overAt'> & { readonly over_ms: string })[]>(
      `SELECT task_id AS "taskId", instance, attempt, node, coalesce(started_ms + wall_ms, ended_ms) AS over_ms
       FROM completed_instance
       JOIN (SELECT DISTINCT * FROM unnest($1::text[], $2::integer[]) AS c(task_id, instance)) AS asked USING (task_id, instance)`,
      [instances.map(({ taskId }) => taskId), instances.map(({ instance }) => instance)],
    );
    return rows.map(({ over_ms: overMs, ...attempt }) => ({ ...attempt, overAt: Number(overMs) }));
  }

  /** Those of the tasks that are over. */
  async endedAmong(taskIds: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.db.query<{ task_id: string }[]>(
      'SELECT task_id FROM task WHERE task_id = ANY($1) AND end_ms IS NOT NULL',
      [taskIds],
    );
    return new Set(rows.map((row) => row.task_id));
  }
}
