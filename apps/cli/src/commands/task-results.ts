import type { Command } from 'commander';
import type { ResultsOptions } from '../results/task-results.js';
import { parallelOf, wholeNumber } from '../session/storage.js';
import type { Io } from '../terminal/io.js';

/** `fornax task results`. */
export const addTaskResultsCommand = (task: Command, io: Io): void => {
  task
    .command('results <task>')
    .description('the results of a task: list, verify or download them; exit code 1 if some are missing or changed')
    .option('-i, --instance <number>', 'of one instance only', wholeNumber(0, 2 ** 31))
    .option('--verify', 'read them all through and compare them with what the instances stored')
    .option('-d, --download <folder>', 'bring them into a folder; run it again to go on after a break')
    .option('-p, --parallel <count>', 'files at a time', parallelOf, 8)
    .option('--json', 'as JSON')
    .action(async (id: string, options: ResultsOptions) =>
      // What talks to storage takes longer to read than most commands take.
      (await import('../results/task-results.js')).results(io, id, options),
    );
};
