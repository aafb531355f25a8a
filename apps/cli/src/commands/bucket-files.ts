import { lstat } from 'node:fs/promises';
import { MODE_HEADER, S3Error, type S3Client, type S3Object } from '@fornax/s3';
import type { Command } from 'commander';
import { type BucketPlace, placeOf } from '../session/bucket-place.js';
import { UsageError } from '../session/connection.js';
import { parallelOf, storageOf } from '../session/storage.js';
import { harmlessLine } from '../terminal/harmless.js';
import { withProgress, type Io } from '../terminal/io.js';
import { fetchFile, type Found, makeFolder, UNNAMABLE, type WantedFile } from '../transfer/fetch-file.js';
import { hasEtag } from '../transfer/file-sums.js';
import { type LeftOut, localFolder, NoSource } from '../transfer/local-folder.js';
import { transferAll } from '../transfer/transfer-all.js';
import { uploadFile } from '../transfer/upload-file.js';

interface Options {
  readonly parallel: number;
}

const MOST_NAMED = 20;

/** Says what is not brought, and that this is no success. */
const tellLeftOut = (io: Io, leftOut: readonly LeftOut[]): void => {
  if (leftOut.length === 0) return;
  for (const { path, why } of leftOut.slice(0, MOST_NAMED)) io.tell(`left out: ${harmlessLine(path)}: ${why}`);
  if (leftOut.length > MOST_NAMED) io.tell(`left out: ${leftOut.length - MOST_NAMED} more`);
  io.setExitCode(1);
};

const leftOutText = (leftOut: readonly LeftOut[]): string =>
  leftOut.length === 0 ? '' : `, ${leftOut.length} left out`;

const listed = (io: Io, s3: S3Client, { bucket, prefix }: BucketPlace): Promise<readonly S3Object[]> =>
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

const upload = async (io: Io, from: string, to: string, { parallel }: Options): Promise<void> => {
  const place = placeOf(to);
  const { files, emptyFolders, leftOut } = await localFolder(from).catch(async (error: unknown) => {
    throw await noSource(from, error);
  });
  const s3 = await storageOf(io);
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
    tellLeftOut(io, missed);
    io.print(
      `${stored} of ${files.length} files were stored in ${to} (${known} were there${leftOutText(missed)})${foldersText(missing.length)}`,
    );
  } finally {
    s3.close();
  }
};

const foldersText = (count: number): string =>
  count === 0 ? '' : `, and ${count} empty ${count === 1 ? 'folder' : 'folders'}`;

const WRONG = {
  ...UNNAMABLE,
  missing: 'was deleted meanwhile',
  changed: 'was replaced meanwhile: run the command again',
} as const;
const isWrong = (how: Found): how is keyof typeof WRONG => how in WRONG;

const wantedFile = ({ key, sizeBytes, etag }: S3Object, { bucket, prefix }: BucketPlace): WantedFile => ({
  bucket,
  key,
  path: key.slice(prefix.length),
  size: sizeBytes,
  etag,
  isRight: (file) => hasEtag(file, etag),
});

const download = async (io: Io, from: string, folder: string, { parallel }: Options): Promise<void> => {
  const place = placeOf(from);
  const s3 = await storageOf(io);
  try {
    const wanted = (await listed(io, s3, place)).map((object) => wantedFile(object, place));
    // An empty bucket is brought as what it is; a folder is only where something is in it.
    if (wanted.length === 0 && place.prefix !== '') {
      io.tell(`Nothing is in ${harmlessLine(from)}.`);
      io.setExitCode(1);
    }
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
    tellLeftOut(io, leftOut);
    io.print(
      `${brought} of ${files.length} files were brought into ${folder} (${known} were there${leftOutText(leftOut)})`,
    );
  } finally {
    s3.close();
  }
};

/** `fornax bucket upload` and `download`. */
export const addBucketFilesCommands = (bucket: Command, io: Io): void => {
  bucket
    .command('upload <folder> <bucket>')
    .description(
      `store a folder, or one file, in a bucket or below <bucket>/<folder>: what is not there yet, with its mode (${MODE_HEADER}); run it again to go on after a break`,
    )
    .option('-p, --parallel <count>', 'files at a time', parallelOf, 16)
    .action((from: string, to: string, options: Options) => upload(io, from, to, options));
  bucket
    .command('download <bucket> <folder>')
    .description(
      'bring a bucket, or what is below <bucket>/<folder>, into a folder: what is not there yet, with its mode',
    )
    .option('-p, --parallel <count>', 'files at a time', parallelOf, 16)
    .action((from: string, folder: string, options: Options) => download(io, from, folder, options));
};
