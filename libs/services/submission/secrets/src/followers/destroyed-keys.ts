import type { RecordedCommit } from '@fornax/contracts';
import type { PoolEvent, SecretEvent, TaskEvent } from '@fornax/domain';
import { withEvents } from '@fornax/event-store';
import { DataKeys, LogFollower, LogHandler } from '@fornax/service-kit';
import { DATABASE } from '@fornax/tasks';

const isDeletion = withEvents('SecretDeleted', 'TaskDeleted', 'PoolDeleted');
const isOfOwner = withEvents('TaskDeleted', 'PoolDeleted');

/** Destroys the data keys of deleted secrets, tasks and pools, also when whoever deleted them did not get to it. */
@LogFollower()
export class DestroyedKeys {
  constructor(private readonly keys: DataKeys) {}

  @LogHandler({
    name: 'destroyed-keys',
    aggregates: ['secret', 'task', 'pool'],
    wants: isDeletion,
    from: 'checkpoint',
    service: DATABASE,
  })
  async destroy(batch: readonly RecordedCommit[]): Promise<void> {
    const events = batch.flatMap((commit) => commit.events as readonly (SecretEvent | TaskEvent | PoolEvent)[]);
    await this.keys.destroy(events.flatMap((event) => (event.type === 'SecretDeleted' ? [event.keyId] : [])));
    await this.keys.destroyOf(batch.filter(isOfOwner).map(({ aggregateId }) => aggregateId));
  }
}
