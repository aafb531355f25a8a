import type { FornaxClient } from '@fornax/client';
import { CommanderError } from 'commander';
import { findConnection, UsageError, type Env } from './session/connection.js';
import type { Io } from './terminal/io.js';
import { buildProgram } from './program.js';

export interface Surroundings {
  readonly env: Env;
  readonly cwd: string;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Runs one command. @returns the exit code: 0, 1 for a no of the platform or a difference, 2 for a wrong call, 130 after Ctrl-C */
export const run = async (
  args: readonly string[],
  { env, cwd, stdout, stderr, signal }: Surroundings,
): Promise<number> => {
  let exitCode = 0;
  let client: FornaxClient | undefined;
  let api: typeof import('@fornax/client') | undefined;
  const connect = (): FornaxClient => {
    if (!api) throw new Error('A command asked for the platform before it ran.');
    return new api.FornaxClient(findConnection(env, cwd));
  };
  const io: Io = {
    print: (line) => stdout(`${line}\n`),
    write: stdout,
    tell: (line) => stderr(`${line}\n`),
    client: () => (client ??= connect()),
    signal,
    setExitCode: (code) => void (exitCode = code),
  };
  const program = await buildProgram(io, args);
  configure(program, stdout, stderr);
  // Help and mistakes are answered without it: it takes longer to read than all the rest.
  program.hook('preAction', async () => {
    api = await import('@fornax/client');
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (signal.aborted) return 130;
    stderr(`${textOf(error, api)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
};

type Configurable = Awaited<ReturnType<typeof buildProgram>>;
const configure = (command: Configurable, writeOut: (text: string) => void, writeErr: (text: string) => void): void => {
  command.exitOverride().configureOutput({ writeOut, writeErr });
  for (const child of command.commands) configure(child, writeOut, writeErr);
};

const textOf = (error: unknown, api: typeof import('@fornax/client') | undefined): string => {
  if (api && error instanceof api.ApiError) return `${error.message} (HTTP ${error.status})`;
  if (!(error instanceof Error)) return String(error);
  // fetch hides the reason of a failed connection in its cause.
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
};
