import { backoffMs, delay } from '@fornax/base';
import { isFoldError, LogUnavailable, sqlStateOf, type EventLog } from '@fornax/event-store';
import type { DataSource, EntityManager } from 'typeorm';
import { shadowSchema } from '../database/identifiers.js';
import { lockCheckpoint, readCheckpoint, writeCheckpoint } from '../projection/checkpoint.js';
import type { VersionedPosition } from '../projection/row-version.js';
import {
  type NamedTasks,
  type Position,
  type Projection,
  ProjectionOutOfDate,
  type RebuildReport,
  type TableDifference,
} from '../projection/projection.js';
import { RebuildRefused, shortfallOf } from './shortfall.js';
import { forgetProgress, readProgress, writeProgress } from './rebuild-progress.js';
import { type StoppedAggregate, keyOf, replaceStopped, writeCarefully } from '../projection/stopped-aggregates.js';
import {
  compareWithShadow,
  countRows,
  createShadows,
  dropShadows,
  enterShadow,
  swapShadows,
  tasksOnlyLive,
} from './shadow-tables.js';

export interface RebuildTarget {
  readonly log: EventLog;
  readonly db: DataSource;
  readonly schema: string;
  readonly projection: Projection;
}

/** The live rows were held by somebody else for as long as a rebuild waits for its last step. */
export class ProjectionBusy extends Error {
  constructor(projection: string, options?: ErrorOptions) {
    super(
      `projection ${projection} was held by another transaction for ${LOCK_TIMEOUT}: nothing was changed, try again`,
      options,
    );
    this.name = 'ProjectionBusy';
  }
}

/** Somebody rebuilds this projection already. */
export class RebuildInProgress extends Error {
  constructor(projection: string) {
    super(`projection ${projection} is being rebuilt already`);
    this.name = 'RebuildInProgress';
  }
}

const BATCH = 2_000;
/** Commits that may be left for the last step, during which the live projection stands still. */
const SMALL_GAP = 500;
const LOCK_TIMEOUT = '5s';
/** What PostgreSQL says when a lock was not to be had in that time. */
const LOCK_NOT_AVAILABLE = '55P03';

export interface RebuildOptions {
  /** Only compare, and leave the live rows alone. */
  readonly verify: boolean;
  /** Compare also when the live rows are of another log, or of a part that this one does not have: what is only live is what would be lost. */
  readonly otherLog?: boolean;
  /** Also where the log knows less than the rows: an operator says that they may be lost. */
  readonly force?: boolean;
  /** Go on with what an earlier process folded, and leave what is folded for a later one when this one ends. Default: begin anew. */
  readonly resume?: boolean;
  /** Ends it after the batch in hand, with its reason. */
  readonly signal?: AbortSignal;
  /** Told after each batch: the sequence that is folded, and the one to reach. */
  readonly onProgress?: (sequence: number, of: number) => void;
  /** Told why it waits, each time it looks again in vain. */
  readonly onWait?: (why: string) => void;
}

/** Folds the log into the shadow tables and counts. */
class ShadowFold {
  position = 0;
  events = 0;
  /** Aggregates that the fold throws on; a rebuild begins without any. */
  readonly stopped: StoppedAggregate[] = [];
  private epoch = '';

  constructor(
    private readonly target: RebuildTarget,
    private readonly options: RebuildOptions,
  ) {}

  /** Makes the tables, or finds those that an earlier process left. */
  async begin(): Promise<void> {
    const { log, db, schema, projection } = this.target;
    const head = await log.head();
    this.epoch = head.epoch;
    await db.transaction(async (tx) => {
      const left = this.options.resume === true ? await readProgress(tx, schema, projection, head) : undefined;
      if (left === undefined) {
        await createShadows(tx, schema, projection.tables);
        await writeProgress(tx, schema, projection, this.epoch, { sequence: 0, stopped: [] });
        return;
      }
      this.position = left.sequence;
      this.stopped.push(...left.stopped);
    });
  }

  /** Waits while the log cannot be read, as where a part of it is in the archive and that is away. */
  async upTo(sequence: number): Promise<void> {
    const { signal, onWait } = this.options;
    for (let failures = 1; ; failures += 1) {
      try {
        return await this.readUpTo(sequence);
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
        onWait?.(error.message);
        await delay(backoffMs(failures), signal);
        signal?.throwIfAborted();
      }
    }
  }

