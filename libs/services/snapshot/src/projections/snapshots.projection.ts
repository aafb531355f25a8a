import { Injectable } from '@nestjs/common';
import type { Aggregate, RecordedCommit } from '@fornax/contracts';
import type { Projection } from '@fornax/projections';
import type { EntityManager } from 'typeorm';
import { writePlans } from './snapshot-plans.js';
import { changesResuming, writeResuming } from './resuming-leases.js';
import { changesTaskRefs, writeTaskRefs } from './task-refs.js';
import { writeSnapshots } from './write-snapshots.js';

/** The read model of snapshots: where each stands, part by part, and the tasks that one may be taken of. */
@Injectable()
export class SnapshotsProjection implements Projection {
  readonly name = 'snapshots';
  readonly version = 6;
  readonly aggregates: readonly Aggregate[] = ['task', 'snapshot'];
  readonly wants = (commit: RecordedCommit): boolean =>
    commit.aggregate !== 'task' || changesTaskRefs(commit) || changesResuming(commit);
  readonly paceMs = 250;
  readonly tables = ['task_ref', 'snapshot', 'snapshot_part', 'resuming_lease'];

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    await writeTaskRefs(tx, batch);
    await writeSnapshots(tx, batch);
    await writePlans(tx, batch);
    await writeResuming(tx, batch);
  }
}
