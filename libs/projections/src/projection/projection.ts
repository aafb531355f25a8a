import type { Aggregate, RecordedCommit } from '@fornax/contracts';
import type { EntityManager } from 'typeorm';

/**
 * A read model: how commits become rows. `write` runs inside the transaction that also moves the checkpoint, so its effect is exactly once.
 * It uses set-based SQL and unqualified table names: the connection's search_path decides where they lie, and a rebuild runs the same code
 * in another schema. It reads and writes nothing but `tables`, and an outbox of what is to be done in the world while its rows are the live ones.
 */
export interface Projection {
  /** Stable: it names the checkpoint. */
  readonly name: string;
  /**
   * Version of the rows, 1 at first; raised whenever `write` would give other rows for the same commits, what they store as JSON included. Rows of an
   * older version are folded again by themselves, beside the old ones, which are read until then.
   */
  readonly version: number;
  readonly aggregates: readonly Aggregate[];
  /**
   * Whether a commit of these aggregates may change a row. The others come by without a transaction: the checkpoint follows them later, and
   * they are read again after a restart. Default: all may. `write` is given others, too (by a rebuild, say), and does nothing for them.
   */
  readonly wants?: (commit: RecordedCommit) => boolean;
  /** The tables it fills, unqualified. No foreign keys between them, no sequences. */
  readonly tables: readonly string[];
  /** Least time between two transactions while nobody waits for one, milliseconds. Default 100; less where people watch the rows. */
  readonly paceMs?: number;
  write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void>;
}

/** How far a projection has come, in which log. */
export interface Position {
  readonly epoch: string;
  readonly sequence: number;
}

/** The difference between the live and the rebuilt rows of one table; both 0 when they are equal. */
export interface TableDifference {
  readonly table: string;
  /** Rows that only the live table has. */
  readonly onlyLive: number;
  readonly onlyRebuilt: number;
}

/** Tasks that are named to people: not all of many. */
export interface NamedTasks {
  readonly count: number;
  /** The first of them by their ids, 20 at most. */
  readonly ids: readonly string[];
}

export interface RebuildReport {
  /** Rows of each rebuilt table. */
  readonly rows: Readonly<Record<string, number>>;
  /** Tables that differ; only with `verify`, otherwise empty. */
  readonly differences: readonly TableDifference[];
  /** Tasks with rows that only the live tables have; only with `verify`. */
  readonly tasks?: NamedTasks;
  /** Events folded, and how long that took. */
  readonly events: number;
  readonly seconds: number;
  readonly eventsPerSecond: number;
  /** Sequence at which both stood when they were compared or swapped. */
  readonly sequence: number;
  /** The rebuilt tables have replaced the live ones. Never with `verify`. */
  readonly swapped: boolean;
}

/** A rebuild would give up what the rows know and this log does not, so it is not advised. */
export const OTHER_LOG = { advice: 'What to do: fornax log status' } as const;

/**
 * The log is another one than the checkpoint was counted in. The projection stops and must be rebuilt; going on would skip commits
 * silently.
 */
export class ProjectionOutOfDate extends Error {
  constructor(
    readonly projection: string,
    detail: string,
    {
      advice = `Rebuild it: fornax projection rebuild ${projection}`,
      ...options
    }: ErrorOptions & { readonly advice?: string } = {},
  ) {
    super(`projection ${projection}: ${detail}. ${advice}`, options);
    this.name = 'ProjectionOutOfDate';
  }
}
