import type { SessionRequest } from '@fornax/client';
import { InvalidArgumentError, type Command } from 'commander';
import { UsageError } from '../session/connection.js';
import { dialSession } from '../session/instance-session.js';
import { openForward } from '../session/local-forward.js';
import { attend } from '../session/remote-command.js';
import { instanceOf } from '../terminal/arguments.js';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';

/** What a shell says of a program that it cannot run, and of one that Ctrl-C has ended. */
const CANNOT_RUN = 126;
const INTERRUPTED = 130;
/** The better of the shells that an image has. */
const SHELL = ['/bin/sh', '-c', 'if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi'];

interface Options {
  readonly instance: number;
  readonly terminal?: boolean;
  readonly stdin?: boolean;
}

interface ForwardOptions {
  readonly instance: number;
  readonly address: string;
}

const run = async (io: Io, id: string, command: readonly string[], options: Options): Promise<void> => {
  const { stdin, stdout } = io.streams();
  const hasTerminal = options.terminal === true;
  if (hasTerminal && (stdin.isTTY !== true || stdout.isTTY !== true))
    throw new UsageError('This is no terminal: use `fornax task exec` without --terminal.');
  const { rows = 24, columns = 80 } = stdout;
  const term = /^[\w.+-]{1,64}$/.exec(io.env['TERM'] ?? '')?.[0] ?? 'xterm';
  const request: SessionRequest = {
    kind: 'exec',
    command: [...command],
    ...(hasTerminal ? { terminal: { rows: Math.max(1, rows), columns: Math.max(1, columns), term } } : {}),
  };
  const session = await io.client().sessions.open(id, options.instance, request, io.signal);
  const reads = hasTerminal || (options.stdin !== false && stdin.isTTY !== true);
  const end = await attend(io, await dialSession(session, session.ticket), { reads, hasTerminal });
  if (io.signal.aborted) return io.setExitCode(INTERRUPTED);
  if (end === undefined)
    throw new Error('The session broke off: the instance is over, or its node or the platform is away.');
  if ('exitCode' in end) return io.setExitCode(end.exitCode);
  io.tell(`It could not be run: ${harmlessLine(end.trouble)}`);
  io.setExitCode(CANNOT_RUN);
};

const portIn = (text: string, least: number): number => {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (port < least || port > 65_535) throw new InvalidArgumentError('must be a port, or two as in 9000:8080');
  return port;
};

/** `8080` is the same here and there, `9000:8080` here and there, `0:8080` any free one here. */
const portsOf = (text: string): { readonly here: number; readonly there: number } => {
  const [first = '', second = first] = text.split(':');
  return { here: portIn(first, second === first ? 1 : 0), there: portIn(second, 1) };
};

const forward = async (
  io: Io,
  id: string,
  { here, there }: ReturnType<typeof portsOf>,
  { instance, address }: ForwardOptions,
): Promise<void> => {
  const session = await io.client().sessions.open(id, instance, { kind: 'forward', port: there }, io.signal);
  const { at, over } = await openForward(session, { address, port: here }, io.signal);
  io.print(`${at} leads to port ${there} of instance ${instance}, until Ctrl-C`);
  await over;
  if (io.signal.aborted) return;
  throw new Error('The forward is over: the instance has ended, or its node or the platform is away.');
};

/** `fornax task shell`, `exec` and `forward`. */
export const addTaskSessionCommands = (task: Command, io: Io): void => {
  const instance = ['-i, --instance <number>', 'which instance', instanceOf, 0] as const;
  task
    .command('shell <task>')
    .description('a shell in a running instance, with the rights and the limits of that; its exit code is this one’s')
    .option(...instance)
    .action((id: string, options: Options) => run(io, id, SHELL, { ...options, terminal: true }));
  task
    .command('exec <task> <command...>')
    .description('run a command in a running instance; its exit code is this one’s')
    .option(...instance)
    .option('-t, --terminal', 'with a terminal: for programs that draw on the screen')
    .option('--no-stdin', 'it reads nothing, in a loop of a script say; else what is piped here')
    .addHelpText('after', '\nWhat follows -- is the command, without a shell. Ctrl-C ends it.')
    .action((id: string, command: readonly string[], options: Options) => run(io, id, command, options));
  task
    .command('forward <task>')
    .description('reach a TCP port of a running instance at a port of this machine, until Ctrl-C')
    .argument('<port>', 'the port, or the one here and the one there, as in 9000:8080 (0: any free one)', portsOf)
    .option(...instance)
    .option('--address <address>', 'where it listens here', '127.0.0.1')
    .action((id: string, ports: ReturnType<typeof portsOf>, options: ForwardOptions) =>
      forward(io, id, ports, options),
    );
};
