import type { PruneCause, SnapshotStatus } from '@fornax/domain';
import type { EntityManager } from 'typeorm';
import type { PartRow, SnapshotHead, SnapshotRow } from './snapshot-row.js';

export type Queries = Pick<EntityManager, 'query'>;

export interface StoredSnapshot {
  readonly snapshot_id: string;
  readonly task_id: string;
  readonly owner: string;
  readonly status: SnapshotStatus;
  readonly whitelist: string | null;
  readonly blacklist: string | null;
  readonly bucket: string;
  readonly prefix: string | null;
  readonly reason: string | null;
  readonly due_ms: string | null;
  readonly prune_cause: PruneCause | null;
  readonly prune_requested_ms: string | null;
  readonly pruned_ms: string | null;
  readonly triggered_at: Date;
  readonly updated_at: Date;
}
interface StoredPart {
  readonly snapshot_id: string;
  readonly lease_id: string;
  readonly instance: number;
  readonly node: string;
  readonly size_to_upload_bytes: string | null;
  readonly transferred_bytes: string | null;
  readonly files: number | null;
  readonly notes: readonly string[];
  readonly manifest: string | null;
}

export const numberIn = (text: string | null): number | null => (text === null ? null : Number(text));

const partOf = (row: StoredPart): PartRow => ({
  leaseId: row.lease_id,
  instance: row.instance,
  node: row.node,
  sizeToUploadBytes: numberIn(row.size_to_upload_bytes),
  transferredBytes: numberIn(row.transferred_bytes),
  files: row.files,
  notes: row.notes,
  manifest: row.manifest,
});

export const headOf = (row: StoredSnapshot): SnapshotHead => ({
  snapshotId: row.snapshot_id,
  taskId: row.task_id,
  owner: row.owner,
  config: { whitelist: row.whitelist, blacklist: row.blacklist, bucket: row.bucket, prefix: row.prefix },
  status: row.status,
  reason: row.reason,
  prune:
    row.prune_cause === null
      ? null
      : {
          cause: row.prune_cause,
          requestedAt: Number(row.prune_requested_ms),
          prunedAt: numberIn(row.pruned_ms),
        },
  dueAt: numberIn(row.due_ms),
  triggeredAt: row.triggered_at.getTime(),
  updatedAt: row.updated_at.getTime(),
});

export const readSnapshots = async (db: Queries, ids: readonly string[]): Promise<ReadonlyMap<string, SnapshotRow>> => {
  if (ids.length === 0) return new Map();
  const snapshots = await db.query<StoredSnapshot[]>('SELECT * FROM snapshot WHERE snapshot_id = ANY($1::text[])', [
    ids,
  ]);
  const parts = await db.query<StoredPart[]>(
    'SELECT * FROM snapshot_part WHERE snapshot_id = ANY($1::text[]) ORDER BY instance',
    [ids],
  );
  const partsById = Map.groupBy(parts, (part) => part.snapshot_id);
  return new Map(
    snapshots.map((row) => [
      row.snapshot_id,
      { ...headOf(row), parts: (partsById.get(row.snapshot_id) ?? []).map(partOf) },
    ]),
  );
};

/** Where these snapshots stand; those without a row are left out. */
export const readStatuses = async (
  db: Queries,
  ids: readonly string[],
): Promise<ReadonlyMap<string, SnapshotStatus>> => {
  if (ids.length === 0) return new Map();
  const rows = await db.query<Pick<StoredSnapshot, 'snapshot_id' | 'status'>[]>(
    'SELECT snapshot_id, status FROM snapshot WHERE snapshot_id = ANY($1::text[])',
    [ids],
  );
  return new Map(rows.map((row) => [row.snapshot_id, row.status]));
};

/** Parts whose outcome is open, of these leases. */
export const awaitedParts = async (
  db: Queries,
  leaseIds: readonly string[],
): Promise<readonly { readonly snapshotId: string; readonly leaseId: string }[]> => {
  if (leaseIds.length === 0) return [];
  const rows = await db.query<{ snapshot_id: string; lease_id: string }[]>(
    'SELECT snapshot_id, lease_id FROM snapshot_part WHERE awaited AND lease_id = ANY($1::text[])',
    [leaseIds],
  );
  return rows.map((row) => ({ snapshotId: row.snapshot_id, leaseId: row.lease_id }));
};

/**
 * Holds for a row `snapshot` that its task keeps no longer, but that another one named before that was decided, and is not over: which came first is said by the log.
 * Somebody who asks for it to be pruned gets that.
 */
export const NAMED_IN_TIME = `(prune_cause = 'retention' AND EXISTS (
  SELECT FROM task_ref WHERE named_snapshot = snapshot.snapshot_id AND task_ref.sequence < snapshot.prune_sequence AND NOT deleted AND ended < instances))`;

/** A part that an instance may begin with. */
export interface CompletePart {
  readonly snapshotId: string;
  readonly manifest: string;
}

/** The part of one instance in the latest complete snapshot of a task, or in a certain one. */
export const completePart = async (
  db: Queries,
  {
    taskId,
    instance,
    snapshotId = null,
  }: { readonly taskId: string; readonly instance: number; readonly snapshotId?: string | null },
): Promise<CompletePart | undefined> => {
  const [row] = await db.query<{ readonly snapshot_id: string; readonly manifest: string }[]>(
    `SELECT snapshot_id, part.manifest FROM snapshot JOIN snapshot_part AS part USING (snapshot_id)
     WHERE task_id = $1 AND part.instance = $2 AND part.manifest IS NOT NULL AND ($3::text IS NULL OR snapshot_id = $3)
       AND (status = 'success' OR (snapshot_id = $3 AND status = 'pruning' AND ${NAMED_IN_TIME}))
     ORDER BY sequence DESC LIMIT 1`,
    [taskId, instance, snapshotId],
  );
  return row && { snapshotId: row.snapshot_id, manifest: row.manifest };
};
