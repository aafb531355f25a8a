import type { S3Client, S3Object } from '@fornax/s3';
import type { BucketPlace } from '../session/bucket-place.js';
import type { Io } from '../terminal/io.js';
import { fetchFile, type Found, makeFolder, UNNAMABLE, type WantedFile } from './fetch-file.js';
import { hasEtag } from './file-sums.js';
import type { LeftOut } from './local-folder.js';
import { transferAll } from './transfer-all.js';
import { listed } from './upload-folder.js';

const WRONG = {
  ...UNNAMABLE,
  missing: 'was deleted meanwhile',
  changed: 'was replaced meanwhile: run the command again',
} as const;
const isWrong = (how: Found): how is keyof typeof WRONG => how in WRONG;

/** An object as a file that is wanted of it. */
export const wantedFile = ({ key, sizeBytes, etag }: S3Object, { bucket, prefix }: BucketPlace): WantedFile => ({
  bucket,
  key,
  path: key.slice(prefix.length),
  size: sizeBytes,
  etag,
  isRight: (file) => hasEtag(file, etag),
});

export interface Downloaded {
  /** Objects that were found, folders among them. */
  readonly objects: number;
  readonly files: number;
  readonly brought: number;
  /** That were here before. */
  readonly known: number;
  readonly leftOut: readonly LeftOut[];
}

/** Brings what is in a place into a folder: what is not there yet. The connection is closed then. */
export const downloadPlace = async (
  io: Io,
  s3: S3Client,
  place: BucketPlace,
  folder: string,
  parallel: number,
): Promise<Downloaded> => {
  try {
    const wanted = (await listed(io, s3, place)).map((object) => wantedFile(object, place));
    const { folders = [], files = [] } = Object.groupBy(
      wanted.filter(({ path }) => path !== ''),
      ({ path }) => (path.endsWith('/') ? 'folders' : 'files'),
    );
    const leftOut: LeftOut[] = [];
    let [brought, known] = [0, 0];
    const note = (path: string, how: Found): void => {
      if (isWrong(how)) leftOut.push({ path, why: `the object ${WRONG[how]}` });
    };
    await transferAll(io, files, parallel, async (file, about) => {
      const how = await fetchFile(s3, file, folder, about);
      if (how === 'whole') brought += 1;
      if (how === 'there') known += 1;
      note(file.path, how);
    });
    for (const { path } of folders) note(path, await makeFolder(folder, path.slice(0, -1)));
    return { objects: wanted.length, files: files.length, brought, known, leftOut };
  } finally {
    s3.close();
  }
};
