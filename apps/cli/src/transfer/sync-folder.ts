import { readdir, realpath, rm, rmdir } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { S3Error, type S3Client, type S3Object } from '@fornax/s3';
import type { BucketPlace } from '../session/bucket-place.js';
import type { Io } from '../terminal/io.js';
import { wantedFile } from './download-place.js';
import { isHere } from './fetch-file.js';
import { localFolder, type LocalFolder } from './local-folder.js';
import { transferAll } from './transfer-all.js';
import { isThere } from './upload-file.js';
import { listed } from './upload-folder.js';

const inOrder = (paths: Iterable<string>): readonly string[] => [...paths].sort();

/** What is in a place; nothing where there is no such bucket. */
export const objectsIn = (io: Io, s3: S3Client, place: BucketPlace): Promise<readonly S3Object[]> =>
  listed(io, s3, place).catch((error: unknown) => {
    if (error instanceof S3Error && error.code === 'NoSuchBucket') return [];
    throw error;
  });

const isBelow = (path: string, folders: readonly string[]): boolean =>
  folders.some((folder) => path === folder || path.startsWith(`${folder}/`));

/** Objects of a place that no file of a folder stands for. What could not be read here is not taken for gone. */
export const surplusObjects = (
  { files, emptyFolders, leftOut }: LocalFolder,
  objects: readonly S3Object[],
  { prefix }: BucketPlace,
): readonly S3Object[] => {
  const kept = new Set([...files.map(({ path }) => path), ...emptyFolders.map((path) => `${path}/`)]);
  const unread = leftOut.map(({ path }) => path);
  return objects.filter(({ key }) => {
    const path = key.slice(prefix.length);
    return path !== '' && !kept.has(path) && !isBelow(path, unread);
  });
};

/** Files of a folder that no object of a place stands for. */
export const surplusFiles = (
  { files }: LocalFolder,
  objects: readonly S3Object[],
  { prefix }: BucketPlace,
): readonly string[] => {
  const kept = new Set(objects.map(({ key }) => key.slice(prefix.length)));
  return files.map(({ path }) => path).filter((path) => !kept.has(path));
};

/** What of a folder an upload would store. */
export const toStore = async (
  io: Io,
  s3: S3Client,
  { files }: LocalFolder,
  objects: readonly S3Object[],
  { bucket, prefix }: BucketPlace,
  parallel: number,
): Promise<readonly string[]> => {
  const there = new Map(objects.map((object) => [object.key, object]));
  const found: string[] = [];
  await transferAll(io, files, parallel, async (file, about) => {
    const key = prefix + file.path;
    if (!(await isThere(s3, file, { bucket, key, there: there.get(key) }, about))) found.push(file.path);
  });
  return inOrder(found);
};

/** What of a place a download would bring. */
export const toBring = async (
  io: Io,
  objects: readonly S3Object[],
  place: BucketPlace,
  folder: string,
  parallel: number,
): Promise<readonly string[]> => {
  const wanted = objects
    .map((object) => wantedFile(object, place))
    .filter(({ path }) => path !== '' && !path.endsWith('/'));
  const found: string[] = [];
  await transferAll(io, wanted, parallel, async (file) => {
    if (!(await isHere(file, folder))) found.push(file.path);
  });
  return inOrder(found);
};

/** What a folder has; nothing where it is not there yet. */
export const folderAt = (folder: string): Promise<LocalFolder> =>
  localFolder(folder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return { files: [], emptyFolders: [], leftOut: [] };
    throw error;
  });

/** Deletes files of a folder, and the folders that are empty then; never outside of it, and no target of a link. */
export const deleteFiles = async (
  folder: string,
  paths: readonly string[],
  kept: ReadonlySet<string>,
): Promise<void> => {
  const root = await realpath(folder);
  for (const path of paths) {
    const parent = await realpath(dirname(join(root, path))).catch(() => undefined);
    // A folder on the way may have become a link meanwhile.
    if (parent === undefined || (parent !== root && !parent.startsWith(root + sep))) continue;
    await rm(join(root, path), { force: true });
    for (let above = dirname(path); above !== '.' && !kept.has(`${above}/`); above = dirname(above)) {
      const at = resolve(root, above);
      if ((await readdir(at).catch(() => ['?'])).length > 0) break;
      await rmdir(at).catch(() => undefined);
    }
  }
};
