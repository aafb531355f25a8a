import type { Command } from 'commander';
import { printOutput, type LogOptions } from '../session/print-output.js';
import { instancesIn } from '../terminal/arguments.js';
import type { Io } from '../terminal/io.js';

const WHAT = 'what a task has printed';

/** `logs`, of the first level and of tasks. */
export const addLogsTo = (parent: Command, io: Io): void => {
  parent
    .command('logs <task>')
    .description(WHAT)
    .option('--stderr', 'its errors instead of its output')
    .option('-i, --instance <numbers>', 'these instances only: 3, 0-9, 1,3,10-20', instancesIn)
    .option('-f, --follow', 'go on until the task is over')
    .option('--raw', 'on a terminal, too, as it is: colors, and whatever else it does')
    .action((id: string, options: LogOptions) => printOutput(io, 'tasks', id, options));
};
