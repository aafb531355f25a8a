import type { FolderUsage, KeyPart, Sql, UploadUsage, Usage } from '../port/object-store.js';
import { countOf, rowsOf, textOf } from './rows.js';

const usageOf = (row: Parameters<typeof countOf>[0]): Usage => ({
  objects: countOf(row, 'objects'),
  bytes: countOf(row, 'bytes'),
});

const folderUsageOf = (row: Readonly<Record<string, unknown>>): FolderUsage => ({
  folder: textOf(row, 'folder'),
  ...usageOf(row),
});

/** Adds up the differences that triggers have noted, of many buckets at once. */
export const usagesIn = async (index: Sql, buckets: readonly string[]): Promise<readonly Usage[]> => {
  if (buckets.length === 0) return [];
  const rows = await rowsOf(
    index,
    `SELECT coalesce(sum(objects), 0) AS objects, coalesce(sum(bytes), 0) AS bytes
      FROM unnest($1::text[]) WITH ORDINALITY AS wanted (name, place) LEFT JOIN object_usage ON bucket = name COLLATE "C"
      GROUP BY place ORDER BY place`,
    [[...buckets]],
  );
  return rows.map(usageOf);
};

/**
 * The rows of one bucket whose keys have certain parts, as SQL over $3. Bucket and number of the part stand in it as they are: an index of that part
 * in that bucket is used whatever plan the database has made before.
 */
const among = (bucket: string, { part }: KeyPart): string => {
  if (!/^[\w.-]+$/.test(bucket)) throw new Error(`not a name of a bucket: ${bucket}`);
  return ` AND bucket = '${bucket}' AND split_part(key, '/', ${Math.trunc(part)}) = ANY ($3::text[])`;
};

/** Counts the objects of a bucket by the first parts of their keys. */
export const usageByFolderIn = async (
  index: Sql,
  bucket: string,
  depth: number,
  only?: KeyPart,
): Promise<readonly FolderUsage[]> => {
  const rows = await rowsOf(
    index,
    `SELECT array_to_string((string_to_array(key, '/'))[1:$2::int], '/') AS folder, count(*) AS objects, sum(size) AS bytes
      FROM object WHERE bucket = $1${only ? among(bucket, only) : ''} GROUP BY 1`,
    [bucket, depth, ...(only ? [[...only.values]] : [])],
  );
  return rows.map(folderUsageOf);
};

const UPLOADS = `count(DISTINCT upload.upload_id) AS uploads, count(part.file_id) AS objects, coalesce(sum(part.size), 0) AS bytes`;

/** Counts a bucket's uploads that were not completed, and their parts, by the first parts of the uploads' keys. */
export const uploadUsageByFolderIn = async (
  index: Sql,
  bucket: string,
  depth: number,
  only?: KeyPart,
): Promise<readonly (FolderUsage & UploadUsage)[]> => {
  const rows = await rowsOf(
    index,
    `SELECT array_to_string((string_to_array(key, '/'))[1:$2::int], '/') AS folder, ${UPLOADS}
      FROM multipart_upload AS upload LEFT JOIN multipart_part AS part USING (upload_id)
      WHERE bucket = $1${only ? among(bucket, only) : ''} GROUP BY 1`,
    [bucket, depth, ...(only ? [[...only.values]] : [])],
  );
  return rows.map((row) => ({ ...folderUsageOf(row), uploads: countOf(row, 'uploads') }));
};

/** Counts uploads that were not completed, and their parts. */
export const uploadUsagesIn = async (index: Sql, buckets: readonly string[]): Promise<readonly UploadUsage[]> => {
  if (buckets.length === 0) return [];
  const rows = await rowsOf(
    index,
    `SELECT ${UPLOADS}
      FROM unnest($1::text[]) WITH ORDINALITY AS wanted (name, place)
      LEFT JOIN multipart_upload AS upload ON upload.bucket = name COLLATE "C"
      LEFT JOIN multipart_part AS part ON part.upload_id = upload.upload_id
      GROUP BY place ORDER BY place`,
    [[...buckets]],
  );
  return rows.map((row) => ({ ...usageOf(row), uploads: countOf(row, 'uploads') }));
};
