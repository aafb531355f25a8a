import type { ObjectsScrub } from '@fornax/client';
import { type Command, InvalidArgumentError } from 'commander';
import { harmlessLine } from '../terminal/harmless.js';
import { withProgress, type Io } from '../terminal/io.js';
import { addReconcileCommand, addStorageUsageCommand } from './storage-usage.js';

const reindex = async (io: Io, forgetMissing: boolean): Promise<void> => {
  const report = await withProgress(io, 'looking through all files of objects', () =>
    io.client().storage.reindex({ forgetMissing, signal: io.signal }),
  );
  io.table([
    ['FILES', 'RESTORED', 'KNOWN', 'WITHOUT BUCKET', 'DAMAGED', 'SET ASIDE', 'MISSING'],
    [
      report.files,
      report.restored,
      report.known,
      report.withoutBucket,
      report.damaged,
      report.setAside,
      report.missing,
    ],
  ]);
  if (report.setAside > 0)
    io.print(
      'Files of no object that can be told are in the folder "set-aside" beside the others; nothing was deleted. ' +
        'Parts of uploads that were not completed are among them: such uploads must begin anew.',
    );
  if (report.forgotten) io.print(`${report.missing} objects without their files were taken out of the index.`);
  if (report.examples.length === 0) return;
  io.print('Objects with a file missing or short, for example:');
  for (const name of report.examples) io.print(`  ${harmlessLine(name)}`);
  if (!report.forgotten) io.setExitCode(1);
};

interface ScrubChoices {
  readonly json?: boolean;
  readonly after?: string;
  readonly mibPerSecond: number;
}

const MIB = 1024 * 1024;

const rateOf = (text: string): number => {
  const rate = Number(text);
  if (!(rate >= 1 && rate <= 10_000)) throw new InvalidArgumentError('must be a number from 1 to 10000');
  return rate;
};
const placeOf = (text: string): string => {
  if (!/^[^/]+\/./s.test(text)) throw new InvalidArgumentError('must be <bucket>/<key>');
  return text;
};

/** Looks at one part after the other, so that it can be broken off, and gone on with, at any object. */
const scrub = async (io: Io, { json = false, after, mibPerSecond }: ScrubChoices): Promise<void> => {
  const sum = { objects: 0, bytes: 0, findings: [] as ObjectsScrub['findings'], orphans: 0 };
  let next: string | null | undefined = after;
  const progress = (): string =>
    `${sum.objects} objects and ${Math.round(sum.bytes / MIB)} MiB compared, ${sum.findings.length} damaged`;
  try {
    await withProgress(io, progress, async () => {
      do {
        const part: ObjectsScrub = await io.client().storage.scrub({
          mibPerSecond,
          signal: io.signal,
          ...(typeof next === 'string' ? { after: next } : {}),
        });
        sum.objects += part.objects;
        sum.bytes += part.bytes;
        sum.findings.push(...part.findings);
        sum.orphans = part.orphans ?? 0;
        next = part.next;
      } while (next !== null);
    });
  } catch (error) {
    if (typeof next === 'string')
      io.tell(`${progress()}; it goes on from here with: fornax storage scrub --after '${harmlessLine(next)}'`);
    throw error;
  }
  if (json) io.document(sum);
  else {
    io.print(`${progress()}; ${sum.orphans} files of no object, which are removed by themselves`);
    for (const { bucket, key, reason, since } of sum.findings)
      io.print(
        `  ${harmlessLine(`${bucket}/${key}: ${reason}`)}${since === undefined ? '' : ` (known since ${since})`}`,
      );
    if (sum.findings.length > 0)
      io.print(
        'Put their files back from a backup, or store them again; or give up those without a file: fornax storage reindex --forget-missing',
      );
  }
  if (sum.findings.length > 0) io.setExitCode(1);
};

const effects = async (io: Io, giveUp: string | undefined): Promise<void> => {
  if (giveUp !== undefined) {
    await io.client().storage.giveUpEffect(giveUp);
    io.print(`${giveUp}: given up`);
    return;
  }
  const owed = await io.client().storage.owedEffects();
  if (owed.length === 0) return io.print('Nothing is owed to the object store.');
  io.table([
    ['ID', 'KIND', 'OF', 'FAILURES', 'REASON'],
    ...owed.map(({ id, kind, scope, failures, reason }) => [
      id,
      kind,
      harmlessLine(scope),
      failures,
      harmlessLine(reason ?? ''),
    ]),
  ]);
};

/** `fornax storage …`, for operators. */
export const addStorageCommands = (program: Command, io: Io): void => {
  const storage = program.command('storage').description('where objects are kept (operators; usage: everybody)');
  addStorageUsageCommand(storage, io);
  addReconcileCommand(storage, io);
  storage
    .command('effects')
    .description('what the log says about objects and the object store has not done yet')
    .option(
      '--give-up <id>',
      'do not try one about results again; they stay in the staging area until their task is deleted',
    )
    .action(({ giveUp }: { readonly giveUp?: string }) => effects(io, giveUp));
  storage
    .command('scrub')
    .description('compare the bytes of all stored objects with their checksums; exit code 1 if some are damaged')
    .option('--json', 'as JSON')
    .option('--after <bucket/key>', 'go on behind this object, where a look before was broken off', placeOf)
    .option('--mib-per-second <n>', 'read at most so much', rateOf, 50)
    .action((choices: ScrubChoices) => scrub(io, choices));
  storage
    .command('reindex')
    .description('make the index of objects again from the files; exit code 1 if some objects are damaged')
    .option('--forget-missing', 'take objects out of the index whose files are missing or short')
    .action(({ forgetMissing = false }: { readonly forgetMissing?: boolean }) => reindex(io, forgetMissing));
};
