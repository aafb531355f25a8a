import { Injectable } from '@nestjs/common';
import type { Aggregate, RecordedCommit } from '@fornax/contracts';
import { POOL_FOLD_FORMAT } from '@fornax/domain';
import type { Projection } from '@fornax/projections';
import type { EntityManager } from 'typeorm';
import { VIEW_AGGREGATES } from '../leader/view-source.js';
import { SchedulerView } from '../view/scheduler-view.js';
import { deleteTasks, replaceHolds, restoreSome, upsertNodes, upsertQuotas, upsertTasks } from './work-rows.js';

/** Raised with the meaning of the rows; the folds of tasks and pools, which they hold, count for themselves. A sum grows when either does. */
export const WORK_VERSION = 3 + POOL_FOLD_FORMAT;

const idsOf = (batch: readonly RecordedCommit[], aggregate: Aggregate): readonly string[] => [
  ...new Set(batch.filter((commit) => commit.aggregate === aggregate).map((commit) => commit.aggregateId)),
];

const isBeginning = (type: string | undefined): boolean => type === 'TaskSubmitted' || type === 'PoolCreated';

/** A task whose whole life lies in the batch never touches the database. */
const submittedHere = (batch: readonly RecordedCommit[]): ReadonlySet<string> =>
  new Set(batch.filter(({ events }) => isBeginning(events[0]?.type)).map(({ aggregateId }) => aggregateId));

/**
 * The stored fold of the scheduler's view: rows of unfinished tasks and pools, of nodes, quotas and holds, written with the checkpoint. It folds with the
 * same code as the leader does, over the few rows that a batch touches.
 */
@Injectable()
export class WorkProjection implements Projection {
  readonly name = 'work';
  readonly version = WORK_VERSION;
  readonly aggregates = VIEW_AGGREGATES;
  /** Probes of the log stand among pools. */
  readonly wants = (commit: RecordedCommit): boolean => commit.events[0]?.type !== 'LogProbed';
  /** Read by a leader that begins, which folds what is missing. */
  readonly paceMs = 500;
  readonly tables = ['work_task', 'work_node', 'work_quota', 'work_hold'];

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    const taskIds = [...idsOf(batch, 'task'), ...idsOf(batch, 'pool')];
    const nodeIds = idsOf(batch, 'node');
    const spendingIds = idsOf(batch, 'spending');
    const fresh = submittedHere(batch);
    const view = new SchedulerView();
    const stored = taskIds.filter((id) => !fresh.has(id));
    await restoreSome(tx, view, { taskIds: stored, nodeIds, accountIds: idsOf(batch, 'account'), spendingIds });
    for (const commit of batch) view.fold(commit);
    const unfinished = taskIds.flatMap((id) => view.task(id) ?? []);
    await deleteTasks(
      tx,
      stored.filter((id) => !view.task(id)),
    );
    await upsertTasks(tx, unfinished);
    await upsertNodes(
      tx,
      nodeIds.flatMap((id) => {
        const node = view.node(id);
        return node ? [{ id, ...node }] : [];
      }),
    );
    await upsertQuotas(tx, view.quotas.all());
    await replaceHolds(tx, new Map(spendingIds.map((id) => [id, view.holds.get(id)])));
  }
}
