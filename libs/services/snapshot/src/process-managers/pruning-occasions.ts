import type { RecordedCommit } from '@fornax/contracts';
import { withEvents } from '@fornax/event-store';
import { LogFollower, LogHandler } from '@fornax/service-kit';
import { PrunedSnapshots } from './pruned-snapshots.js';

/** Tells when there may be something to prune: more than a task keeps, or what nobody is about to begin with any more. */
@LogFollower()
export class PruningOccasions {
  constructor(private readonly pruned: PrunedSnapshots) {}

  @LogHandler({
    name: 'snapshot-pruning',
    aggregates: ['task', 'snapshot'],
    wants: withEvents(
      'SnapshotCompleted',
      'SnapshotPruneRequested',
      'TaskSnapshotsPlanned',
      'InstancesStarted',
      'InstancesConcluded',
      'InstancesRequeued',
      'WaitingInstancesCancelled',
      'WaitingInstancesExpired',
      'TaskDeleted',
    ),
    from: 'checkpoint',
    service: 'snapshot',
  })
  notice(batch: readonly RecordedCommit[]): Promise<void> {
    this.pruned.notice(batch);
    return Promise.resolve();
  }
}
