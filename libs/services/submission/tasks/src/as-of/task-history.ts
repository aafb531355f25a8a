import { Inject, Injectable } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import type { TaskEvent } from '@fornax/domain';
import type { EventLog } from '@fornax/event-store';
import type { ReadBarrier } from '@fornax/projections';
import { EVENT_LOG, ReadBarriers } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { TASK_SNAPSHOTS } from './task-snapshots.projection.js';
import type { KnownObject } from '../model/known-objects.js';
import { wireEventsOf, type WireEvent } from './wire-event.js';
import { InjectDatabase } from '../model/database.js';

export interface HistoryPage {
  readonly events: readonly WireEvent[];
  /** `after` of the next page; null when there is none yet. */
  readonly next: number | null;
}

interface SnapshotRef {
  readonly sequence: number;
  readonly snapshotId: string;
}

/** A part of a task's commits that is held at once. */
const PART = 500;
/** Where a page ends although more was asked for, in characters of JSON. */
const MOST_CHARS = 1_000_000;

const isTaskCommit = (commit: RecordedCommit): commit is RecordedCommit<TaskEvent> => commit.aggregate === 'task';

/** Reads what happened to one task from the log, a part at a time, however long it is. */
@Injectable()
export class TaskHistory {
  private readonly snapshots: ReadBarrier;

  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @InjectDatabase() private readonly db: DataSource,
    barriers: ReadBarriers,
  ) {
    this.snapshots = barriers.of(TASK_SNAPSHOTS);
  }

  /** The task's own commits, in order, in parts. */
  async *commits(taskId: string): AsyncGenerator<readonly RecordedCommit<TaskEvent>[]> {
    for (let after = 0; ;) {
      const part = await this.commitsAfter(taskId, after, PART);
      const last = part.at(-1);
      if (last === undefined) return;
      yield part;
      if (part.length < PART) return;
      after = last.sequence;
    }
  }

  /** The task's own commits after a sequence, in order, `most` at once. */
  async commitsAfter(taskId: string, after: number, most: number): Promise<readonly RecordedCommit<TaskEvent>[]> {
    return (await this.log.readAggregate('task', taskId, after, most)).filter(isTaskCommit);
  }

  /** When snapshots of the task were completed: sequence and decider's time, in order. */
  async snapshotCompletions(taskId: string): Promise<readonly { readonly sequence: number; readonly at: number }[]> {
    await this.snapshots.caughtUp();
    const rows = await this.db.query<{ sequence: string; at_ms: string }[]>(
      'SELECT sequence, at_ms FROM task_snapshot_commit WHERE task_id = $1 AND is_completion ORDER BY sequence',
      [taskId],
    );
    return rows.map((row) => ({ sequence: Number(row.sequence), at: Number(row.at_ms) }));
  }

  /**
   * Events of the task, of its snapshots and of the secrets that its instances were given, in the order of the log. A commit is never torn: a page holds whole ones, at least one,
   * and none more once it has `limit` events or is large.
   */
  async page(task: KnownObject, after: number, limit: number): Promise<HistoryPage> {
    const { id: taskId } = task;
    const [own, given, refs] = await Promise.all([
      this.log.readAggregate('task', taskId, after, limit + 1),
      this.log.readAggregate('secret-access', taskId, after, limit + 1),
      this.snapshotRefs(taskId, after, limit + 1),
    ]);
    // Beyond the end of a list that was cut, the others do not tell the whole story.
    const lists: readonly (readonly { readonly sequence: number }[])[] = [own, given, refs];
    const ends = lists.flatMap((list) => (list.length > limit ? [list.at(-1)?.sequence ?? 0] : []));
    const known = Math.min(Number.POSITIVE_INFINITY, ...ends);
    const others = await this.snapshotCommits(refs, after);
    const merged = [...own, ...given, ...others]
      .filter(({ sequence }) => sequence <= known)
      .toSorted((a, b) => a.sequence - b.sequence);
    return pageOf(merged, task, limit);
  }

  /** Events of an aggregate that nothing else is told with, in the same pages. */
  async pageOf(aggregate: 'pool', about: KnownObject, after: number, limit: number): Promise<HistoryPage> {
    return pageOf(await this.log.readAggregate(aggregate, about.id, after, limit + 1), about, limit);
  }

  private async snapshotRefs(taskId: string, after: number, most: number): Promise<readonly SnapshotRef[]> {
    await this.snapshots.caughtUp();
    const rows = await this.db.query<{ sequence: string; snapshot_id: string }[]>(
      'SELECT sequence, snapshot_id FROM task_snapshot_commit WHERE task_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3',
      [taskId, after, most],
    );
    return rows.map((row) => ({ sequence: Number(row.sequence), snapshotId: row.snapshot_id }));
  }

  private async snapshotCommits(refs: readonly SnapshotRef[], after: number): Promise<readonly RecordedCommit[]> {
    const counts = new Map<string, number>();
    for (const { snapshotId } of refs) counts.set(snapshotId, (counts.get(snapshotId) ?? 0) + 1);
    const read = [...counts].map(([id, count]) => this.log.readAggregate('snapshot', id, after, count));
    return (await Promise.all(read)).flat();
  }
}

const pageOf = (commits: readonly RecordedCommit[], about: KnownObject, limit: number): HistoryPage => {
  const events: WireEvent[] = [];
  let chars = 0;
  for (const [index, commit] of commits.entries()) {
    const shown = wireEventsOf(commit, about);
    events.push(...shown);
    chars += JSON.stringify(shown).length;
    const isFull = events.length >= limit || chars >= MOST_CHARS;
    if (isFull && index < commits.length - 1) return { events, next: commit.sequence };
  }
  return { events, next: null };
};
