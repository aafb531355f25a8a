import type { BeforeApplicationShutdown, FactoryProvider, InjectionToken } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { EventLog } from '@fornax/event-store';
import { EVENT_LOG, LOGGER } from '@fornax/service-kit';
import { Invalid, type Logger } from '@fornax/base';
import type { DataSource, EntityManager } from 'typeorm';
import { Gathering } from './gathering.js';
import type { Reservation } from './reservation.js';
import { DATABASE } from '../model/database.js';

interface Held {
  readonly task_id: string;
  readonly is_outcome_unknown: boolean;
  readonly is_old: boolean;
  readonly is_shown: boolean;
}

export type ObjectKind = 'task' | 'job' | 'pool';

/** A kind of objects that users name; names of different kinds do not meet. */
export interface NamedKind {
  readonly kind: ObjectKind;
  /** The table that shows such objects, and its key. */
  readonly rows: { readonly table: string; readonly key: string };
  /** What the log knows of one; undefined when it has no such object. */
  readonly lifeOf: (log: EventLog, id: string) => Promise<'lives' | 'deleted' | undefined>;
}

export const shortnameTaken = (kind: ObjectKind, shortname: string): Invalid =>
  new Invalid(`The shortname ${shortname} is already used by another ${kind}`, { code: 'shortname-taken' });

/** A reservation of this age whose object is not in the log was left by a process that died: no request takes so long. */
const ABANDONED_AFTER_S = 60;
/** Each turn after the first means that somebody else changed the name meanwhile. */
const MAX_ATTEMPTS = 4;

interface Wanted {
  readonly owner: string;
  readonly shortname: string;
  readonly id: string;
}

/**
 * Keeps the names that users give their objects of one kind unique for each account, before the append. A reservation goes away with a refused
 * append, and a name may be taken again once its object is deleted. Until the answer is given, a repeated request of the same name goes on with
 * the first one's object: so a client that tries again after a crash makes one and learns its id (contract, 1.9).
 */
export class Shortnames implements BeforeApplicationShutdown {
  /** Tasks of requests that this process is carrying out: another request of their name is a second one, not the same one again. */
  private readonly begun = new Set<string>();
  /** Notes that answers do not wait for. */
  private readonly noting = new Set<Promise<void>>();
  private readonly confirming = new Gathering((taskIds: readonly string[]) => this.markConfirmed(taskIds));
  /** Whether the name was free and is now the task's. */
  private readonly adding = new Gathering((wanted: readonly Wanted[]) => this.add(wanted));

  constructor(
    private readonly db: DataSource,
    private readonly log: EventLog,
    private readonly logger: Logger,
    private readonly of: NamedKind,
  ) {}

