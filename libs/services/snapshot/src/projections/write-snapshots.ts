import type { RecordedCommit } from '@fornax/contracts';
import { snapshotChanges, type NewSnapshot, type PartChange, type SnapshotChange } from './snapshot-changes.js';
import type { Queries } from './snapshot-rows.js';

const instant = (at: number): string => new Date(at).toISOString();

/** Writes what a batch says of snapshots and of their parts: rows that it says nothing of are neither read nor written. */
export const writeSnapshots = async (db: Queries, batch: readonly RecordedCommit[]): Promise<void> => {
  const { triggered, changed, parts, ended } = snapshotChanges(batch);
  if (triggered.length > 0) {
    await insertSnapshots(db, triggered);
    await insertParts(db, triggered);
  }
  if (changed.length > 0) await updateSnapshots(db, changed);
  if (parts.length > 0) await updateParts(db, parts);
  if (ended.length > 0)
    await db.query('UPDATE snapshot_part SET awaited = false WHERE awaited AND snapshot_id = ANY ($1::text[])', [
      ended,
    ]);
};

const insertSnapshots = async (db: Queries, triggered: readonly NewSnapshot[]): Promise<void> => {
  const column = <T>(pick: (one: NewSnapshot['event']) => T): readonly T[] => triggered.map(({ event }) => pick(event));
  await db.query(
    `INSERT INTO snapshot (snapshot_id, sequence, task_id, owner, status, whitelist, blacklist, bucket, prefix, triggered_at, updated_at, due_ms)
     SELECT snapshot_id, sequence, task_id, owner, 'triggered', whitelist, blacklist, bucket, prefix, at, at, due_ms
     FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::timestamptz[], $10::bigint[])
       AS one (snapshot_id, sequence, task_id, owner, whitelist, blacklist, bucket, prefix, at, due_ms)
     ON CONFLICT (snapshot_id) DO NOTHING`,
    [
      triggered.map(({ snapshotId }) => snapshotId),
      triggered.map(({ sequence }) => sequence),
      column(({ taskId }) => taskId),
      column(({ owner }) => owner),
      column(({ config }) => config.whitelist),
      column(({ config }) => config.blacklist),
      column(({ config }) => config.bucket),
      column(({ config }) => config.prefix),
      column(({ at }) => instant(at)),
      column(({ dueAt }) => dueAt ?? null),
    ],
  );
};

const insertParts = async (db: Queries, triggered: readonly NewSnapshot[]): Promise<void> => {
  const parts = triggered.flatMap(({ snapshotId, event }) => event.parts.map((part) => ({ snapshotId, ...part })));
  await db.query(
    `INSERT INTO snapshot_part (snapshot_id, lease_id, instance, node, awaited)
     SELECT snapshot_id, lease_id, instance, node, true FROM unnest($1::text[], $2::text[], $3::integer[], $4::text[])
       AS part (snapshot_id, lease_id, instance, node)
     ON CONFLICT (snapshot_id, lease_id) DO NOTHING`,
    [
      parts.map(({ snapshotId }) => snapshotId),
      parts.map(({ leaseId }) => leaseId),
      parts.map(({ instance }) => instance),
      parts.map(({ node }) => node),
    ],
  );
};

const updateSnapshots = async (db: Queries, changes: readonly SnapshotChange[]): Promise<void> => {
  const column = <T>(pick: (one: SnapshotChange) => T): readonly T[] => changes.map(pick);
  await db.query(
    `UPDATE snapshot SET status = change.status, updated_at = change.updated_at, reason = coalesce(change.reason, snapshot.reason),
       prune_cause = coalesce(change.prune_cause, snapshot.prune_cause),
       prune_requested_ms = coalesce(change.prune_requested_ms, snapshot.prune_requested_ms),
       prune_sequence = coalesce(change.prune_sequence, snapshot.prune_sequence), pruned_ms = coalesce(change.pruned_ms, snapshot.pruned_ms)
     FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[])
       AS change (snapshot_id, status, updated_at, reason, prune_cause, prune_requested_ms, prune_sequence, pruned_ms)
     WHERE snapshot.snapshot_id = change.snapshot_id`,
    [
      column(({ snapshotId }) => snapshotId),
      column(({ status }) => status),
      column(({ updatedAt }) => instant(updatedAt)),
      column(({ reason }) => reason),
      column(({ pruneCause }) => pruneCause),
      column(({ pruneRequestedAt }) => pruneRequestedAt),
      column(({ pruneSequence }) => pruneSequence),
      column(({ prunedAt }) => prunedAt),
    ],
  );
};

const updateParts = async (db: Queries, changes: readonly PartChange[]): Promise<void> => {
  const column = <T>(pick: (part: PartChange) => T): readonly T[] => changes.map(pick);
  await db.query(
    `UPDATE snapshot_part AS part SET awaited = part.awaited AND change.files IS NULL, size_to_upload_bytes = change.size_to_upload_bytes,
       transferred_bytes = change.transferred_bytes, files = coalesce(change.files, part.files),
       notes = coalesce(change.notes::jsonb, part.notes), manifest = coalesce(change.manifest, part.manifest)
     FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::integer[], $6::text[], $7::text[])
       AS change (snapshot_id, lease_id, size_to_upload_bytes, transferred_bytes, files, notes, manifest)
     WHERE part.snapshot_id = change.snapshot_id AND part.lease_id = change.lease_id`,
    [
      column(({ snapshotId }) => snapshotId),
      column(({ leaseId }) => leaseId),
      column(({ sizeToUploadBytes }) => sizeToUploadBytes),
      column(({ transferredBytes }) => transferredBytes),
      column(({ files }) => files),
      column(({ notes }) => (notes === null ? null : JSON.stringify(notes))),
      column(({ manifest }) => manifest),
    ],
  );
};
