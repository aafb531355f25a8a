import { MODE_HEADER } from '@fornax/s3';
import type { Command } from 'commander';
import { placeOf } from '../session/bucket-place.js';
import { parallelOf, storageOf } from '../session/storage.js';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';
import { downloadPlace } from '../transfer/download-place.js';
import type { LeftOut } from '../transfer/local-folder.js';
import { uploadFolder } from '../transfer/upload-folder.js';

export interface Options {
  readonly parallel: number;
}

const MOST_NAMED = 20;

/** Says what is not brought, and that this is no success. @returns whether nothing was left out */
const tellLeftOut = (io: Io, leftOut: readonly LeftOut[]): boolean => {
  if (leftOut.length === 0) return true;
  for (const { path, why } of leftOut.slice(0, MOST_NAMED)) io.tell(`left out: ${harmlessLine(path)}: ${why}`);
  if (leftOut.length > MOST_NAMED) io.tell(`left out: ${leftOut.length - MOST_NAMED} more`);
  io.setExitCode(1);
  return false;
};

const leftOutText = (leftOut: readonly LeftOut[]): string =>
  leftOut.length === 0 ? '' : `, ${leftOut.length} left out`;

/** Stores what is not there yet, and says how much that was. @returns whether all of it is there now */
export const upload = async (io: Io, from: string, to: string, { parallel }: Options): Promise<boolean> => {
  const { files, stored, known, folders, missed } = await uploadFolder(
    io,
    () => storageOf(io),
    from,
    placeOf(to),
    parallel,
  );
  const isWhole = tellLeftOut(io, missed);
  io.print(
    `${stored} of ${files} files were stored in ${to} (${known} were there${leftOutText(missed)})${foldersText(folders)}`,
  );
  return isWhole;
};

const foldersText = (count: number): string =>
  count === 0 ? '' : `, and ${count} empty ${count === 1 ? 'folder' : 'folders'}`;

/** Brings what is not here yet, and says how much that was. @returns whether all of it is here now */
export const download = async (io: Io, from: string, folder: string, { parallel }: Options): Promise<boolean> => {
  const place = placeOf(from);
  const { objects, files, brought, known, leftOut } = await downloadPlace(
    io,
    await storageOf(io),
    place,
    folder,
    parallel,
  );
  // An empty bucket is brought as what it is; a folder is only where something is in it.
  if (objects === 0 && place.prefix !== '') {
    io.tell(`Nothing is in ${harmlessLine(from)}.`);
    io.setExitCode(1);
  }
  const isWhole = tellLeftOut(io, leftOut);
  io.print(`${brought} of ${files} files were brought into ${folder} (${known} were there${leftOutText(leftOut)})`);
  return isWhole;
};

/** `fornax bucket upload` and `download`. */
export const addBucketFilesCommands = (bucket: Command, io: Io): void => {
  bucket
    .command('upload <folder> <bucket>')
    .description(
      `store a folder, or one file, in a bucket or below <bucket>/<folder>: what is not there yet, with its mode (${MODE_HEADER}); run it again to go on after a break`,
    )
    .option('-p, --parallel <count>', 'files at a time', parallelOf, 16)
    .action(async (from: string, to: string, options: Options) => void (await upload(io, from, to, options)));
  bucket
    .command('download <bucket> <folder>')
    .description(
      'bring a bucket, or what is below <bucket>/<folder>, into a folder: what is not there yet, with its mode',
    )
    .option('-p, --parallel <count>', 'files at a time', parallelOf, 16)
    .action(async (from: string, folder: string, options: Options) => void (await download(io, from, folder, options)));
};
