import { Injectable } from '@nestjs/common';
import { AccountDirectory, type Account, type Need } from '@fornax/identity';
import { Forbidden, Gathered, NotFound, Unavailable } from '@fornax/base';
import type { DataSource } from 'typeorm';
import { StatusBarrier } from '../model/status-barrier.js';
import { STATUS_COLUMNS, type TaskRecord } from '../model/task-rows.js';
import type { TaskStatus } from '../model/task-status.js';
import { isId, isIdOrName } from '../model/ids-and-names.js';
import { StoredTasks } from './stored-tasks.js';
import { InjectDatabase } from '../model/database.js';

/** Statements under way for rows by their ids; whoever asks meanwhile is in the next one. */
const READS_AT_ONCE = 2;

/**
 * Finds one task by its id or by the name its owner gave it. A task of somebody else is like none, except to those who look after it and to members of its
 * project (`AccountDirectory.reaches`), and to them by its id.
 */
@Injectable()
export class TaskLookup {
  /** Rows that are asked for together are asked for once. */
  private readonly byId = new Gathered((ids: readonly string[]) => this.readIds(ids), { atOnce: READS_AT_ONCE });

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly barrier: StatusBarrier,
    private readonly accounts: AccountDirectory,
    private readonly stored: StoredTasks,
  ) {}

  /**
   * @param need what for; `own` is for its owner alone
   * @throws NotFound also for a task that is being deleted (contract, 5.22)
   * @throws Unavailable the rows are too far behind to say that there is none
   * @throws Forbidden it may be looked at, but not that
   */
  async find(account: Account, id: string, need: Need | 'own' = 'look'): Promise<TaskStatus> {
    const found = isIdOrName(id)
      ? ((await this.readNow(account, id)) ?? (await this.readAgain(account, id)))
      : undefined;
    if (!found || found.fold.deleteRequested || !this.reaches(account, found, 'look'))
      throw new NotFound(`No such task: ${id}`, { code: 'task-not-found' });
    if (found.fold.owner === account.id) return found;
    if (need === 'own' || !this.reaches(account, found, need))
      throw new Forbidden(`Only its owner may do this with task ${found.taskId}`, { code: 'not-the-owner' });
    return found;
  }

  /** Finds a task whose id the platform itself knows, whoever's it is; undefined when the rows do not show it, or it is being deleted. */
  async ofPlatform(taskId: string): Promise<TaskStatus | undefined> {
    const found = isId(taskId) ? await this.readAnybodys(taskId) : undefined;
    return found?.fold.deleteRequested === true ? undefined : found;
  }

  private reaches(account: Account, { fold: { owner, spec } }: TaskStatus, need: Need): boolean {
    return this.accounts.reaches(account, owner, need, spec.projectUuid);
  }

  /** Waits until what is found shows what was committed before, for a bounded time. */
  caughtUp(): Promise<boolean> {
    return this.barrier.caughtUp();
  }

  private async readNow(account: Account, id: string): Promise<TaskStatus | undefined> {
    const own = await this.read(account.id, id);
    return own ?? (isId(id) && this.accounts.seesOthers(account) ? this.readAnybodys(id) : undefined);
  }

  /**
   * The rows may be behind: a task that was accepted a moment ago by another process is found all the same.
   *
   * @throws Unavailable they stay behind, so nobody can say that there is no such task
   */
  private async readAgain(account: Account, id: string): Promise<TaskStatus | undefined> {
    const isCaughtUp = await this.barrier.caughtUp();
    const found = await this.readNow(account, id);
    if (found || isCaughtUp) return found;
    if (isId(id) && this.stored.isLogAsked) return this.stored.fromLog(id.toLowerCase());
    throw new Unavailable(`Whether there is a task ${id} cannot be said yet: what is shown is behind. Try again.`, {
      code: 'behind',
    });
  }

  private async readIds(ids: readonly string[]): Promise<readonly (TaskRecord | null)[]> {
    const sql = `SELECT ${STATUS_COLUMNS} FROM task WHERE task_id = ANY($1::text[])`;
    const records = await this.db.query<TaskRecord[]>(sql, [[...new Set(ids)]]);
    const found = new Map(records.map((record) => [record.task_id, record]));
    return ids.map((id) => found.get(id) ?? null);
  }

  private async readAnybodys(id: string): Promise<TaskStatus | undefined> {
    const sql = `SELECT ${STATUS_COLUMNS} FROM task WHERE task_id = $1`;
    const [record] = await this.db.query<TaskRecord[]>(sql, [id.toLowerCase()]);
    return record && this.stored.statusOf(record);
  }

  /** What looks like an id may also be the name of another task. */
  private async read(owner: string, id: string): Promise<TaskStatus | undefined> {
    const byId = isId(id) ? await this.byId.ask(id) : undefined;
    if (byId?.owner === owner) return this.stored.statusOf(byId);
    const [record] = await this.db.query<TaskRecord[]>(
      `SELECT ${STATUS_COLUMNS} FROM task WHERE owner = $1 AND (task_id = $2 OR shortname = $2)
       ORDER BY task_id = $2 DESC, created_ms DESC LIMIT 1`,
      [owner, id],
    );
    return record && this.stored.statusOf(record);
  }
}
