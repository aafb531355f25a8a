import type { RecordedCommit } from '@fornax/contracts';
import { secretDecider, type SecretEvent, type SecretState } from '@fornax/domain';

/** A row of `secret`: one that is deleted keeps its name and the number of its last version, and no data key. */
export interface SecretRecord {
  readonly secret_id: string;
  readonly owner: string;
  readonly key: string;
  readonly key_id: string | null;
  readonly version: number;
  /** Of its last commit. */
  readonly sequence: string | number;
}

/** A row of `secret_version`. */
export interface VersionRecord {
  readonly secret_id: string;
  readonly version: number;
  readonly sealed: string;
  readonly restored_from: number | null;
  readonly at_ms: number;
}

/** What the commits of a batch make of one secret. */
export interface SecretChange {
  readonly row: SecretRecord;
  /** All versions of before go. */
  readonly isDeleted: boolean;
  readonly added: readonly VersionRecord[];
}

/** The fold of the aggregate, as its row keeps it. */
export const stateOf = ({ version, key_id: keyId }: SecretRecord): SecretState => ({ version, keyId });

/** What values of a secret are sealed as: an envelope opens for no other one. */
export const identityOf = (secretId: string): string => `secret/${secretId}`;

const versionOf = (secretId: string, event: SecretEvent): readonly VersionRecord[] =>
  event.type === 'SecretCreated' || event.type === 'SecretChanged'
    ? [
        {
          secret_id: secretId,
          version: event.version,
          sealed: event.sealed,
          restored_from: (event.type === 'SecretChanged' ? event.restoredFrom : undefined) ?? null,
          at_ms: event.at,
        },
      ]
    : [];

/** What an event makes of a secret; undefined while nobody has created it. */
const applyEvent = (
  secretId: string,
  before: SecretChange | undefined,
  event: SecretEvent,
  sequence: number,
): SecretChange | undefined => {
  const place = event.type === 'SecretCreated' ? event : before?.row;
  if (place === undefined) return undefined;
  const state = before === undefined ? secretDecider.initial : stateOf(before.row);
  const { version, keyId } = secretDecider.evolve(state, event);
  const isDeleted = event.type === 'SecretDeleted';
  return {
    row: { secret_id: secretId, owner: place.owner, key: place.key, key_id: keyId, version, sequence },
    isDeleted: isDeleted || before?.isDeleted === true,
    added: isDeleted ? [] : [...(before?.added ?? []), ...versionOf(secretId, event)],
  };
};

/** Folds a batch onto the rows of before. */
export const changesOf = (rows: readonly SecretRecord[], batch: readonly RecordedCommit[]): readonly SecretChange[] => {
  const changes = new Map<string, SecretChange>(
    rows.map((row) => [row.secret_id, { row, isDeleted: false, added: [] }]),
  );
  for (const { aggregateId, events, sequence } of batch)
    // The aggregate's name in the subject is what makes these events of secrets.
    for (const event of events as readonly SecretEvent[]) {
      const change = applyEvent(aggregateId, changes.get(aggregateId), event, sequence);
      if (change) changes.set(aggregateId, change);
    }
  return [...changes.values()];
};
