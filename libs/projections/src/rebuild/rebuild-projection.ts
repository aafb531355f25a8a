import { isFoldError, type EventLog } from '@fornax/event-store';
import type { DataSource, EntityManager } from 'typeorm';
import { lockCheckpoint, readCheckpoint, writeCheckpoint } from '../checkpoint.js';
import {
  type Position,
  type Projection,
  ProjectionOutOfDate,
  type RebuildReport,
  type TableDifference,
} from '../projection.js';
import { type StoppedAggregate, keyOf, replaceStopped, writeCarefully } from '../stopped-aggregates.js';
import {
  compareWithShadow,
  countRows,
  createShadows,
  dropShadows,
  enterShadow,
  shadowSchema,
  swapShadows,
} from './shadow-tables.js';

export interface RebuildTarget {
  readonly log: EventLog;
  readonly db: DataSource;
  readonly schema: string;
  readonly projection: Projection;
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

/** Folds the log into the shadow tables and counts. */
class ShadowFold {
  position = 0;
  events = 0;
  /** Aggregates that the fold throws on; a rebuild begins without any. */
  readonly stopped: StoppedAggregate[] = [];

  constructor(private readonly target: RebuildTarget) {}

  async upTo(sequence: number): Promise<void> {
    const { log, db, schema, projection } = this.target;
    const { aggregates } = projection;
    for await (const batch of log.read({ from: this.position + 1, to: sequence, aggregates, maxBatch: BATCH })) {
      const out = new Set(this.stopped.map(keyOf));
      const fresh = batch.filter((commit) => !out.has(keyOf(commit)));
      const write = (use: (tx: EntityManager) => Promise<readonly StoppedAggregate[]>) =>
        db.transaction(async (tx) => {
          await enterShadow(tx, schema);
          return use(tx);
        });
      const stopped = await write(async (tx) => {
        if (fresh.length > 0) await projection.write(tx, fresh);
        return [];
      }).catch((error: unknown) => {
        if (!isFoldError(error)) throw error;
        return write((tx) => writeCarefully(tx, projection, fresh, new Set(out)));
      });
      this.stopped.push(...stopped);
      this.events += batch.reduce((sum, commit) => sum + commit.events.length, 0);
    }
    this.position = Math.max(this.position, sequence);
  }
}

/** Where the live tables stand, if that can be compared with this log at all. */
const isOfLog = (checkpoint: Position, head: Position): boolean =>
  checkpoint.epoch === head.epoch && checkpoint.sequence <= head.sequence;

const foldToCheckpoint = async ({ log, db, projection }: RebuildTarget, fold: ShadowFold): Promise<void> => {
  for (;;) {
    const head = await log.head();
    const checkpoint = await readCheckpoint(db.manager, projection.name, head.epoch);
    const goal = isOfLog(checkpoint, head) ? checkpoint.sequence : head.sequence;
    if (goal - fold.position <= SMALL_GAP && fold.position > 0) return;
    await fold.upTo(goal);
    if (goal <= SMALL_GAP) return;
  }
};

/** Runs `use` with the live checkpoint locked and the shadow tables folded up to exactly there. */
const atSameSequence = async <T>(
  target: RebuildTarget,
  fold: ShadowFold,
  use: (tx: EntityManager, position: Position, isComparable: boolean) => Promise<T>,
): Promise<T> =>
  target.db.transaction(async (tx) => {
    await tx.query(`SELECT set_config('lock_timeout', $1, true)`, [LOCK_TIMEOUT]);
    const checkpoint = await lockCheckpoint(tx, target.projection.name);
    const head = await target.log.head();
    const isComparable = checkpoint !== undefined && isOfLog(checkpoint, head);
    const position = isComparable ? checkpoint : head;
    // In transactions of their own: nobody else looks at the shadow tables.
    await fold.upTo(position.sequence);
    return use(tx, position, isComparable);
  });

interface Outcome {
  readonly position: Position;
  readonly rows: Readonly<Record<string, number>>;
  readonly differences: readonly TableDifference[];
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

const verify = async (target: RebuildTarget, fold: ShadowFold): Promise<Outcome> => {
  const { db, schema, projection } = target;
  const reader = db.createQueryRunner();
  try {
    const position = await atSameSequence(target, fold, async (_tx, stand, isComparable) => {
      if (!isComparable)
        throw new ProjectionOutOfDate(
          projection.name,
          'its rows come from another log, so there is nothing to compare',
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
    return { position, rows: await countAll(reader.manager, shadowSchema(schema), projection.tables), differences };
  } finally {
    if (reader.isTransactionActive) await reader.rollbackTransaction();
    await reader.release();
  }
};

const swap = (target: RebuildTarget, fold: ShadowFold): Promise<Outcome> => {
  const { schema, projection } = target;
  return atSameSequence(target, fold, async (tx, position, isComparable) => {
    const rows = await countAll(tx, shadowSchema(schema), projection.tables);
    await swapShadows(tx, schema, projection.tables);
    await replaceStopped(tx, projection.name, fold.stopped);
    if (!isComparable) await writeCheckpoint(tx, projection.name, position);
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
 * @throws ProjectionOutOfDate `verify`, but the live rows come from another log
 */
export const rebuildProjection = (
  target: RebuildTarget,
  options: { readonly verify: boolean },
): Promise<RebuildReport> =>
  exclusively(target, async () => {
    const { db, schema, projection } = target;
    const startedAt = performance.now();
    const fold = new ShadowFold(target);
    try {
      await db.transaction((tx) => createShadows(tx, schema, projection.tables));
      await foldToCheckpoint(target, fold);
      const foldedIn = (performance.now() - startedAt) / 1_000;
      const { position, rows, differences } = await (options.verify ? verify(target, fold) : swap(target, fold));
      return {
        rows,
        differences,
        events: fold.events,
        seconds: foldedIn,
        eventsPerSecond: Math.round(fold.events / Math.max(foldedIn, 0.001)),
        sequence: position.sequence,
        swapped: !options.verify,
      };
    } finally {
      await dropShadows(db.manager, schema, projection.tables);
    }
  });
