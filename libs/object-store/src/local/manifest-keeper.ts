import type { Sql } from '../port/object-store.js';
import { extrasOf } from './extras.js';
import type { ObjectFiles } from './object-files.js';
import { objectInfoOf, piecesOfRow, rowsOf, textOf } from './rows.js';

const BATCH = 200;
const PARALLEL = 8;

type Owed = Awaited<ReturnType<typeof rowsOf>>[number];

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
      for (let at = 0; at < rows.length; at += PARALLEL)
        await Promise.all(rows.slice(at, at + PARALLEL).map((row) => this.#write(row)));
      total += rows.length;
      if (rows.length < BATCH) return total;
    }
  }

  async #write(row: Owed): Promise<void> {
    const { key, etag, contentType, userMetadata, modifiedAt } = objectInfoOf(row);
    const [bucket, pieces] = [textOf(row, 'bucket'), piecesOfRow(row)];
    const manifest = { bucket, key, etag, contentType, userMetadata, modifiedAt, pieces, ...extrasOf(row['extras']) };
    const fileId = await this.files.writeManifest((id) => ({ ...manifest, fileId: id }));
    const kept = await rowsOf(
      this.index,
      `WITH kept AS (UPDATE object SET manifest_id = $3 WHERE bucket = $1 AND key = $2 AND manifest_id IS NULL
        AND file_ids = $4::uuid[] RETURNING 1) SELECT 1 FROM kept`,
      [bucket, key, fileId, pieces.map((piece) => piece.fileId)],
    );
    // The object was replaced, moved on or deleted meanwhile, or another process was faster.
    if (kept.length === 0) await this.files.remove([fileId]);
  }
}
