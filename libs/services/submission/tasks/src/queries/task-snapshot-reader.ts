import { Inject, Injectable } from '@nestjs/common';
import type { WireTaskSummary } from '@fornax/contracts';
import { readPosition } from '@fornax/projections';
import { CLOCK } from '@fornax/service-kit';
import { Unavailable, type Clock } from '@fornax/base';
import type { DataSource, EntityManager } from 'typeorm';
import { StatusBarrier } from '../model/status-barrier.js';
import { inShort, SUMMARY_COLUMNS, summaryView, type SummaryRecord } from './task-summary.js';
import { InjectDatabase } from '../model/database.js';

/** Which tasks are meant; null means all. */
export interface TaskSelection {
  /** Account whose tasks they are; null: everybody's. */
  readonly owner: string | null;
  readonly tasks: readonly string[] | null;
}

/** A part of the tasks as they stand. */
export interface SnapshotPart {
  /** Everything up to here is in these rows. */
  readonly sequence: number;
  /** `sequence`: the last commit that the task's row shows. */
  readonly tasks: readonly (WireTaskSummary & { readonly sequence: number })[];
  readonly isLast: boolean;
}

const PART = 500;
const STATUS = 'status';

interface Row extends SummaryRecord {
  readonly version: string;
}
type Key = readonly [createdMs: string, taskId: string];

/** Reads somebody's tasks as they stand, newest first, a part at a time; no transaction outlives a part, however slow the reader is. */
@Injectable()
export class TaskSnapshotReader {
  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly barrier: StatusBarrier,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Rows and the checkpoint they stand at are read in one transaction each. A later part may stand at a later sequence than the first.
   * @throws Unavailable the rows were made from another log than `epoch`
   */
  async *read(filter: TaskSelection, epoch: string): AsyncGenerator<SnapshotPart> {
    await this.barrier.caughtUp();
    for (let after: Key | undefined, isLast = false; !isLast;) {
      const from = after;
      const [sequence, rows] = await this.db.transaction('REPEATABLE READ', async (tx) => [
        await checkpointOf(tx, epoch),
        await tasksOf(tx, filter, from),
      ]);
      const last = rows.at(-1);
      isLast = rows.length < PART;
      if (last) after = [last.created_ms, last.task_id];
      const now = this.clock.now();
      yield {
        sequence,
        isLast,
        tasks: rows.map((row) => ({ ...summaryView(inShort(row), now), sequence: Number(row.version) })),
      };
    }
  }
}

const checkpointOf = async (tx: EntityManager, epoch: string): Promise<number> => {
  const position = await readPosition(tx, STATUS);
  if (position?.epoch !== epoch)
    throw new Unavailable('The status of tasks is being rebuilt', { code: 'status-out-of-date' });
  return position.sequence;
};

const tasksOf = (tx: EntityManager, { owner, tasks }: TaskSelection, after: Key | undefined): Promise<Row[]> =>
  tx.query<Row[]>(
    `SELECT ${SUMMARY_COLUMNS}, version FROM task
     WHERE ($1::text IS NULL OR owner = $1) AND ($2::text[] IS NULL OR task_id = ANY($2))
       AND ($3::bigint IS NULL OR (created_ms, task_id) < ($3::bigint, $4::text))
     ORDER BY created_ms DESC, task_id DESC LIMIT ${PART}`,
    [owner, tasks, after?.[0] ?? null, after?.[1] ?? null],
  );
