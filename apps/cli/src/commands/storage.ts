import type { Command } from 'commander';
import { harmlessLine } from '../terminal/harmless.js';
import { withProgress, type Io } from '../terminal/io.js';
import { renderTable } from '../terminal/table.js';

const reindex = async (io: Io, forgetMissing: boolean): Promise<void> => {
  const report = await withProgress(io, 'looking through all files of objects', () =>
    io.client().reindexObjects({ forgetMissing, signal: io.signal }),
  );
  io.print(
    renderTable([
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
    ]),
  );
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

const effects = async (io: Io, giveUp: string | undefined): Promise<void> => {
  if (giveUp !== undefined) {
    await io.client().giveUpEffect(giveUp);
    io.print(`${giveUp}: given up`);
    return;
  }
  const owed = await io.client().owedEffects();
  if (owed.length === 0) return io.print('Nothing is owed to the object store.');
  io.print(
    renderTable([
      ['ID', 'KIND', 'OF', 'FAILURES', 'REASON'],
      ...owed.map(({ id, kind, scope, failures, reason }) => [
        id,
        kind,
        harmlessLine(scope),
        failures,
        harmlessLine(reason ?? ''),
      ]),
    ]),
  );
};

/** `fornax storage …`, for operators. */
export const addStorageCommands = (program: Command, io: Io): void => {
  const storage = program.command('storage').description('where objects are kept (operators)');
  storage
    .command('effects')
    .description('what the log says about objects and the object store has not done yet')
    .option(
      '--give-up <id>',
      'do not try one about results again; they stay in the staging area until their task is deleted',
    )
    .action(({ giveUp }: { readonly giveUp?: string }) => effects(io, giveUp));
  storage
    .command('reindex')
    .description('make the index of objects again from the files; exit code 1 if some objects are damaged')
    .option('--forget-missing', 'take objects out of the index whose files are missing or short')
    .action(({ forgetMissing = false }: { readonly forgetMissing?: boolean }) => reindex(io, forgetMissing));
};
