import type { RecordedCommit } from '@fornax/contracts';
import {
  isSnapshotOpen,
  snapshotDecider,
  type PruneCause,
  type SnapshotEvent,
  type SnapshotState,
} from '@fornax/domain';

/** How far one part has come. */
export interface PartRow {
  readonly leaseId: string;
  readonly instance: number;
  readonly node: string;
  readonly sizeToUploadBytes: number | null;
  readonly transferredBytes: number | null;
  /** Set once the part is uploaded. */
  readonly files: number | null;
  readonly notes: readonly string[];
  /** Digest of the manifest; null: none yet, or of an earlier agent. */
  readonly manifest: string | null;
}

/** Times are in milliseconds. */
export interface PruneRow {
  readonly cause: PruneCause;
  readonly requestedAt: number;
  readonly prunedAt: number | null;
}

/** A snapshot as its rows tell it. */
export interface SnapshotRow {
  readonly snapshotId: string;
  /** Of the commit that triggered it. */
  readonly sequence: number;
  readonly state: SnapshotState;
  readonly reason: string | null;
  /** Since it is to be pruned; null: it is kept. */
  readonly prune: PruneRow | null;
  /** When it was due, if it is a periodic one, milliseconds. */
  readonly dueAt: number | null;
  /** Milliseconds. */
  readonly triggeredAt: number;
  readonly updatedAt: number;
  readonly parts: readonly PartRow[];
}

const newRow = (snapshotId: string, sequence: number): SnapshotRow => ({
  snapshotId,
  sequence,
  state: snapshotDecider.initial,
  reason: null,
  prune: null,
  dueAt: null,
  triggeredAt: 0,
  updatedAt: 0,
  parts: [],
});

const withPart = (row: SnapshotRow, leaseId: string, change: Partial<PartRow>): readonly PartRow[] =>
  row.parts.map((part) => (part.leaseId === leaseId ? { ...part, ...change } : part));

const evolveRow = (row: SnapshotRow, event: SnapshotEvent): SnapshotRow => {
  const evolved = { ...row, state: snapshotDecider.evolve(row.state, event), updatedAt: event.at };
  switch (event.type) {
    case 'SnapshotTriggered':
      return {
        ...evolved,
        triggeredAt: event.at,
        dueAt: event.dueAt ?? null,
        parts: event.parts.map((part) => ({
          ...part,
          sizeToUploadBytes: null,
          transferredBytes: null,
          files: null,
          notes: [],
          manifest: null,
        })),
      };
    case 'SnapshotProgressed': {
      const { leaseId, sizeToUploadBytes, transferredBytes } = event;
      return { ...evolved, parts: withPart(row, leaseId, { sizeToUploadBytes, transferredBytes }) };
    }
    case 'SnapshotPartUploaded': {
      const { leaseId, files, bytes, notes = [], manifest = null } = event;
      return {
        ...evolved,
        parts: withPart(row, leaseId, { sizeToUploadBytes: bytes, transferredBytes: bytes, files, notes, manifest }),
      };
    }
    case 'SnapshotFailed':
      return { ...evolved, reason: event.reason };
    case 'SnapshotPruneRequested':
      return { ...evolved, prune: { cause: event.cause, requestedAt: event.at, prunedAt: null } };
    case 'SnapshotPruned':
      return { ...evolved, prune: row.prune && { ...row.prune, prunedAt: event.at } };
    case 'SnapshotCompleted':
      return evolved;
  }
};

/** Whether an end of this lease would fail the snapshot. */
export const isAwaitedPart = ({ state }: SnapshotRow, { leaseId }: PartRow): boolean =>
  isSnapshotOpen(state) && !state.uploaded.has(leaseId);

/** Ids of the snapshots that a batch is about. */
export const snapshotIdsIn = (batch: readonly RecordedCommit[]): readonly string[] => [
  ...new Set(batch.filter(({ aggregate }) => aggregate === 'snapshot').map(({ aggregateId }) => aggregateId)),
];

/** The rows after a batch, of those that it changed. */
export const foldSnapshots = (
  before: ReadonlyMap<string, SnapshotRow>,
  batch: readonly RecordedCommit[],
): readonly SnapshotRow[] => {
  const rows = new Map<string, SnapshotRow>();
  for (const { aggregate, aggregateId, events, sequence } of batch) {
    if (aggregate !== 'snapshot') continue;
    const row = rows.get(aggregateId) ?? before.get(aggregateId) ?? newRow(aggregateId, sequence);
    // The aggregate's subject holds its own events alone.
    rows.set(aggregateId, (events as readonly SnapshotEvent[]).reduce(evolveRow, row));
  }
  return [...rows.values()];
};
