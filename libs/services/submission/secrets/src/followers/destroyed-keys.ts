import type { RecordedCommit } from '@fornax/contracts';
import type { PoolEvent, SecretEvent, TaskEvent } from '@fornax/domain';
import { withEvents } from '@fornax/event-store';
import { keptKeyIn } from '@fornax/identity';
import { DataKeys, LogFollower, LogHandler } from '@fornax/service-kit';
import { DATABASE } from '@fornax/tasks';

const isOfKeys = withEvents(
  'SecretCreated',
  'SecretDeleted',
  'TaskDeleted',
  'PoolDeleted',
  'TaskSubmitted',
  'TaskUpdated',
  'PoolCreated',
  'PoolUpdated',
);
const isOfOwner = withEvents('TaskDeleted', 'PoolDeleted');

/** The key that an event says, null where it says that there is none; undefined where it is about something else. */
export const keySaid = (event: SecretEvent | TaskEvent | PoolEvent): string | null | undefined => {
  if (event.type === 'SecretCreated') return event.keyId;
  if (event.type === 'TaskSubmitted' || event.type === 'PoolCreated')
    return event.spec.wrappedKey === undefined ? undefined : keptKeyIn(event.spec.wrappedKey);
  if (event.type !== 'TaskUpdated' && event.type !== 'PoolUpdated') return undefined;
  if (event.constants === undefined) return undefined;
  return (event.wrappedKey === undefined ? undefined : keptKeyIn(event.wrappedKey)) ?? null;
};

/** Destroys the data keys of deleted secrets, tasks and pools, also when whoever deleted them did not get to it, and those of constants that were replaced. */
@LogFollower()
export class DestroyedKeys {
  constructor(private readonly keys: DataKeys) {}

  @LogHandler({
    name: 'destroyed-keys',
    aggregates: ['secret', 'task', 'pool'],
    wants: isOfKeys,
    from: 'checkpoint',
    service: DATABASE,
  })
  async destroy(batch: readonly RecordedCommit[]): Promise<void> {
    const events = batch.flatMap((commit) => commit.events as readonly (SecretEvent | TaskEvent | PoolEvent)[]);
    const said = batch.flatMap(({ aggregateId, sequence, events: ofCommit }) =>
      (ofCommit as readonly (SecretEvent | TaskEvent | PoolEvent)[]).flatMap((event) => {
        const keyId = keySaid(event);
        return keyId === undefined ? [] : [{ ownerId: aggregateId, keyId, sequence }];
      }),
    );
    if (said.length > 0) await this.keys.replace(said);
    await this.keys.destroy(events.flatMap((event) => (event.type === 'SecretDeleted' ? [event.keyId] : [])));
    await this.keys.destroyOf(batch.filter(isOfOwner).map(({ aggregateId }) => aggregateId));
  }
}