  private async readUpTo(sequence: number): Promise<void> {
    const { log, db, schema, projection } = this.target;
    const { aggregates } = projection;
    const { signal, onProgress } = this.options;
    // Damage is looked at before anything is swapped: until then it only shows what would be left.
    const wanted = { from: this.position + 1, to: sequence, aggregates, maxBatch: BATCH, despiteDamage: true };
    for await (const batch of log.read(wanted)) {
      signal?.throwIfAborted();
      const out = new Set(this.stopped.map(keyOf));
      const fresh = batch.filter((commit) => !out.has(keyOf(commit)));
      const last = batch.at(-1)?.sequence ?? this.position;
      const write = (use: (tx: EntityManager) => Promise<readonly StoppedAggregate[]>) =>
        db.transaction(async (tx) => {
          await enterShadow(tx, schema);
          const more = await use(tx);
          const progress = { sequence: last, stopped: [...this.stopped, ...more] };
          await writeProgress(tx, schema, projection, this.epoch, progress);
          return more;
        });
      const stopped = await write(async (tx) => {
        if (fresh.length > 0) await projection.write(tx, fresh);
        return [];
      }).catch((error: unknown) => {
        if (!isFoldError(error)) throw error;
        return write((tx) => writeCarefully(tx, projection, fresh, new Set(out)));
      });
      this.stopped.push(...stopped);
      this.position = last;
      onProgress?.(last, sequence);
      this.events += batch.reduce((sum, commit) => sum + commit.events.length, 0);
    }
    this.position = Math.max(this.position, sequence);
  }
}

/** Where the live rows stand, if they can be compared with what this program folds from this log at all. */
const isComparableTo = (checkpoint: VersionedPosition, head: Position, { version }: Projection): boolean =>
  checkpoint.epoch === head.epoch && checkpoint.sequence <= head.sequence && checkpoint.version === version;

const foldToCheckpoint = async ({ log, db, projection }: RebuildTarget, fold: ShadowFold): Promise<void> => {
  for (;;) {
    const head = await log.head();
    const checkpoint = await readCheckpoint(db.manager, projection, head.epoch);
    const goal = isComparableTo(checkpoint, head, projection) ? checkpoint.sequence : head.sequence;
    if (goal - fold.position <= SMALL_GAP && fold.position > 0) return;
    await fold.upTo(goal);
    if (goal <= SMALL_GAP) return;
  }
};

/** Runs `use` with the live checkpoint locked and the shadow tables folded up to exactly there. @throws ProjectionBusy */
const atSameSequence = async <T>(
  target: RebuildTarget,
  fold: ShadowFold,
  use: (tx: EntityManager, position: Position, isComparable: boolean) => Promise<T>,
): Promise<T> =>
  target.db
    .transaction(async (tx) => {
      await tx.query(`SELECT set_config('lock_timeout', $1, true)`, [LOCK_TIMEOUT]);
      const checkpoint = await lockCheckpoint(tx, target.projection.name);
      const head = await target.log.head();
      const isComparable = checkpoint !== undefined && isComparableTo(checkpoint, head, target.projection);
      const position = isComparable ? checkpoint : head;
      // In transactions of their own: nobody else looks at the shadow tables.
      await fold.upTo(position.sequence);
      return use(tx, position, isComparable);
    })
    .catch((error: unknown) => {
      if (sqlStateOf(error) === LOCK_NOT_AVAILABLE) throw new ProjectionBusy(target.projection.name, { cause: error });
      throw error;
    });

interface Outcome {
  readonly position: Position;
  readonly rows: Readonly<Record<string, number>>;
  readonly differences: readonly TableDifference[];
  readonly tasks?: NamedTasks;
}

const countAll = async (
  tx: EntityManager,
  schema: string,
  tables: readonly string[],
): Promise<Record<string, number>> => {
  const rows: Record<string, number> = {};
  for (const table of tables) rows[table] = await countRows(tx, schema, table);
  return rows;
};

