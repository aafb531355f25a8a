import type { RecordedCommit } from '@fornax/contracts';
import type { PruneCause, SnapshotEvent, SnapshotStatus } from '@fornax/domain';

type Triggered = Extract<SnapshotEvent, { readonly type: 'SnapshotTriggered' }>;

/** A snapshot that a batch triggers. `sequence`: of the commit. */
export interface NewSnapshot {
  readonly snapshotId: string;
  readonly sequence: number;
  readonly event: Triggered;
}

/** Where a batch leaves a snapshot; null: as it was. Times are in milliseconds. */
export interface SnapshotChange {
  readonly snapshotId: string;
  readonly status: SnapshotStatus;
  readonly updatedAt: number;
  readonly reason: string | null;
  readonly pruneCause: PruneCause | null;
  readonly pruneRequestedAt: number | null;
  /** Of the commit that says that it is to be pruned. */
  readonly pruneSequence: number | null;
  readonly prunedAt: number | null;
}

/** Where a batch leaves a part. `files` is null, and so is what comes with it, until it is uploaded. */
export interface PartChange {
  readonly snapshotId: string;
  readonly leaseId: string;
  readonly sizeToUploadBytes: number;
  readonly transferredBytes: number;
  readonly files: number | null;
  readonly notes: readonly string[] | null;
  readonly manifest: string | null;
}

/** What a batch changes in the rows of snapshots: it costs as much as the batch has events, however many parts a snapshot has. */
export interface SnapshotChanges {
  readonly triggered: readonly NewSnapshot[];
  readonly changed: readonly SnapshotChange[];
  readonly parts: readonly PartChange[];
  /** Ids of those of which no part is awaited any more. */
  readonly ended: readonly string[];
}

const STATUS = {
  SnapshotTriggered: 'triggered',
  SnapshotProgressed: 'inProgress',
  SnapshotPartUploaded: 'inProgress',
  SnapshotCompleted: 'success',
  SnapshotFailed: 'failure',
  SnapshotPruneRequested: 'pruning',
  SnapshotPruned: 'pruned',
} as const satisfies Record<SnapshotEvent['type'], SnapshotStatus>;

const changed = (
  { aggregateId: snapshotId, sequence }: RecordedCommit,
  before: SnapshotChange | undefined,
  event: SnapshotEvent,
): SnapshotChange => {
  const isRequest = event.type === 'SnapshotPruneRequested';
  return {
    snapshotId,
    status: STATUS[event.type],
    updatedAt: event.at,
    reason: event.type === 'SnapshotFailed' ? event.reason : (before?.reason ?? null),
    pruneCause: isRequest ? event.cause : (before?.pruneCause ?? null),
    pruneRequestedAt: isRequest ? event.at : (before?.pruneRequestedAt ?? null),
    pruneSequence: isRequest ? sequence : (before?.pruneSequence ?? null),
    prunedAt: event.type === 'SnapshotPruned' ? event.at : (before?.prunedAt ?? null),
  };
};

const partChange = (snapshotId: string, event: SnapshotEvent): PartChange | undefined => {
  if (event.type === 'SnapshotProgressed') {
    const { leaseId, sizeToUploadBytes, transferredBytes } = event;
    return { snapshotId, leaseId, sizeToUploadBytes, transferredBytes, files: null, notes: null, manifest: null };
  }
  if (event.type !== 'SnapshotPartUploaded') return undefined;
  const { leaseId, files, bytes, notes = [], manifest = null } = event;
  return { snapshotId, leaseId, sizeToUploadBytes: bytes, transferredBytes: bytes, files, notes, manifest };
};

/** Folds the commits of snapshots in a batch. */
export const snapshotChanges = (batch: readonly RecordedCommit[]): SnapshotChanges => {
  const triggered: NewSnapshot[] = [];
  const snapshots = new Map<string, SnapshotChange>();
  const parts = new Map<string, PartChange>();
  const ended = new Set<string>();
  for (const commit of batch) {
    const { aggregate, aggregateId: snapshotId, events, sequence } = commit;
    if (aggregate !== 'snapshot') continue;
    // The aggregate's subject holds its own events alone.
    for (const event of events as readonly SnapshotEvent[]) {
      snapshots.set(snapshotId, changed(commit, snapshots.get(snapshotId), event));
      if (event.type === 'SnapshotTriggered') triggered.push({ snapshotId, sequence, event });
      if (event.type === 'SnapshotCompleted' || event.type === 'SnapshotFailed') ended.add(snapshotId);
      const part = partChange(snapshotId, event);
      if (part) parts.set(`${snapshotId}/${part.leaseId}`, part);
    }
  }
  return { triggered, changed: [...snapshots.values()], parts: [...parts.values()], ended: [...ended] };
};
