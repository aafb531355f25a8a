import { Inject, Injectable } from '@nestjs/common';
import type { EventLog } from '@fornax/event-store';
import { EVENT_LOG } from '@fornax/service-kit';
import { AccountDirectory, type Account } from '@fornax/identity';
import { NotFound } from '@fornax/base';
import type { DataSource } from 'typeorm';
import { InjectDatabase } from '../model/database.js';
import { isIdOrName } from '../model/ids-and-names.js';
import { objectInLog, type KnownObject } from '../model/known-objects.js';

/**
 * Finds tasks whose history is asked for, deleted ones too: the rows forget those, the log does not. A deleted task is found by its id
 * alone. A task of somebody else is like none, except to those who may look at it (`AccountDirectory.reaches`).
 */
@Injectable()
export class KnownTasks {
  constructor(
    @InjectDatabase() private readonly db: DataSource,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    private readonly accounts: AccountDirectory,
  ) {}

  /** @param id id or shortname @throws NotFound */
  async find(account: Account, id: string): Promise<KnownObject> {
    const known = isIdOrName(id)
      ? ((await this.inRows(account, id)) ?? (await objectInLog(this.log, 'task', id)))
      : undefined;
    if (!known || !this.accounts.reaches(account, known.owner, 'look', known.projectUuid))
      throw new NotFound(`No such task: ${id}`, { code: 'task-not-found' });
    return known;
  }

  /** Owners of those of the tasks that still exist. */
  async ownersOf(taskIds: readonly string[]): Promise<readonly KnownObject[]> {
    const rows = await this.db.query<{ task_id: string; owner: string }[]>(
      'SELECT task_id, owner FROM task WHERE task_id = ANY($1)',
      [taskIds],
    );
    return rows.map((row) => ({ id: row.task_id, owner: row.owner }));
  }

  private async inRows(account: Account, id: string): Promise<KnownObject | undefined> {
    const [row] = await this.db.query<{ task_id: string; owner: string; project_uuid: string | null }[]>(
      `SELECT task_id, owner, spec->>'projectUuid' AS project_uuid FROM task WHERE (task_id = $2 AND (owner = $1 OR $3)) OR (owner = $1 AND shortname = $2)
       ORDER BY task_id = $2 DESC, created_ms DESC LIMIT 1`,
      [account.id, id, this.accounts.seesOthers(account)],
    );
    return row && { id: row.task_id, owner: row.owner, projectUuid: row.project_uuid ?? undefined };
  }
}