const verify = async (target: RebuildTarget, fold: ShadowFold, otherLog: boolean): Promise<Outcome> => {
  const { db, schema, projection } = target;
  const reader = db.createQueryRunner();
  try {
    const position = await atSameSequence(target, fold, async (_tx, stand, isComparable) => {
      if (!isComparable && !otherLog)
        throw new ProjectionOutOfDate(
          projection.name,
          'its rows come from another log or another version, so there is nothing to compare',
        );
      // A snapshot taken while both stand at the same sequence: the comparison itself keeps nobody waiting.
      await reader.startTransaction('REPEATABLE READ');
      await reader.query('SELECT 1');
      return stand;
    });
    const differences: TableDifference[] = [];
    for (const table of projection.tables) {
      const difference = await compareWithShadow(reader.manager, schema, table);
      if (difference.onlyLive + difference.onlyRebuilt > 0) differences.push(difference);
    }
    const { manager } = reader;
    const tasks = await tasksOnlyLive(manager, schema, projection.tables);
    return { position, rows: await countAll(manager, shadowSchema(schema), projection.tables), differences, tasks };
  } finally {
    if (reader.isTransactionActive) await reader.rollbackTransaction();
    await reader.release();
  }
};

/** @throws RebuildRefused the log knows less than the live rows, whose checkpoint this transaction holds */
const checkNothingIsLost = async (tx: EntityManager, { log, schema, projection }: RebuildTarget): Promise<void> => {
  const checkpoint = await lockCheckpoint(tx, projection.name);
  const shortfall = checkpoint && shortfallOf(checkpoint, await log.head(), log.damagedPlaces());
  if (shortfall === undefined) return;
  const now = await countAll(tx, schema, projection.tables);
  const left = await countAll(tx, shadowSchema(schema), projection.tables);
  const losses = projection.tables.map((table) => ({ table, rows: now[table] ?? 0, left: left[table] ?? 0 }));
  const tasks = await tasksOnlyLive(tx, schema, projection.tables);
  throw new RebuildRefused(projection.name, shortfall, losses, tasks);
};

const swap = (target: RebuildTarget, fold: ShadowFold, force: boolean): Promise<Outcome> => {
  const { schema, projection } = target;
  return atSameSequence(target, fold, async (tx, position, isComparable) => {
    if (!force) await checkNothingIsLost(tx, target);
    const rows = await countAll(tx, shadowSchema(schema), projection.tables);
    await swapShadows(tx, schema, projection.tables);
    await replaceStopped(tx, projection.name, fold.stopped);
    if (!isComparable) await writeCheckpoint(tx, projection, position);
    await forgetProgress(tx, schema, projection.name);
    return { position, rows, differences: [] };
  });
};

/** Holds a session's advisory lock while `use` runs. */
const exclusively = async <T>(target: RebuildTarget, use: () => Promise<T>): Promise<T> => {
  const { db, schema, projection } = target;
  const holder = db.createQueryRunner();
  const name = `fornax-rebuild/${schema}/${projection.name}`;
  try {
    const [row] = (await holder.query('SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS locked', [
      name,
    ])) as readonly { readonly locked: boolean }[];
    if (row?.locked !== true) throw new RebuildInProgress(projection.name);
    try {
      return await use();
    } finally {
      await holder.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [name]);
    }
  } finally {
    await holder.release();
  }
};

/**
 * Rebuilds a projection beside the live one (see `ProjectionRunner.rebuild`). Uses up to four connections of the pool.
 * @throws RebuildInProgress
 * @throws ProjectionBusy
 * @throws RebuildRefused the log knows less than the live rows, and nobody said that they may be lost
 * @throws ProjectionOutOfDate `verify`, but the live rows come from another log
 */
export const rebuildProjection = (target: RebuildTarget, options: RebuildOptions): Promise<RebuildReport> =>
  exclusively(target, async () => {
    const { db, schema, projection } = target;
    const startedAt = performance.now();
    const fold = new ShadowFold(target, options);
    let isOver = false;
    try {
      await fold.begin();
      await foldToCheckpoint(target, fold);
      const foldedIn = (performance.now() - startedAt) / 1_000;
      const { position, rows, differences, tasks } = await (options.verify
        ? verify(target, fold, options.otherLog === true)
        : swap(target, fold, options.force === true));
      isOver = true;
      return {
        rows,
        differences,
        ...(tasks === undefined ? {} : { tasks }),
        events: fold.events,
        seconds: foldedIn,
        eventsPerSecond: Math.round(fold.events / Math.max(foldedIn, 0.001)),
        sequence: position.sequence,
        swapped: !options.verify,
      };
    } finally {
      if (isOver || options.resume !== true) {
        await dropShadows(db.manager, schema, projection.tables);
        await forgetProgress(db.manager, schema, projection.name);
      }
    }
  });
