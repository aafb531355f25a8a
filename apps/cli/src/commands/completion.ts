import { Argument, type Command } from 'commander';
import { COMPLETIONS } from '../terminal/completion.js';
import type { Io } from '../terminal/io.js';

/** `fornax completion`. */
export const addCompletionCommand = (program: Command, io: Io): void => {
  program
    .command('completion')
    .description('what a shell is to know to complete what you type: for bash, zsh or fish')
    .addArgument(new Argument('<shell>', 'which one').choices(Object.keys(COMPLETIONS)))
    .action((shell: string) => io.print(COMPLETIONS[shell] ?? ''));
};
