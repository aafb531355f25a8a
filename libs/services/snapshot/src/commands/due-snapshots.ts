import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { derivedId } from '@fornax/base';
import { lastDue } from '@fornax/domain';
import type { DataSource } from 'typeorm';
import { duePlans, lastPeriodBegun, nextPlanDue, type DuePlan, type DueQuery } from '../projections/snapshot-plans.js';
import { findTaskRef } from '../projections/task-refs.js';
import { Placements } from './placements.js';
import { SnapshotOnce } from './snapshot-once.js';
import { configOf, snapshotIdOf } from './snapshot-of-task.js';

/** Finds the periodic snapshots that are due, and triggers them. */
@Injectable()
export class DueSnapshots {
  constructor(
    @InjectDataSource('snapshot') private readonly db: DataSource,
    private readonly placements: Placements,
    private readonly snapshots: SnapshotOnce,
  ) {}

  find(query: DueQuery): Promise<readonly DuePlan[]> {
    return duePlans(this.db, query);
  }

  /** When the next one is due; undefined: none. */
  next(passedOver: readonly string[]): Promise<number | undefined> {
    return nextPlanDue(this.db, passedOver);
  }

  /** When the interval began that began last, of any task; 0: none is planned. */
  lastBegun(): Promise<number> {
    return lastPeriodBegun(this.db);
  }

  /**
   * Triggers one that stands for all that were due until now. Safe to repeat, and in several processes: its id is made of its due time.
   * @returns false when nothing of the task runs
   * @throws Unavailable, Invalid
   */
  async take({ taskId, period }: Pick<DuePlan, 'taskId' | 'period'>, now: number): Promise<boolean> {
    const dueAt = lastDue(period, now);
    const task = await findTaskRef(this.db, taskId);
    if (dueAt === undefined || !task) return true;
    const parts = await this.placements.running(taskId);
    if (parts.length === 0) return false;
    const { owner } = task;
    const snapshotId = snapshotIdOf(taskId, dueAt, derivedId('periodic-snapshot', taskId, String(dueAt)));
    const facts = { snapshotId, taskId, owner, config: configOf({}, task), parts, dueAt };
    const who = { actor: 'service:snapshot', onBehalfOf: `user:${owner}`, correlationId: snapshotId } as const;
    await this.snapshots.trigger(facts, who);
    return true;
  }
}
