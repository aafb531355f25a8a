import type { Command } from 'commander';
import { UsageError } from '../session/connection.js';
import { parallelOf } from '../session/storage.js';
import { isLocal } from '../submission/prepare.js';
import type { Io } from '../terminal/io.js';
import { listBuckets } from './bucket.js';
import { download, upload, type Options } from './bucket-files.js';
import { files, remove, type DeleteOptions } from './bucket-objects.js';

/** Copies between this machine and a bucket; one side of each. */
const copy = async (io: Io, from: string, to: string, options: Options): Promise<void> => {
  const [fromHere, toHere] = await Promise.all([isLocal(from), isLocal(to)]);
  if (fromHere === toHere)
    throw new UsageError(
      fromHere
        ? 'Both are on this machine: name a bucket, or <bucket>/<folder>.'
        : 'Both are buckets: write the one on this machine as a path, such as ./folder.',
    );
  await (fromHere ? upload(io, from, to, options) : download(io, from, to, options));
};

/** `fornax cp|ls|rm`: files of buckets as people know them from a shell. */
export const addFileCommands = (program: Command, io: Io): void => {
  program
    .command('cp <from> <to>')
    .description(
      'copy a folder or a file to a bucket, or back: what differs; one side is a path (./x, /x, a folder here)',
    )
    .option('-p, --parallel <count>', 'files at a time', parallelOf, 16)
    .action((from: string, to: string, options: Options) => copy(io, from, to, options));
  program
    .command('ls [bucket]')
    .description('your buckets, or what is in one or below <bucket>/<folder>')
    .option('--json', 'as JSON')
    .action((place: string | undefined, options: { readonly json?: boolean }) =>
      place === undefined ? listBuckets(io, options) : files(io, place, options),
    );
  program
    .command('rm <bucket>')
    .description('delete an object (<bucket>/<key>), all below a folder (<bucket>/<folder>/), or an empty bucket')
    .option('--with-objects', 'a bucket with all that is in it')
    .option('-p, --parallel <count>', 'objects at a time', parallelOf, 16)
    .action((from: string, options: DeleteOptions) => remove(io, from, options));
};
