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

/** A snapshot as its rows tell it. */
export interface SnapshotRow {
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
  readonly parts: readonly PartRow[];
}
