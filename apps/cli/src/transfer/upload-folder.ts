import { lstat } from 'node:fs/promises';
import { S3Error, type S3Client, type S3Object } from '@fornax/s3';
import type { BucketPlace } from '../session/bucket-place.js';
import { UsageError } from '../session/connection.js';
import { withProgress, type Io } from '../terminal/io.js';
import { type LeftOut, localFolder, NoSource } from './local-folder.js';
import { transferAll } from './transfer-all.js';
import { uploadFile } from './upload-file.js';

/** Lists what is in a place. */
export const listed = (io: Io, s3: S3Client, { bucket, prefix }: BucketPlace): Promise<readonly S3Object[]> =>
  withProgress(io, `listing ${bucket}`, () => s3.listObjects(bucket, prefix, { signal: io.signal }));

/** What is in the place; the bucket is made where there is none. */
const listedOrMade = async (io: Io, s3: S3Client, place: BucketPlace): Promise<readonly S3Object[]> => {
  try {
    return await listed(io, s3, place);
  } catch (error) {
    if (!(error instanceof S3Error) || error.code !== 'NoSuchBucket') throw error;
    await s3.createBucket(place.bucket, { signal: io.signal });
    return [];
  }
};

/** What is wrong with the place that an upload begins at. */
const noSource = async (from: string, error: unknown): Promise<unknown> => {
  if (error instanceof NoSource) return new UsageError(error.message);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ELOOP') return new UsageError(`${from} is a link that leads to itself.`);
  if (code !== 'ENOENT' && code !== 'ENOTDIR') return error;
  const isLink = await lstat(from).then(
    (facts) => facts.isSymbolicLink(),
    () => false,
  );
  return new UsageError(isLink ? `${from} is a link to nothing.` : `There is no ${from}.`);
};

export interface Uploaded {
  readonly files: number;
  readonly stored: number;
  /** That were there before. */
  readonly known: number;
  /** Empty folders that were stored. */
  readonly folders: number;
  readonly missed: readonly LeftOut[];
}

/** Stores what a folder has, or one file, in a place: what is not there yet. @throws UsageError there is nothing to store */
export const uploadFolder = async (
  io: Io,
  connect: () => Promise<S3Client>,
  from: string,
  place: BucketPlace,
  parallel: number,
): Promise<Uploaded> => {
  const { files, emptyFolders, leftOut } = await localFolder(from).catch(async (error: unknown) => {
    throw await noSource(from, error);
  });
  const s3 = await connect();
  try {
    const there = new Map((await listedOrMade(io, s3, place)).map((object) => [object.key, object]));
    const { bucket, prefix } = place;
    const missed = [...leftOut];
    let [stored, known] = [0, 0];
    await transferAll(io, files, parallel, async (file, about) => {
      const key = prefix + file.path;
      const sent = await uploadFile(s3, file, { bucket, key, there: there.get(key) }, about);
      if (sent === 'stored') stored += 1;
      else if (sent === 'there') known += 1;
      else missed.push({ path: file.path, why: sent.why });
    });
    // A folder is a key that ends with a slash; one with something in it needs none.
    const folders = emptyFolders.map((path) => ({ key: `${prefix}${path}/`, size: 0 }));
    const missing = folders.filter(({ key }) => !there.has(key));
    await transferAll(io, missing, parallel, async ({ key }, { signal }) => {
      await s3.putObject(bucket, key, '', { signal });
    });
    return { files: files.length, stored, known, folders: missing.length, missed };
  } finally {
    s3.close();
  }
};
