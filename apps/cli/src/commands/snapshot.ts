import type { FileChange, ListedSnapshot, SnapshotFile, WireSnapshotSummary } from '@fornax/client';
import type { S3Client } from '@fornax/s3';
import type { Command } from 'commander';
import { checkObject } from '../results/check-object.js';
import { bring, forEachListed, printOutcome, rightsText } from '../results/listed-files.js';
import { checkHasFiles, snapshotObjects } from '../results/snapshot-files.js';
import type { WantedObject } from '../results/wanted.js';
import { clientOf, withReason, type ReasonOptions } from './others.js';
import { parallelOf, storageOf } from '../session/storage.js';
import { instanceOf } from '../terminal/arguments.js';
import type { Io } from '../terminal/io.js';
import type { Found } from '../transfer/fetch-file.js';
import type { About } from '../transfer/transfer-all.js';

interface JsonOption {
  readonly json?: boolean;
}
interface PartOptions extends JsonOption {
  readonly instance?: number;
}
interface FilesOptions extends PartOptions {
  readonly verify?: boolean;
  readonly parallel: number;
}

const statusOf = ({ status, prune }: WireSnapshotSummary): string => {
  if (prune === null) return status;
  return prune.prunedDate === null ? 'pruning' : 'pruned';
};

const list = async (io: Io, task: string, { json }: JsonOption): Promise<void> => {
  const snapshots = await io.client().snapshots.list(task);
  if (json === true) return io.document(snapshots);
  const rows = snapshots.map((one) => [
    one.id,
    statusOf(one),
    one.dueDate ?? 'asked for',
    one.instances,
    one.files ?? '',
    one.sizeToUpload ?? '',
    one.reason ?? '',
  ]);
  io.table([['ID', 'STATUS', 'DUE', 'INSTANCES', 'FILES', 'BYTES', 'REASON'], ...rows]);
};

/** A complete snapshot, and what it has. @throws UsageError, ApiError */
const filesOfSnapshot = async (
  io: Io,
  id: string,
  { instance }: PartOptions,
): Promise<{ readonly snapshot: ListedSnapshot; readonly found: readonly SnapshotFile[] }> => {
  const { snapshots } = io.client();
  const snapshot = await snapshots.get(id);
  checkHasFiles(snapshot, instance);
  return { snapshot, found: await Array.fromAsync(snapshots.files({ ...snapshot, instance })) };
};

/** Does something to all files of a snapshot in the storage. */
const forEachFile = async (
  io: Io,
  id: string,
  options: FilesOptions,
  work: (s3: S3Client, object: WantedObject, about: About) => Promise<Found>,
): ReturnType<typeof forEachListed> => {
  const { snapshot, found } = await filesOfSnapshot(io, id, options);
  const s3 = await storageOf(io);
  try {
    const objects = snapshotObjects(snapshot, found);
    return await forEachListed(io, objects, options.parallel, (object, about) => work(s3, object, about));
  } finally {
    s3.close();
  }
};

const files = async (io: Io, id: string, options: FilesOptions): Promise<void> => {
  if (options.verify === true) {
    const outcome = await forEachFile(io, id, options, checkObject);
    if (options.json === true) return io.document(outcome);
    return printOutcome(io, outcome, 'files', 'are what the instances stored');
  }
  const { found } = await filesOfSnapshot(io, id, options);
  if (options.json === true) return io.document(found);
  const rows = found.map(({ instance, path, size, mode, sha256, target }) => [
    instance,
    size ?? '',
    mode === null ? '' : rightsText(mode),
    sha256?.slice(0, 16) ?? '',
    target === null ? path : `${path} -> ${target}`,
  ]);
  io.table([['INSTANCE', 'BYTES', 'MODE', 'SHA-256', 'PATH'], ...rows]);
};

const download = async (io: Io, id: string, folder: string, options: FilesOptions): Promise<void> => {
  const outcome = await forEachFile(io, id, options, (s3, object, about) => bring(s3, object, folder, about));
  if (options.json === true) return io.document(outcome);
  printOutcome(io, outcome, 'files', `are in ${folder} (${outcome.alreadyThere} were there)`);
};

const SIGNS = { added: '+', changed: '~', mode: 'm', removed: '-' } as const satisfies Record<
  FileChange['change'],
  string
>;

const countsOf = (changes: readonly FileChange[]): string => {
  const [of, bytes] = [
    Map.groupBy(changes, ({ change }) => change),
    changes.reduce(
      (sum, { after, change }) => sum + (change === 'added' || change === 'changed' ? (after ?? 0) : 0),
      0,
    ),
  ];
  const count = (change: FileChange['change']): number => of.get(change)?.length ?? 0;
  const rights = count('mode') === 0 ? '' : `, ${count('mode')} with other rights`;
  return `${count('added')} added, ${count('changed')} changed, ${count('removed')} removed${rights}; ${bytes} bytes are new`;
};

const diff = async (io: Io, before: string, after: string, { instance, json }: PartOptions): Promise<void> => {
  const { snapshots } = io.client();
  const later = await snapshots.get(after);
  checkHasFiles(later, instance);
  const changes = await Array.fromAsync(snapshots.changes({ ...later, instance }, before));
  if (json === true) return io.document(changes);
  if (changes.length > 0)
    io.table([
      ['', 'INSTANCE', 'BEFORE', 'AFTER', 'PATH'],
      ...changes.map(({ change, instance: number, before: was, after: is, path }) => [
        SIGNS[change],
        number,
        was ?? '',
        is ?? '',
        path,
      ]),
    ]);
  io.print(countsOf(changes));
};

const withParts = (command: Command): Command =>
  command.option('-i, --instance <number>', 'of one instance only', instanceOf).option('--json', 'as JSON');

/** `fornax snapshot …`. */
export const addSnapshotCommands = (program: Command, io: Io): void => {
  const snapshot = program.command('snapshot').description('look at snapshots of tasks, bring their files here');
  snapshot
    .command('list <task>')
    .description('the latest hundred snapshots of a task, newest first')
    .option('--json', 'as JSON')
    .action((task: string, options: JsonOption) => list(io, task, options));
  snapshot
    .command('take <task>')
    .description('take a snapshot of what is running; prints its id')
    .action(async (task: string) => io.print(await io.client().snapshotTask(task)));
  withParts(snapshot.command('files <snapshot>'))
    .description('the files of a complete snapshot; exit code 1 if some are missing or changed')
    .option('--verify', 'read them all through and compare them with what the instances stored')
    .option('-p, --parallel <count>', 'files at a time', parallelOf, 8)
    .action((id: string, options: FilesOptions) => files(io, id, options));
  withParts(snapshot.command('download <snapshot> <folder>'))
    .description(
      'bring the files of a snapshot into a folder, those of several instances below their numbers; run it again to go on after a break',
    )
    .option('-p, --parallel <count>', 'files at a time', parallelOf, 8)
    .action((id: string, folder: string, options: FilesOptions) => download(io, id, folder, options));
  withReason(snapshot.command('prune <snapshots...>'))
    .description('delete the files of complete snapshots, but not those that were published in their bucket')
    .action(async (ids: readonly string[], options: ReasonOptions) => {
      const client = clientOf(io, options);
      for (const id of ids) io.print(`${id} ${statusOf(await client.snapshots.prune(id))}`);
    });
  withParts(snapshot.command('diff <before> <after>'))
    .description('what is added (+), changed (~), removed (-) or has other rights (m) in a later snapshot')
    .action((before: string, after: string, options: PartOptions) => diff(io, before, after, options));
};
