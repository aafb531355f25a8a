import type { Command } from 'commander';
import { withProgress, type Io } from '../terminal/io.js';
import { printTasks } from '../session/named-tasks.js';

const list = async (io: Io): Promise<void> => {
  const rows = (await io.client().projections.list()).map(({ name, service, sequence, lag, rebuilding }) => [
    name,
    service,
    sequence,
    lag,
    rebuilding ? `${rebuilding.sequence} of ${rebuilding.of}` : '',
  ]);
  io.table([['PROJECTION', 'SERVICE', 'SEQUENCE', 'LAG', 'REBUILDING'], ...rows]);
};

interface RebuildOptions {
  readonly verify?: boolean;
  readonly force?: boolean;
}

const rebuild = async (io: Io, name: string, { verify = false, force = false }: RebuildOptions): Promise<void> => {
  const report = await withProgress(io, `rebuilding ${name}`, () =>
    io.client().projections.rebuild(name, { verify, force, signal: io.signal }),
  );
  const { rows, differences, events, seconds, swapped } = report;
  const rate = seconds > 0 ? `, ${Math.round(events / seconds)} events/s` : '';
  io.print(`${name}: ${events} events in ${seconds.toFixed(2)} s${rate}`);
  io.table([['TABLE', 'ROWS'], ...Object.entries(rows)]);
  if (swapped) io.print('The rebuilt rows have replaced the old ones.');
  if (!verify) return;
  const differing = differences.filter(({ onlyLive, onlyRebuilt }) => onlyLive > 0 || onlyRebuilt > 0);
  if (differing.length === 0) return io.print('The live rows equal the rebuilt ones.');
  io.print('The live rows differ from the rebuilt ones:');
  io.table([
    ['TABLE', 'ONLY LIVE', 'ONLY REBUILT'],
    ...differing.map(({ table, onlyLive, onlyRebuilt }) => [table, onlyLive, onlyRebuilt]),
  ]);
  printTasks(io, report.tasks);
  io.setExitCode(1);
};

/** `fornax projection …`, for operators. */
export const addProjectionCommands = (program: Command, io: Io): void => {
  const projection = program
    .command('projection')
    .description('read models: where they stand, and rebuilding them (operators)');
  projection
    .command('list')
    .description('all projections and how far they are behind the log')
    .action(() => list(io));
  projection
    .command('rebuild <name>')
    .description('fold the log again beside the live rows, then put the new rows in their place')
    .option('--verify', 'only compare; exit code 1 if there are differences')
    .option('--force', 'also where the log knows less than the rows: what only they know is lost')
    .action((name: string, options: RebuildOptions) => rebuild(io, name, options));
};