  /** The names of deleted objects are free. */
  async forget(tx: EntityManager, ids: readonly string[]): Promise<void> {
    await tx.query('DELETE FROM shortname WHERE task_id = ANY($1)', [ids]);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.noting);
  }

  /**
   * @param mayContinue whether an unanswered request of this name may be taken for this one; a caller with a key of its own tells them apart
   * @throws Invalid when the account has an object of this name
   */
  async reserve(wanted: Wanted, mayContinue: boolean): Promise<Reservation> {
    const { owner, shortname, id } = wanted;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      if (await this.adding.one(wanted)) return this.begin(wanted, true);
      const held = await this.held(owner, shortname);
      // Freed between the two statements: the clean-up after a deletion runs beside us.
      if (held === undefined) continue;
      if (held.task_id === id) return this.ofSubmitted(id);
      if (held.is_outcome_unknown && mayContinue && !this.begun.has(held.task_id))
        return this.begin({ ...wanted, id: held.task_id }, false);
      if (!(await this.isGone(held))) break;
      if (await this.take(wanted, held.task_id)) return this.begin(wanted, true);
    }
    throw shortnameTaken(this.of.kind, shortname);
  }

  /** The name of an object that an earlier request has made, or may have: it stays that one's. */
  ofSubmitted(id: string): Reservation {
    return this.reserved({ id, isNew: false }, () => Promise.resolve());
  }

  private begin({ owner, shortname, id }: Wanted, isNew: boolean): Reservation {
    this.begun.add(id);
    return this.reserved({ id, isNew }, () => (isNew ? this.free(owner, shortname, id) : Promise.resolve()));
  }

  private reserved(of: Pick<Reservation, 'id' | 'isNew'>, free: () => Promise<void>): Reservation {
    const { id } = of;
    return {
      ...of,
      confirm: () => this.confirm(id),
      release: async () => {
        this.begun.delete(id);
        await free();
      },
      // The next request of this name goes on with the object.
      leaveUnknown: () => void this.begun.delete(id),
    };
  }

  /** From now on the name is taken. Here it is at once; other processes learn it from the row, a moment after the answer. */
  private confirm(id: string): void {
    const noted = this.confirming
      .one(id)
      .then(() => undefined)
      .catch((err: unknown) => this.logger.warn({ id, err }, 'the name of a new object could not be confirmed'))
      .finally(() => {
        this.begun.delete(id);
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
      `INSERT INTO shortname (kind, owner, shortname, task_id, is_outcome_unknown)
       SELECT $4, w.*, true FROM unnest($1::text[], $2::text[], $3::text[]) AS w(owner, shortname, task_id) ORDER BY owner, shortname
       ON CONFLICT DO NOTHING RETURNING owner, shortname, task_id`,
      [
        wanted.map(({ owner }) => owner),
        wanted.map(({ shortname }) => shortname),
        wanted.map(({ id }) => id),
        this.of.kind,
      ],
    );
    const keys = new Set(added.map((row) => JSON.stringify([row.owner, row.shortname, row.task_id])));
    // Of two equal wishes one was fulfilled.
    return wanted.map(({ owner, shortname, id }) => keys.delete(JSON.stringify([owner, shortname, id])));
  }

  private async held(owner: string, shortname: string): Promise<Held | undefined> {
    const { table, key } = this.of.rows;
    const [held] = await this.db.query<Held[]>(
      `SELECT task_id, is_outcome_unknown, reserved_at < now() - make_interval(secs => $4) AS is_old,
         EXISTS (SELECT FROM ${table} WHERE ${table}.${key} = shortname.task_id) AS is_shown
       FROM shortname WHERE kind = $1 AND owner = $2 AND shortname = $3`,
      [this.of.kind, owner, shortname, ABANDONED_AFTER_S],
    );
    return held;
  }

  private async free(owner: string, shortname: string, id: string): Promise<void> {
    await this.db.query('DELETE FROM shortname WHERE kind = $1 AND owner = $2 AND shortname = $3 AND task_id = $4', [
      this.of.kind,
      owner,
      shortname,
      id,
    ]);
  }

  private async take({ owner, shortname, id }: Wanted, from: string): Promise<boolean> {
    const [rows] = await this.db.query<[{ task_id: string }[], number]>(
      `UPDATE shortname SET task_id = $5, is_outcome_unknown = true, reserved_at = now()
       WHERE kind = $1 AND owner = $2 AND shortname = $3 AND task_id = $4 RETURNING task_id`,
      [this.of.kind, owner, shortname, from, id],
    );
    return rows.length > 0;
  }

  /** Only the log can tell a deleted object from one that the rows do not show yet. Rare: the name is taken, yet no row shows what has it. */
  private async isGone({ task_id: id, is_old: isOld, is_shown: isShown }: Held): Promise<boolean> {
    if (isShown) return false;
    const life = await this.of.lifeOf(this.log, id);
    return life === undefined ? isOld : life === 'deleted';
  }
}

/** Provides the names of one kind of objects under a token. */
export const provideShortnames = (provide: InjectionToken, of: NamedKind): FactoryProvider<Shortnames> => ({
  provide,
  inject: [getDataSourceToken(DATABASE), EVENT_LOG, LOGGER],
  useFactory: (db: DataSource, log: EventLog, logger: Logger) => new Shortnames(db, log, logger, of),
});
