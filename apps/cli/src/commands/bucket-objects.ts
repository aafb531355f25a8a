import type { S3Client, S3Object } from '@fornax/s3';
import type { Command } from 'commander';
import { placeOf, splitPlace } from '../session/bucket-place.js';
import { UsageError } from '../session/connection.js';
import { parallelOf, storageOf } from '../session/storage.js';
import { harmlessLine } from '../terminal/harmless.js';
import { withProgress, type Io } from '../terminal/io.js';
import { transferAll } from '../transfer/transfer-all.js';

const BYTES_WIDTH = 15;

/** Works with the storage, and lets go of it. */
const withStorage = async (io: Io, work: (s3: S3Client) => Promise<void>): Promise<void> => {
  const s3 = await storageOf(io);
  try {
    await work(s3);
  } finally {
    s3.close();
  }
};

const lineOf = ({ key, sizeBytes, lastModified }: S3Object): string =>
  `${String(sizeBytes).padStart(BYTES_WIDTH)}  ${lastModified}  ${harmlessLine(key)}`;

/** Lines go out as pages come: a bucket may hold millions. */
export const files = (io: Io, from: string, { json = false }: { readonly json?: boolean }): Promise<void> =>
  withStorage(io, async (s3) => {
    const { bucket, prefix } = placeOf(from);
    const objects = s3.list(bucket, prefix, { signal: io.signal });
    if (json) return io.document(await Array.fromAsync(objects));
    let count = 0;
    for await (const object of objects) {
      if (count === 0) io.print(`${'BYTES'.padStart(BYTES_WIDTH)}  ${'STORED'.padEnd(24)}  OBJECT`);
      io.print(lineOf(object));
      count += 1;
    }
    if (count > 0) return;
    io.tell(`Nothing is in ${harmlessLine(from)}.`);
    if (prefix !== '') io.setExitCode(1);
  });

export interface DeleteOptions {
  readonly withObjects?: boolean;
  readonly parallel: number;
}

const deleteAll = async (io: Io, s3: S3Client, bucket: string, prefix: string, parallel: number): Promise<number> => {
  const objects = await withProgress(io, `listing ${bucket}`, () =>
    s3.listObjects(bucket, prefix, { signal: io.signal }),
  );
  const found = objects.map(({ key }) => ({ key, size: 0 }));
  await transferAll(io, found, parallel, ({ key }, { signal }) => s3.deleteObject(bucket, key, { signal }));
  return found.length;
};

const countText = (count: number): string => `${count} ${count === 1 ? 'object' : 'objects'}`;

/** A place that ends with a slash is all that is below it: nobody deletes a folder by the name of an object. */
export const remove = (io: Io, from: string, { withObjects = false, parallel }: DeleteOptions): Promise<void> =>
  withStorage(io, async (s3) => {
    const [bucket, key] = splitPlace(from);
    const shown = harmlessLine(from);
    if (key === '') {
      if (from.endsWith('/')) throw new UsageError(`Say ${harmlessLine(bucket)} to delete the bucket.`);
      const count = withObjects ? await deleteAll(io, s3, bucket, '', parallel) : 0;
      await s3.deleteBucket(bucket, { signal: io.signal });
      return io.print(`${shown} was deleted${withObjects ? ` with ${countText(count)}` : ''}`);
    }
    if (key.endsWith('/')) {
      const count = await deleteAll(io, s3, bucket, key, parallel);
      if (count === 0) io.setExitCode(1);
      return io.print(`${countText(count)} of ${shown} ${count === 1 ? 'was' : 'were'} deleted`);
    }
    if ((await s3.headObject(bucket, key, { signal: io.signal })) === undefined) {
      io.tell(`There is no object ${shown}. A folder is named with a slash at its end.`);
      return io.setExitCode(1);
    }
    await s3.deleteObject(bucket, key, { signal: io.signal });
    io.print(`${shown} was deleted`);
  });

/** `fornax bucket files` and `delete`. */
export const addBucketObjectsCommands = (bucket: Command, io: Io): void => {
  bucket
    .command('files <bucket>')
    .description('what is in a bucket, or below <bucket>/<folder>; exit code 1 if nothing is in that folder')
    .option('--json', 'as JSON')
    .action((from: string, options: { readonly json?: boolean }) => files(io, from, options));
  bucket
    .command('delete <bucket>')
    .description(
      'delete an empty bucket, an object (<bucket>/<key>), or all that is below a folder (<bucket>/<folder>/, with the slash)',
    )
    .option('--with-objects', 'a bucket with all that is in it')
    .option('-p, --parallel <count>', 'objects at a time', parallelOf, 16)
    .action((from: string, options: DeleteOptions) => remove(io, from, options));
};
