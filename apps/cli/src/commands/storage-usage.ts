import { ApiError, type WireStorageDisk, type WireStorageUsage } from '@fornax/client';
import type { Command } from 'commander';
import { harmlessLine } from '../terminal/harmless.js';
import { withProgress, type Io } from '../terminal/io.js';

/** Tasks that are printed; `--json` has up to a thousand. */
const MOST_TASKS = 20;

interface UsageChoices {
  readonly json?: boolean;
  readonly disk?: boolean;
}

const printTasks = (io: Io, { tasks, moreTasks }: WireStorageUsage): void => {
  if (tasks.length === 0) return;
  const shown = tasks.slice(0, MOST_TASKS);
  io.table([
    ['TASK', 'OBJECTS', 'BYTES', 'STAGED', 'MANIFESTS', 'OUTPUT'],
    ...shown.map((task) => [
      harmlessLine(task.taskId),
      task.objects,
      task.bytes,
      task.staged,
      task.manifests,
      task.output,
    ]),
  ]);
  const hidden = tasks.slice(MOST_TASKS);
  const more = hidden.length + moreTasks.tasks;
  const bytes = hidden.reduce((sum, task) => sum + task.bytes, moreTasks.bytes);
  if (more > 0) io.print(`${more} more tasks with ${bytes} bytes`);
};

const printDisk = (io: Io, { kinds, total, indexedBytes }: WireStorageDisk): void => {
  io.table([
    ['ON DISK', 'BUCKET', 'FILES', 'BYTES'],
    ...kinds
      .filter(({ files }) => files > 0)
      .map(({ kind, bucket, files, bytes }) => [kind, harmlessLine(bucket ?? '-'), files, bytes]),
  ]);
  const missing = kinds.find(({ kind }) => kind === 'missing');
  io.print(
    `${total.files} files with ${total.bytes} bytes are on disk; the content of all objects is ${indexedBytes} bytes`,
  );
  const more = total.bytes - indexedBytes;
  io.print(
    `the difference of ${more} bytes is checksums and manifests behind the content, and files of no object, as listed`,
  );
  if (missing && missing.files > 0) {
    io.print(
      `${missing.files} files with ${missing.bytes} bytes are missing: fornax storage scrub names their objects`,
    );
    io.setExitCode(1);
  }
};

const print = (io: Io, usage: WireStorageUsage): void => {
  io.table([
    ['BUCKET', 'OBJECTS', 'BYTES', 'UNFINISHED PARTS', 'BYTES OF PARTS'],
    ...usage.buckets.map(({ name, objects, bytes, uploadParts, uploadBytes }) => [
      harmlessLine(name),
      objects,
      bytes,
      uploadParts,
      uploadBytes,
    ]),
  ]);
  printTasks(io, usage);
  io.table([
    ['KIND', 'OBJECTS', 'BYTES'],
    ...usage.kinds.map(({ kind, objects, bytes }) => [kind, objects, bytes]),
    ['total', usage.total.objects, usage.total.bytes],
  ]);
};

/** The disk where there is one to look at. */
const diskOf = async (io: Io): Promise<WireStorageDisk | undefined> => {
  try {
    return await io.client().storage.disk(io.signal);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 409) throw error;
    io.tell(error.message);
    return undefined;
  }
};

const usage = async (io: Io, { json = false, disk = false }: UsageChoices): Promise<void> => {
  const found = await withProgress(io, 'counting what lies in object storage', () =>
    io.client().storage.usage(io.signal),
  );
  const onDisk = disk ? await withProgress(io, 'looking at all files of objects', () => diskOf(io)) : undefined;
  if (json) return io.document({ ...found, ...(onDisk ? { disk: onDisk } : {}) });
  print(io, found);
  if (onDisk) printDisk(io, onDisk);
};

const ABOUT = `
Kinds:
  objects    of buckets: what quotas count
  uploads    parts of uploads that were not completed, in buckets
  staged     results of attempts that are not over
  manifests  lists of results and tables of parameters, until their task is deleted
  output     output that has left the database, until its task is deleted
What nodes keep of inputs is in their metric fornax.inputs.cache.size.`;

/** `fornax storage usage`. */
export const addStorageUsageCommand = (storage: Command, io: Io): void => {
  storage
    .command('usage')
    .description('bytes and objects by bucket, task and kind: yours, or for operators of everybody')
    .option(
      '--disk',
      'also look at every file on disk and say what it is for (operators); exit code 1 if files are missing',
    )
    .option('--json', 'as JSON')
    .addHelpText('after', ABOUT)
    .action((choices: UsageChoices) => usage(io, choices));
};

const reconcile = async (io: Io, { json = false }: { readonly json?: boolean }): Promise<void> => {
  const found = await withProgress(io, 'comparing counters with objects', () =>
    io.client().storage.reconcile(io.signal),
  );
  if (json) return io.document(found);
  const { buckets, differences } = found;
  if (differences.length === 0) return io.print(`${buckets} buckets compared: what is counted is what is there`);
  io.table([
    ['BUCKET', 'OBJECTS MORE', 'BYTES MORE'],
    ...differences.map(({ bucket, objects, bytes }) => [harmlessLine(bucket), objects, bytes]),
  ]);
  io.print(`${buckets} buckets compared; the counters of ${differences.length} were wrong by that, and are repaired`);
};

/** `fornax storage reconcile`. */
export const addReconcileCommand = (storage: Command, io: Io): void => {
  storage
    .command('reconcile')
    .description('compare the counters that quotas go by with the objects that there are, and repair them')
    .option('--json', 'as JSON')
    .action((choices: { readonly json?: boolean }) => reconcile(io, choices));
};
