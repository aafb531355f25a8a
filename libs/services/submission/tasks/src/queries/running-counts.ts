import { Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { InjectDatabase } from '../model/database.js';
import { PoolSlots } from '../model/pool-slots.js';
import { byOwnerAndPlan, runningOf, type RunningOf, type RunningRow } from '../model/running.js';

export interface TaskCounts {
  readonly tasks: number;
  readonly runningTasks: number;
}

// What runs in a slot has no room of its own.
const RUNNING = `SELECT owner, plan, sum(running_instances) AS instances, sum(running_cores) AS cores FROM task
  WHERE owner = ANY($1) AND end_ms IS NULL AND running_instances > 0 AND spec->>'poolUuid' IS NULL GROUP BY owner, plan`;
const TASKS = `SELECT
  (SELECT tasks FROM task_count WHERE owner = $1) AS tasks,
  (SELECT count(*) FROM task WHERE owner = $1 AND end_ms IS NULL AND running_instances > 0) AS running`;

/** Counters of the tasks that there are, and of the instances and slots that run, from the status. */
@Injectable()
export class RunningCounts {
  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly slots: PoolSlots,
  ) {}

  /** What counts against quotas: one item for each owner and plan that has something running. */
  async of(owners: readonly string[]): Promise<readonly RunningOf[]> {
    const [rows, slots] = await Promise.all([
      this.db.query<RunningRow[]>(RUNNING, [owners]),
      this.slots.running(owners),
    ]);
    return byOwnerAndPlan([...rows.map(runningOf), ...slots]);
  }

  async tasksOf(owner: string): Promise<TaskCounts> {
    const [row] = await this.db.query<{ tasks: string; running: string }[]>(TASKS, [owner]);
    return { tasks: Number(row?.tasks ?? 0), runningTasks: Number(row?.running ?? 0) };
  }
}
