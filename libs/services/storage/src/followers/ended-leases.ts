import type { RecordedCommit } from '@fornax/contracts';
import { withEvents } from '@fornax/event-store';
import { LogFollower, LogHandler } from '@fornax/service-kit';
import { StorageGates } from '../access/storage-gates.js';

/** Closes the door to a lease when the log tells of its end, in every process: each has answers of its own. */
@LogFollower()
export class EndedLeases {
  constructor(private readonly gates: StorageGates) {}

  @LogHandler({
    name: 'storage-leases',
    aggregates: ['task'],
    wants: withEvents('InstancesConcluded', 'InstancesRequeued'),
    from: 'now',
  })
  close(batch: readonly RecordedCommit[]): Promise<void> {
    for (const { events } of batch)
      for (const event of events)
        if (event.type === 'InstancesConcluded' || event.type === 'InstancesRequeued')
          for (const { leaseId } of event.attempts) this.gates.leases.end(leaseId);
    return Promise.resolve();
  }
}
