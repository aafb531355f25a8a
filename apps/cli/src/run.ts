import type { FornaxClient } from '@fornax/client';
import { CommanderError, type Command } from 'commander';
import { findConnection, UsageError, type Env } from './session/connection.js';
import { harmless } from './terminal/harmless.js';
import type { OutputWish } from './terminal/output.js';
import { terminalIo, type Shown, type Terminal } from './terminal/terminal-io.js';
import { buildProgram } from './program.js';
import type { Io } from './terminal/io.js';

export interface Surroundings extends Terminal {
  readonly env: Env;
  readonly cwd: string;
  readonly signal: AbortSignal;
}

/** How the scripts of completion call this program. */
const ASKS_WHAT_FOLLOWS = '__complete';

/** Runs one command. @returns the exit code: 0, 1 for a no of the platform or a difference, 2 for a wrong call, 130 after Ctrl-C */
export const run = async (
  args: readonly string[],
  { env, cwd, signal, ...terminal }: Surroundings,
): Promise<number> => {
  let exitCode = 0;
  let client: FornaxClient | undefined;
  let api: typeof import('./session/platform-client.js') | undefined;
  const connect = (): FornaxClient => {
    if (!api) throw new Error('A command asked for the platform before it ran.');
    return new api.FornaxClient(findConnection(env, cwd));
  };
  const { stdout, stderr } = terminal;
  const shown: Shown = { wish: {} };
  const io = terminalIo(terminal, shown, {
    client: () => (client ??= connect()),
    signal,
    env,
    cwd,
    setExitCode: (code) => void (exitCode = code),
  });
  if (args[0] === ASKS_WHAT_FOLLOWS) {
    const { candidates } = await import('./terminal/completion.js');
    const words = args.slice(1);
    for (const one of candidates(await buildProgram(io, words), words)) io.print(one);
    return 0;
  }
  const program = await buildProgram(io, args);
  configure(program, stdout, stderr);
  // Help and mistakes are answered without it: it takes longer to read than all the rest.
  program.hook('preAction', async (_, command) => {
    api = await import('./session/platform-client.js');
    const wish: OutputWish = command.opts();
    shown.wish = wish;
    const { output, columns } = wish;
    if (output === 'yaml') shown.yaml = (await import('./terminal/yaml.js')).yamlOf;
    await nameIds(command, io);
    // What has a document of its own shows that one.
    if ((output === 'json' || output === 'yaml') && columns === undefined && hasJson(command))
      command.setOptionValue('json', true);
  });
  program.hook('postAction', () => {
    const { output, columns } = shown.wish;
    if ((output !== undefined || columns !== undefined) && shown.wasAsked !== true && exitCode === 0)
      io.tell('Note: this command shows neither rows nor a document, so --output and --columns changed nothing.');
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (signal.aborted) return 130;
    stderr(`${harmless(textOf(error, api))}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
};

/** Puts ids where a task, a job or a pool was named otherwise: in arguments, and in options. */
const nameIds = async (command: Command, io: Io): Promise<void> => {
  // A shortname is its owner's own, so that of somebody else is looked up as that one sees it.
  if (command.opts()['owner'] !== undefined) return;
  const { jobNamed, poolNamed, taskNamed } = await import('./session/named.js');
  for (const [kind, named] of Object.entries({ task: taskNamed, job: jobNamed, pool: poolNamed })) {
    const at = command.registeredArguments.findIndex((argument) => argument.name() === kind);
    const given: unknown = command.processedArgs[at];
    if (typeof given === 'string') command.processedArgs[at] = await named(io.client(), given);
    const chosen: unknown = command.opts()[kind];
    if (typeof chosen === 'string') command.setOptionValue(kind, await named(io.client(), chosen));
    if (Array.isArray(chosen))
      command.setOptionValue(kind, await Promise.all(chosen.map((one) => named(io.client(), String(one)))));
  }
};

const hasJson = (command: Command): boolean => command.options.some(({ long }) => long === '--json');

const configure = (command: Command, writeOut: (text: string) => void, writeErr: (text: string) => void): void => {
  command.exitOverride().configureOutput({ writeOut, writeErr });
  for (const child of command.commands) configure(child, writeOut, writeErr);
};

const textOf = (error: unknown, api: typeof import('./session/platform-client.js') | undefined): string => {
  if (api && error instanceof api.ApiError) return `${error.message} (HTTP ${error.status})`;
  // The API's own failures name it; what is left talks to the storage.
  if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ECONNREFUSED')
    return `The storage cannot be reached: ${String(error)}. What is transferred already stays; the same command brings the rest.`;
  if (!(error instanceof Error)) return String(error);
  // fetch hides the reason of a failed connection in its cause.
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
};
