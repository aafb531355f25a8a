import { Injectable } from '@nestjs/common';
import type { SchedulingPlan } from '@fornax/domain';
import type { DataSource } from 'typeorm';
import { InjectDatabase } from '../model/database.js';

/** What runs now. */
export interface Running {
  readonly instances: number;
  readonly cores: number;
}

const NOTHING: Running = { instances: 0, cores: 0 };
export const sumOf = (parts: readonly Running[]): Running =>
  parts.reduce(
    (sum, { instances, cores }) => ({ instances: sum.instances + instances, cores: sum.cores + cores }),
    NOTHING,
  );

/** What runs now of one owner in one plan. */
export interface RunningOf extends Running {
  readonly owner: string;
  readonly plan: SchedulingPlan;
}

export interface TaskCounts {
  readonly tasks: number;
  readonly runningTasks: number;
}

interface RunningRow {
  readonly owner: string;
  readonly plan: SchedulingPlan;
  readonly instances: string;
  readonly cores: string;
}

const RUNNING = `SELECT owner, plan, sum(running_instances) AS instances, sum(running_cores) AS cores
  FROM task WHERE owner = ANY($1) AND end_ms IS NULL AND running_instances > 0 GROUP BY owner, plan`;
const TASKS = `SELECT
  (SELECT tasks FROM task_count WHERE owner = $1) AS tasks,
  (SELECT count(*) FROM task WHERE owner = $1 AND end_ms IS NULL AND running_instances > 0) AS running`;

/** Counters of the tasks that there are and of what runs, from the status. */
@Injectable()
export class RunningCounts {
  constructor(@InjectDatabase() private readonly db: DataSource) {}

  /** One item for each owner and plan that has something running. */
  async of(owners: readonly string[]): Promise<readonly RunningOf[]> {
    const rows = await this.db.query<RunningRow[]>(RUNNING, [owners]);
    return rows.map(({ owner, plan, instances, cores }) => ({
      owner,
      plan,
      instances: Number(instances),
      cores: Number(cores),
    }));
  }

  async tasksOf(owner: string): Promise<TaskCounts> {
    const [row] = await this.db.query<{ tasks: string; running: string }[]>(TASKS, [owner]);
    return { tasks: Number(row?.tasks ?? 0), runningTasks: Number(row?.running ?? 0) };
  }
}
