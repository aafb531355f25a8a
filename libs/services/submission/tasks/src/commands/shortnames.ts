import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { loadAggregate, type EventLog } from '@fornax/event-store';
import { taskDecider } from '@fornax/domain';
import { EVENT_LOG, LOGGER } from '@fornax/service-kit';
import { Invalid, type Logger } from '@fornax/base';
import type { DataSource } from 'typeorm';
import { Gathering } from './gathering.js';
import type { Reservation } from './reservation.js';
import { InjectDatabase } from '../model/database.js';

interface Held {
  readonly task_id: string;
  readonly is_outcome_unknown: boolean;
  readonly is_old: boolean;
  readonly is_shown: boolean;
}

export const shortnameTaken = (shortname: string): Invalid =>
  new Invalid(`The shortname ${shortname} is already used by another task`, { code: 'shortname-taken' });

/** A reservation of this age whose task is not in the log was left by a process that died: no request takes so long. */
const ABANDONED_AFTER_S = 60;
/** Each turn after the first means that somebody else changed the name meanwhile. */
const MAX_ATTEMPTS = 4;

interface Wanted {
  readonly owner: string;
  readonly shortname: string;
  readonly taskId: string;
}

/**
 * Keeps the names that users give their tasks unique for each account, before the append. A reservation goes away with a refused append,
 * and a name may be taken again once its task is deleted. Until the answer is given, a repeated request of the same name goes on with the first
 * one's task: so a client that tries again after a crash makes one task and learns its id (contract, 1.9).
 */
@Injectable()
export class Shortnames implements BeforeApplicationShutdown {
  /** Tasks of requests that this process is carrying out: another request of their name is a second one, not the same one again. */
  private readonly begun = new Set<string>();
  /** Notes that answers do not wait for. */
  private readonly noting = new Set<Promise<void>>();
  private readonly confirming = new Gathering((taskIds: readonly string[]) => this.markConfirmed(taskIds));
  /** Whether the name was free and is now the task's. */
  private readonly adding = new Gathering((wanted: readonly Wanted[]) => this.add(wanted));

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.noting);
  }

  /**
   * @param mayContinue whether an unanswered request of this name may be taken for this one; a caller with a key of its own tells them apart
   * @throws Invalid when the account has a task of this name
   */
  async reserve(wanted: Wanted, mayContinue: boolean): Promise<Reservation> {
    const { owner, shortname, taskId } = wanted;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      if (await this.adding.one(wanted)) return this.begin(wanted, true);
      const held = await this.held(owner, shortname);
      // Freed between the two statements: the clean-up after a deletion runs beside us.
      if (held === undefined) continue;
      if (held.task_id === taskId) return this.ofSubmitted(taskId);
      if (held.is_outcome_unknown && mayContinue && !this.begun.has(held.task_id))
        return this.begin({ ...wanted, taskId: held.task_id }, false);
      if (!(await this.isGone(held))) break;
      if (await this.take(wanted, held.task_id)) return this.begin(wanted, true);
    }
    throw shortnameTaken(shortname);
  }

  /** The name of a task that an earlier request has submitted, or may have: it stays that one's. */
  ofSubmitted(taskId: string): Reservation {
    return this.reserved({ taskId, isNew: false }, () => Promise.resolve());
  }

  private begin({ owner, shortname, taskId }: Wanted, isNew: boolean): Reservation {
    this.begun.add(taskId);
    return this.reserved({ taskId, isNew }, () => (isNew ? this.free(owner, shortname, taskId) : Promise.resolve()));
  }

  private reserved(of: Pick<Reservation, 'taskId' | 'isNew'>, free: () => Promise<void>): Reservation {
    const { taskId } = of;
    return {
      ...of,
      confirm: () => this.confirm(taskId),
      release: async () => {
        this.begun.delete(taskId);
        await free();
      },
      // The next request of this name goes on with the task.
      leaveUnknown: () => void this.begun.delete(taskId),
    };
  }

  /** From now on the name is taken. Here it is at once; other processes learn it from the row, a moment after the answer. */
  private confirm(taskId: string): void {
    const noted = this.confirming
      .one(taskId)
      .then(() => undefined)
      .catch((err: unknown) => this.logger.warn({ taskId, err }, 'the name of a new task could not be confirmed'))
      .finally(() => {
        this.begun.delete(taskId);
        this.noting.delete(noted);
      });
    this.noting.add(noted);
  }

  private async markConfirmed(taskIds: readonly string[]): Promise<readonly true[]> {
    await this.db.query(
      'UPDATE shortname SET is_outcome_unknown = false WHERE task_id = ANY($1::text[]) AND is_outcome_unknown',
      [[...taskIds]],
    );
    return taskIds.map(() => true);
  }

  /** In the order of the names, so that two such statements never wait for each other. */
  private async add(wanted: readonly Wanted[]): Promise<readonly boolean[]> {
    const added = await this.db.query<{ owner: string; shortname: string; task_id: string }[]>(
      `INSERT INTO shortname (owner, shortname, task_id, is_outcome_unknown)
       SELECT w.*, true FROM unnest($1::text[], $2::text[], $3::text[]) AS w(owner, shortname, task_id) ORDER BY owner, shortname
       ON CONFLICT DO NOTHING RETURNING owner, shortname, task_id`,
      [wanted.map(({ owner }) => owner), wanted.map(({ shortname }) => shortname), wanted.map(({ taskId }) => taskId)],
    );
    const keys = new Set(added.map((row) => JSON.stringify([row.owner, row.shortname, row.task_id])));
    // Of two equal wishes one was fulfilled.
    return wanted.map(({ owner, shortname, taskId }) => keys.delete(JSON.stringify([owner, shortname, taskId])));
  }

  private async held(owner: string, shortname: string): Promise<Held | undefined> {
    const [held] = await this.db.query<Held[]>(
      `SELECT task_id, is_outcome_unknown, reserved_at < now() - make_interval(secs => $3) AS is_old,
         EXISTS (SELECT FROM task WHERE task.task_id = shortname.task_id) AS is_shown
       FROM shortname WHERE owner = $1 AND shortname = $2`,
      [owner, shortname, ABANDONED_AFTER_S],
    );
    return held;
  }

  private async free(owner: string, shortname: string, taskId: string): Promise<void> {
    await this.db.query('DELETE FROM shortname WHERE owner = $1 AND shortname = $2 AND task_id = $3', [
      owner,
      shortname,
      taskId,
    ]);
  }

  private async take({ owner, shortname, taskId }: Wanted, from: string): Promise<boolean> {
    const [rows] = await this.db.query<[{ task_id: string }[], number]>(
      'UPDATE shortname SET task_id = $4, is_outcome_unknown = true, reserved_at = now() WHERE owner = $1 AND shortname = $2 AND task_id = $3 RETURNING task_id',
      [owner, shortname, from, taskId],
    );
    return rows.length > 0;
  }

  /** Only the log can tell a deleted task from one that the rows do not show yet. Rare: the name is taken, yet no task shows it. */
  private async isGone({ task_id: taskId, is_old: isOld, is_shown: isShown }: Held): Promise<boolean> {
    if (isShown) return false;
    const { state } = await loadAggregate(this.log, 'task', taskId, taskDecider);
    return state.exists ? state.deleted : isOld;
  }
}
