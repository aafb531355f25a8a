import type { PruneCause, SnapshotConfig, SnapshotStatus } from '@fornax/domain';

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

/** A snapshot without its parts. */
export interface SnapshotHead {
  readonly snapshotId: string;
  readonly taskId: string;
  readonly owner: string;
  readonly config: SnapshotConfig;
  readonly status: SnapshotStatus;
  readonly reason: string | null;
  /** Since it is to be pruned; null: it is kept. */
  readonly prune: PruneRow | null;
  /** When it was due, if it is a periodic one, milliseconds. */
  readonly dueAt: number | null;
  /** Milliseconds. */
  readonly triggeredAt: number;
  readonly updatedAt: number;
}

/** A snapshot as its rows tell it. */
export interface SnapshotRow extends SnapshotHead {
  readonly parts: readonly PartRow[];
}

/** What the parts of a snapshot come to, however many there are. */
export interface PartSums {
  readonly instances: number;
  /** Bytes of the parts that said something; null: none did. The same is the next one. */
  readonly sizeToUploadBytes: number | null;
  readonly transferredBytes: number | null;
  /** Null until all parts are uploaded. */
  readonly files: number | null;
  /** Some notes, by instance, and how many there are in all. */
  readonly notes: readonly Pick<PartRow, 'instance' | 'notes'>[];
  readonly noteCount: number;
}

/** A snapshot, and what its parts come to. */
export interface SnapshotSummary extends SnapshotHead {
  readonly sums: PartSums;
}
