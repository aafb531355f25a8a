import { stat } from 'node:fs/promises';
import type { S3Object } from '@fornax/s3';
import type { Command } from 'commander';
import { placeOf, type BucketPlace } from '../session/bucket-place.js';
import { UsageError } from '../session/connection.js';
import { parallelOf, storageOf } from '../session/storage.js';
import { isLocal } from '../submission/prepare.js';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';
import {
  deleteFiles,
  folderAt,
  objectsIn,
  surplusFiles,
  surplusObjects,
  toBring,
  toStore,
} from '../transfer/sync-folder.js';
import { transferAll } from '../transfer/transfer-all.js';
import { download, upload } from './bucket-files.js';

interface Options {
  readonly parallel: number;
  readonly delete?: boolean;
  readonly dryRun?: boolean;
}

/** What would be done, a line each. */
const printPlan = (io: Io, what: string, paths: readonly string[], surplus: readonly string[]): void => {
  for (const path of paths) io.print(`would ${what} ${harmlessLine(path)}`);
  for (const path of surplus) io.print(`would delete ${harmlessLine(path)}`);
  if (paths.length + surplus.length === 0) io.print('Both are the same.');
};

const deletedText = (count: number, where: string, to: string): string =>
  `${count} ${count === 1 ? 'file was' : 'files were'} deleted in ${harmlessLine(to)}: not ${where}`;

/** An empty side is a mistyped one more often than a wish to lose the other: `fornax rm` says that. Folders alone are nothing, too. */
const assertSome = (files: number, from: string, to: string): void => {
  if (files === 0)
    throw new UsageError(`Nothing is in ${harmlessLine(from)}, so nothing of ${harmlessLine(to)} is deleted.`);
};

/** A file is no folder with one file in it: all others would be deleted on the other side. */
const assertFolder = async (path: string): Promise<void> => {
  const facts = await stat(path).catch(() => undefined);
  if (facts?.isDirectory() === false)
    throw new UsageError(`${harmlessLine(path)} is no folder. fornax cp copies a file.`);
};

/** What could not be brought may be what is about to be deleted, under another name. */
const tellNotDeleted = (io: Io, count: number, where: string): void => {
  if (count > 0) io.tell(`Nothing was deleted in ${harmlessLine(where)}, since not all came over.`);
};

const pathOf =
  ({ prefix }: BucketPlace) =>
  ({ key }: S3Object): string =>
    key.slice(prefix.length);

/** Folders are objects, too, with a slash behind. */
const filesOf = (objects: readonly S3Object[], place: BucketPlace): readonly S3Object[] =>
  objects.filter((object) => !['', '/'].includes(pathOf(place)(object).slice(-1)));

const push = async (io: Io, from: string, to: string, options: Options): Promise<void> => {
  const place = placeOf(to);
  await assertFolder(from);
  const folder = await folderAt(from);
  if (options.delete === true) assertSome(folder.files.length, from, to);
  const isWhole = options.dryRun === true || (await upload(io, from, to, options));
  if (options.dryRun !== true && options.delete !== true) return;
  const s3 = await storageOf(io);
  try {
    const objects = await objectsIn(io, s3, place);
    // What came here while files were stored is on both sides.
    const later = await folderAt(from);
    const surplus = options.delete === true ? surplusObjects(later, surplusObjects(folder, objects, place), place) : [];
    if (options.dryRun === true) {
      const paths = await toStore(io, s3, folder, objects, place, options.parallel);
      return printPlan(io, 'store', paths, surplus.map(pathOf(place)));
    }
    if (!isWhole) return tellNotDeleted(io, surplus.length, to);
    const gone = surplus.map(({ key }) => ({ key, size: 0 }));
    await transferAll(io, gone, options.parallel, ({ key }, { signal }) =>
      s3.deleteObject(place.bucket, key, { signal }),
    );
    if (gone.length > 0) io.print(deletedText(gone.length, 'here', to));
  } finally {
    s3.close();
  }
};

const pull = async (io: Io, from: string, to: string, options: Options): Promise<void> => {
  const place = placeOf(from);
  await assertFolder(to);
  const list = async (): Promise<readonly S3Object[]> => {
    const s3 = await storageOf(io);
    return objectsIn(io, s3, place).finally(() => s3.close());
  };
  const objects = await list();
  if (options.delete === true) assertSome(filesOf(objects, place).length, from, to);
  const before = options.delete === true ? surplusFiles(await folderAt(to), objects, place) : [];
  if (options.dryRun === true)
    return printPlan(io, 'bring', await toBring(io, objects, place, to, options.parallel), before);
  const isWhole = await download(io, from, to, options);
  if (before.length === 0) return;
  if (!isWhole) return tellNotDeleted(io, before.length, to);
  // What came there while files were brought is on both sides.
  const kept = new Set([...objects, ...(await list())].map(pathOf(place)));
  const surplus = before.filter((path) => !kept.has(path));
  await deleteFiles(to, surplus, kept);
  if (surplus.length > 0) io.print(deletedText(surplus.length, 'there', to));
};

const sync = async (io: Io, from: string, to: string, options: Options): Promise<void> => {
  const [fromHere, toHere] = await Promise.all([isLocal(from), isLocal(to)]);
  if (fromHere === toHere)
    throw new UsageError('One side is a path of this machine (./x, /x, a folder here), the other one a bucket.');
  await (fromHere ? push(io, from, to, options) : pull(io, from, to, options));
};

/** `fornax sync` */
export const addSyncCommand = (program: Command, io: Io): void => {
  program
    .command('sync <from> <to>')
    .description(
      'make a bucket, or a folder in it, what a folder here is, or the other way round: what differs, modes among it',
    )
    .option('--delete', 'what is on the other side alone is deleted there')
    .option('--dry-run', 'say what would be done')
    .option('-p, --parallel <count>', 'files at a time', parallelOf, 16)
    .action((from: string, to: string, options: Options) => sync(io, from, to, options));
};
