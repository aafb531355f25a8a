import { Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { InjectDatabase } from '../model/database.js';
import { STATUS_COLUMNS, type TaskRecord } from '../model/task-rows.js';
import type { TaskStatus } from '../model/task-status.js';
import { StoredTasks } from './stored-tasks.js';

/** Instances of a pool's tasks that are not over. */
export interface PoolLoad {
  readonly waiting: number;
  readonly running: number;
}

const MAX_LIST = 10_000;

/** Reads what tasks there are in pools. */
@Injectable()
export class PoolTasks {
  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly stored: StoredTasks,
  ) {}

  /** What the pools have to do, by their ids; those without any tasks are left out. */
  async loads(poolIds: readonly string[]): Promise<ReadonlyMap<string, PoolLoad>> {
    if (poolIds.length === 0) return new Map();
    const rows = await this.db.query<{ pool_id: string; open: string; running: string }[]>(
      `SELECT spec->>'poolUuid' AS pool_id, sum(total_instances - ended_instances) AS open, sum(running_instances) AS running
       FROM task WHERE spec->>'poolUuid' = ANY($1::text[]) AND end_ms IS NULL GROUP BY 1`,
      [poolIds],
    );
    return new Map(
      rows.map((row) => [
        row.pool_id,
        { running: Number(row.running), waiting: Number(row.open) - Number(row.running) },
      ]),
    );
  }

  /** The tasks of a pool, newest first. */
  async of(poolId: string): Promise<readonly TaskStatus[]> {
    const records = await this.db.query<TaskRecord[]>(
      `SELECT ${STATUS_COLUMNS} FROM task WHERE spec->>'poolUuid' = $1
       ORDER BY created_ms DESC, task_id DESC LIMIT ${MAX_LIST}`,
      [poolId],
    );
    return this.stored.statusesOf(records);
  }

  /** Ids of the tasks of a pool that were there at some time from one moment to another. @param limit most that are given */
  async between(poolId: string, from: number, to: number, limit: number): Promise<readonly string[]> {
    const rows = await this.db.query<{ task_id: string }[]>(
      `SELECT task_id FROM task WHERE spec->>'poolUuid' = $1 AND created_ms < $3 AND (end_ms IS NULL OR end_ms >= $2)
       ORDER BY created_ms DESC LIMIT $4`,
      [poolId, from, to, limit],
    );
    return rows.map((row) => row.task_id);
  }

  /** How many of a pool's tasks are not over. */
  async openIn(poolId: string): Promise<number> {
    const [row] = await this.db.query<{ open: string }[]>(
      `SELECT count(*) AS open FROM task WHERE spec->>'poolUuid' = $1 AND end_ms IS NULL`,
      [poolId],
    );
    return Number(row?.open ?? 0);
  }
}
