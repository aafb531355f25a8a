import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { NotFound } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { StatusGate } from '../commands/status-gate.js';
import { STATUS_COLUMNS, statusOf, type TaskRecord } from '../projections/task-rows.js';
import type { TaskStatus } from '../projections/task-status.js';

/** What an id or a shortname may consist of; anything else names nothing, and need not be asked for. */
const isName = (id: string): boolean => /^[A-Za-z0-9-]{1,255}$/.test(id);

/** Finds one task by its id or by the name its owner gave it. A task of somebody else is like none. */
@Injectable()
export class TaskLookup {
  constructor(
    @InjectDataSource('submission') private readonly db: DataSource,
    private readonly gate: StatusGate,
  ) {}

  /** @throws NotFound also for a task that is being deleted (contract, 5.22) */
  async find(owner: string, id: string): Promise<TaskStatus> {
    const found = isName(id) ? ((await this.read(owner, id)) ?? (await this.readAgain(owner, id))) : undefined;
    if (!found || found.fold.deleteRequested) throw new NotFound(`No such task: ${id}`, { code: 'task-not-found' });
    return found;
  }

  /** The rows may be behind: a task that was accepted a moment ago by another process is found all the same. */
  private async readAgain(owner: string, id: string): Promise<TaskStatus | undefined> {
    await this.gate.caughtUp();
    return this.read(owner, id);
  }

  private async read(owner: string, id: string): Promise<TaskStatus | undefined> {
    const [record] = await this.db.query<TaskRecord[]>(
      `SELECT ${STATUS_COLUMNS} FROM task WHERE owner = $1 AND (task_id = $2 OR shortname = $2)
       ORDER BY task_id = $2 DESC, created_ms DESC LIMIT 1`,
      [owner, id],
    );
    return record && statusOf(record);
  }
}
