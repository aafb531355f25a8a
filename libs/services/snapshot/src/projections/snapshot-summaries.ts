import type { PartRow, PartSums, SnapshotSummary } from './snapshot-row.js';
import { headOf, numberIn, type Queries, type StoredSnapshot } from './snapshot-rows.js';

interface StoredSums {
  readonly snapshot_id: string;
  readonly instances: number;
  readonly size_to_upload_bytes: string | null;
  readonly transferred_bytes: string | null;
  readonly files: number | null;
  readonly notes: number;
}

const NO_PARTS: PartSums = {
  instances: 0,
  sizeToUploadBytes: null,
  transferredBytes: null,
  files: 0,
  notes: [],
  noteCount: 0,
};

const sum = (values: readonly (number | null)[]): number | null =>
  values.reduce((total, value) => (value === null ? total : (total ?? 0) + value), null);

/** The same as the database adds up, of parts that were read. */
export const sumsOf = (parts: readonly PartRow[]): PartSums => ({
  instances: parts.length,
  sizeToUploadBytes: sum(parts.map((part) => part.sizeToUploadBytes)),
  transferredBytes: sum(parts.map((part) => part.transferredBytes)),
  files: parts.every(({ files }) => files !== null) ? (sum(parts.map(({ files }) => files)) ?? 0) : null,
  notes: parts.filter(({ notes }) => notes.length > 0),
  noteCount: parts.reduce((count, { notes }) => count + notes.length, 0),
});

/** Adds up parts where they are: an answer costs as much for a snapshot of ten thousand instances as for one of a single one. */
const summarize = async (
  db: Queries,
  snapshots: readonly StoredSnapshot[],
  notes: PartSums['notes'] = [],
): Promise<readonly SnapshotSummary[]> => {
  const rows = await db.query<StoredSums[]>(
    `SELECT snapshot_id, count(*)::integer AS instances, sum(size_to_upload_bytes) AS size_to_upload_bytes, sum(transferred_bytes) AS transferred_bytes,
       CASE WHEN bool_and(files IS NOT NULL) THEN sum(files)::integer END AS files, sum(jsonb_array_length(notes))::integer AS notes
     FROM snapshot_part WHERE snapshot_id = ANY($1::text[]) GROUP BY snapshot_id`,
    [snapshots.map((row) => row.snapshot_id)],
  );
  const sums = new Map(
    rows.map((row) => [
      row.snapshot_id,
      {
        instances: row.instances,
        sizeToUploadBytes: numberIn(row.size_to_upload_bytes),
        transferredBytes: numberIn(row.transferred_bytes),
        files: row.files,
        notes,
        noteCount: row.notes,
      },
    ]),
  );
  return snapshots.map((row) => ({ ...headOf(row), sums: sums.get(row.snapshot_id) ?? NO_PARTS }));
};

/** The latest snapshots of a task, newest first. Notes of instances are counted alone. */
export const latestSummaries = async (db: Queries, taskId: string, most: number): Promise<readonly SnapshotSummary[]> =>
  summarize(
    db,
    await db.query<StoredSnapshot[]>('SELECT * FROM snapshot WHERE task_id = $1 ORDER BY sequence DESC LIMIT $2', [
      taskId,
      most,
    ]),
  );

/** One snapshot, with the notes of so many instances at most. @returns undefined: there is none */
export const readSummary = async (
  db: Queries,
  snapshotId: string,
  mostNoted: number,
): Promise<SnapshotSummary | undefined> => {
  const found = await db.query<StoredSnapshot[]>('SELECT * FROM snapshot WHERE snapshot_id = $1', [snapshotId]);
  if (found.length === 0) return undefined;
  const notes = await db.query<PartSums['notes']>(
    `SELECT instance, notes FROM snapshot_part WHERE snapshot_id = $1 AND notes <> '[]' ORDER BY instance LIMIT $2`,
    [snapshotId, mostNoted],
  );
  return (await summarize(db, found, notes))[0];
};
