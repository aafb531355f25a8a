import type { RecordedCommit } from '@fornax/contracts';
import type { SecretAccessEvent, SecretEvent } from '@fornax/domain';

/** How a value was given: shown to its account, to an instance at its start, or to one that asked. */
export type AccessWay = 'read' | 'start' | 'request';

/** A row of `secret_access`: one secret that was given once. A commit holds many, numbered by `position`. */
export interface AccessRecord {
  readonly sequence: number;
  readonly position: number;
  /** Of a read: the secret, by its id, whose owner and key `secret_name` tells. */
  readonly secret_id: string | null;
  readonly owner: string | null;
  readonly key: string | null;
  readonly version: number;
  readonly way: AccessWay;
  /** Who asked, as the commit says. */
  readonly actor: string;
  readonly task_id: string | null;
  readonly instance: number | null;
  readonly lease_id: string | null;
  readonly node: string | null;
  readonly at_ms: number;
}

type Fields = Omit<AccessRecord, 'sequence' | 'position' | 'actor'>;
type Told = SecretEvent | SecretAccessEvent;

const fieldsOf = (aggregateId: string, event: Told): readonly Fields[] => {
  if (event.type === 'SecretRead') {
    const nobody = { owner: null, key: null, task_id: null, instance: null, lease_id: null, node: null };
    return [{ ...nobody, secret_id: aggregateId, version: event.version, way: 'read', at_ms: event.at }];
  }
  if (event.type !== 'SecretsGranted') return [];
  const { owner, taskId, instance, leaseId, node, onRequest, at } = event;
  const lease = { owner, task_id: taskId, instance, lease_id: leaseId, node };
  const way: AccessWay = onRequest === true ? 'request' : 'start';
  return event.secrets.map(({ key, version }) => ({ ...lease, secret_id: null, key, version, way, at_ms: at }));
};

/** What commits say of accesses, in the order of the log. */
export const accessesOf = (batch: readonly RecordedCommit[]): readonly AccessRecord[] =>
  batch.flatMap(({ aggregateId, sequence, meta, events }) =>
    // The aggregate's name in the subject is what makes these events of secrets.
    (events as readonly Told[])
      .flatMap((event) => fieldsOf(aggregateId, event))
      .map((fields, position) => ({ ...fields, sequence, position, actor: meta.actor })),
  );

/** Owners and keys of secrets that came to be. */
export const namesOf = (batch: readonly RecordedCommit[]) =>
  batch.flatMap(({ aggregateId, events }) =>
    (events as readonly Told[]).flatMap((event) =>
      event.type === 'SecretCreated' ? [{ secret_id: aggregateId, owner: event.owner, key: event.key }] : [],
    ),
  );
