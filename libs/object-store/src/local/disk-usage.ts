import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sql } from '../port/object-store.js';
import { countOf, rowsOf, textOf } from './rows.js';
import type { IndexDatabase } from './store-folder.js';

/**
 * What a file on disk is for: an object of the bucket, a part of an upload that was not completed, a deleted object that is removed in a minute
 * (`garbage`), nothing that the index knows (`orphans` are removed by the sweep, `fresh` files may be uploads under way), set aside by a reindex, or the
 * store's own notes (`notes`). `missing` is what the index knows and the disk has not.
 */
export type DiskKind = 'objects' | 'uploads' | 'garbage' | 'orphans' | 'fresh' | 'set-aside' | 'notes' | 'missing';

export interface DiskUsage {
  readonly kind: DiskKind;
  /** Of `objects`: a bucket, or an area of the store's user. */
  readonly bucket?: string;
  readonly files: number;
  /** As the files are on disk, with checksums and manifests behind the payload; of `missing` what the index says. */
  readonly bytes: number;
}

const PAYLOADS = /^[0-9a-f]{2}$/;
const FILE_NAME = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const BATCH = 5_000;
const PARALLEL = 32;

interface SizedFile {
  readonly name: string;
  readonly bytes: number;
  readonly modifiedMs: number;
}

const hasCode = (error: unknown, code: string): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === code;

/** The files of a folder with their sizes, some at a time; those that go meanwhile are not there. */
async function* filesOf(folder: string): AsyncGenerator<readonly SizedFile[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  for (let at = 0; at < names.length; at += BATCH) {
    const batch: SizedFile[] = [];
    for (let from = at; from < Math.min(at + BATCH, names.length); from += PARALLEL) {
      const some = names.slice(from, Math.min(from + PARALLEL, at + BATCH));
      const facts = await Promise.all(some.map((name) => stat(join(folder, name)).catch(() => undefined)));
      for (const [place, fact] of facts.entries())
        if (fact) batch.push({ name: some[place] ?? '', bytes: fact.size, modifiedMs: fact.mtimeMs });
    }
    yield batch;
  }
}

const sumOf = async (folder: string): Promise<{ readonly files: number; readonly bytes: number }> => {
  const sum = { files: 0, bytes: 0 };
  for await (const batch of filesOf(folder)) {
    sum.files += batch.length;
    for (const { bytes } of batch) sum.bytes += bytes;
  }
  return sum;
};

/** Every file that the index names, with what it is for; the first of several uses counts. */
const NAMED = `SELECT unnest(file_ids) AS file_id, 'objects' AS kind, bucket FROM object
  UNION ALL SELECT manifest_id, 'objects', bucket FROM object WHERE manifest_id IS NOT NULL AND manifest_id <> ALL (file_ids)
  UNION ALL SELECT file_id, 'uploads', NULL FROM multipart_part
  UNION ALL SELECT file_id, 'garbage', NULL FROM object_garbage`;
/** What each row expects to find, in bytes of payload. */
const WANTED = `SELECT unnest(file_ids) AS file_id, unnest(part_sizes) AS size FROM object UNION ALL SELECT file_id, size FROM multipart_part`;

const noteFiles = async (tx: Sql, root: string, freshMs: number): Promise<{ files: number; bytes: number }> => {
  const strange = { files: 0, bytes: 0 };
  const folders = (await readdir(root)).filter((name) => PAYLOADS.test(name));
  for (const folder of folders)
    for await (const batch of filesOf(join(root, folder))) {
      const payloads = batch.filter(({ name }) => FILE_NAME.test(name));
      await tx.query('INSERT INTO disk_file SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::boolean[])', [
        payloads.map(({ name }) => name),
        payloads.map(({ bytes }) => bytes),
        payloads.map(({ modifiedMs }) => modifiedMs >= freshMs),
      ]);
      for (const { name, bytes } of batch) {
        if (FILE_NAME.test(name)) continue;
        strange.files += 1;
        strange.bytes += bytes;
      }
    }
  return strange;
};

/**
 * Looks at every file in the folder and tells what all of them are for: the sums are what lies there. What is stored or deleted meanwhile may be missed, or
 * be taken for something that was there before.
 * @param freshMs files that were written since are no orphans yet
 */
export const diskUsage = (index: IndexDatabase, root: string, freshMs: number): Promise<readonly DiskUsage[]> =>
  index.transaction(async (tx) => {
    await tx.query('CREATE TEMPORARY TABLE disk_file (file_id uuid, size bigint, is_fresh boolean) ON COMMIT DROP');
    const strange = await noteFiles(tx, root, freshMs);
    await tx.query('ANALYZE disk_file');
    const rows = await rowsOf(
      tx,
      `WITH named AS (${NAMED}),
        known AS (SELECT DISTINCT ON (disk_file.file_id) disk_file.size, bucket,
            coalesce(kind, CASE WHEN is_fresh THEN 'fresh' ELSE 'orphans' END) AS kind
          FROM disk_file LEFT JOIN named USING (file_id) ORDER BY disk_file.file_id, kind = 'garbage')
        SELECT kind, bucket, count(*) AS files, sum(size) AS bytes FROM known GROUP BY kind, bucket ORDER BY kind, bucket`,
    );
    const [missing] = await rowsOf(
      tx,
      `SELECT count(*) AS files, coalesce(sum(wanted.size), 0) AS bytes FROM (${WANTED}) AS wanted
        WHERE NOT EXISTS (SELECT FROM disk_file WHERE disk_file.file_id = wanted.file_id)`,
    );
    const [beside, deleted, setAside] = [
      await sumOf(root),
      await sumOf(join(root, 'deleted')),
      await sumOf(join(root, 'set-aside')),
    ];
    return [
      ...rows.map((row) => ({
        kind: textOf(row, 'kind') as DiskKind,
        ...(row['bucket'] === null ? {} : { bucket: textOf(row, 'bucket') }),
        files: countOf(row, 'files'),
        bytes: countOf(row, 'bytes'),
      })),
      { kind: 'set-aside' as const, ...setAside },
      {
        kind: 'notes' as const,
        files: beside.files + deleted.files + strange.files,
        bytes: beside.bytes + deleted.bytes + strange.bytes,
      },
      { kind: 'missing' as const, files: countOf(missing, 'files'), bytes: countOf(missing, 'bytes') },
    ];
  });
