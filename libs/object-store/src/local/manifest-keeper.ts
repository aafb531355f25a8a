import type { Sql } from '../port/object-store.js';
import { extrasOf } from './extras.js';
import type { FilePiece, ObjectFiles } from './object-files.js';
import { objectInfoOf, piecesOfRow, rowsOf, textOf } from './rows.js';

const BATCH = 512;
/** As many as share the flush of a folder. */
const PARALLEL = 32;

type Owed = Awaited<ReturnType<typeof rowsOf>>[number];

/** A manifest that was written for a row as it was then. */
interface Written {
  readonly bucket: string;
  readonly key: string;
  readonly pieces: readonly FilePiece[];
  readonly fileId: string;
}

/** Locked in one order, so that two processes that write the same manifests do not wait for each other. */
const KEEP = `WITH owed AS (
    SELECT o.bucket, o.key, given.manifest_id FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[]) AS given (bucket, key, file_ids, manifest_id)
    JOIN object AS o ON o.bucket = given.bucket COLLATE "C" AND o.key = given.key COLLATE "C"
    WHERE o.manifest_id IS NULL AND o.file_ids = given.file_ids::uuid[] ORDER BY o.bucket, o.key FOR UPDATE OF o),
  kept AS (UPDATE object AS o SET manifest_id = owed.manifest_id FROM owed WHERE o.bucket = owed.bucket AND o.key = owed.key RETURNING o.manifest_id)
  SELECT manifest_id::text AS file_id FROM kept`;

/**
 * Writes the manifests that the index owes: of objects of an earlier version, and of those that were moved (their old one tells the place that they
 * came from). Until then a reindex knows them not, or at their old place.
 */
export class ManifestKeeper {
  constructor(
    private readonly index: Sql,
    private readonly files: ObjectFiles,
  ) {}

  /** Safe to run in several processes at once. @returns how many were written */
  async writeOwed(): Promise<number> {
    for (let total = 0; ;) {
      const rows = await rowsOf(this.index, `SELECT * FROM object WHERE manifest_id IS NULL LIMIT ${BATCH}`);
      const written: Written[] = [];
      for (let at = 0; at < rows.length; at += PARALLEL)
        written.push(...(await Promise.all(rows.slice(at, at + PARALLEL).map((row) => this.#write(row)))));
      if (written.length > 0) await this.#keep(written);
      total += rows.length;
      if (rows.length < BATCH) return total;
    }
  }

  async #write(row: Owed): Promise<Written> {
    const { key, etag, contentType, userMetadata, modifiedAt } = objectInfoOf(row);
    const [bucket, pieces] = [textOf(row, 'bucket'), piecesOfRow(row)];
    const manifest = { bucket, key, etag, contentType, userMetadata, modifiedAt, pieces, ...extrasOf(row['extras']) };
    const fileId = await this.files.writeManifest((id) => ({ ...manifest, fileId: id }));
    return { bucket, key, pieces, fileId };
  }

  async #keep(written: readonly Written[]): Promise<void> {
    const kept = await rowsOf(this.index, KEEP, [
      written.map(({ bucket }) => bucket),
      written.map(({ key }) => key),
      written.map(({ pieces }) => `{${pieces.map(({ fileId }) => fileId).join(',')}}`),
      written.map(({ fileId }) => fileId),
    ]);
    // The other objects were replaced, moved on or deleted meanwhile, or another process was faster.
    const names = new Set(kept.map((row) => textOf(row, 'file_id')));
    await this.files.remove(written.flatMap(({ fileId }) => (names.has(fileId) ? [] : [fileId])));
  }
}
