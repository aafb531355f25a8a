import { Command } from 'commander';
import { withExamples } from './examples.js';
import { GROUPS } from './groups.js';
import { versionOf } from './version.js';
import { withOutput } from './terminal/output.js';
import type { Io } from './terminal/io.js';

const ENVIRONMENT = `
Environment:
  QARNOT_CLUSTER_URL   the API, e.g. http://127.0.0.1:8080
  QARNOT_CLIENT_TOKEN  who you are
  FORNAX_DATA_DIR      data folder of a platform on this machine; its file "env" is read when the others are not set (.fornax)
  NO_COLOR             no colors, whatever the terminal can

Exit codes:
  0    done; of a command that waits or compares: it succeeded, nothing is different
  1    the platform said no or cannot be reached, a task did not succeed, something is damaged or missing
  2    wrongly called: nothing was done
  130  ended by Ctrl-C
  141  nobody read what it was to show (… | head); what is submitted and waited for goes on to its end`;

/** Which command of the first level is meant; undefined: none, or that of all. */
const nameIn = (args: readonly string[]): string | undefined => {
  const [first, second] = args.filter((one) => !one.startsWith('-'));
  return first === 'help' ? second : first;
};

/**
 * The command line; nothing runs until it parses arguments.
 * @param args of what they ask for alone the definitions are read, of the others the names; undefined: of all
 */
export const buildProgram = async (io: Io, args?: readonly string[]): Promise<Command> => {
  const program = new Command('fornax')
    .description('Talk to a Fornax platform')
    .version(versionOf(), '--version', 'what this is')
    // After a command it is an option of that command: `fornax secret get … --version 1`.
    .enablePositionalOptions()
    .addHelpText('after', ENVIRONMENT);
  const name = args && nameIn(args);
  for (const { names, load } of GROUPS)
    if (args === undefined || (name !== undefined && Object.hasOwn(names, name))) {
      const before = program.commands.length;
      (await load())(program, io);
      for (const command of program.commands.slice(before)) withOutput(command);
    } else for (const [other, what] of Object.entries(names)) program.command(other).description(what);
  withExamples(program);
  return program;
};
