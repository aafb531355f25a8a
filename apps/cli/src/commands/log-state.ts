import { ApiError, type LogState } from '@fornax/client';
import type { Command } from 'commander';
import { harmless } from '../terminal/harmless.js';
import { printTasks } from '../session/named-tasks.js';
import { withProgress, type Io } from '../terminal/io.js';

const look = (io: Io): Promise<LogState> =>
  withProgress(io, 'comparing the read models with the log', () => io.client().log.state(io.signal));

const printLost = (io: Io, { known, lost, lostTasks, lastCommitAt }: LogState): void => {
  if (known) io.print(`known        up to ${known.sequence} of ${known.epoch}`);
  if (lastCommitAt !== null) io.print(`last commit  ${lastCommitAt}`);
  if (lost.length === 0) return io.print('No row of a read model depends on what is missing.');
  io.print('Rows that are as they are because of what is missing in this log:');
  io.table([['TABLE', 'ROWS'], ...lost.map(({ table, rows }) => [table, rows])]);
  printTasks(io, lostTasks);
};

/** Who may do what is in the log alone, so an older log lets in whom a later commit shut out. */
const printReopened = (io: Io, { log, lastCommitAt }: LogState): void => {
  if (log === null || log.endsWith('/0')) return;
  io.print(
    `Tokens, users, roles, quotas and the keys of nodes are as they were at the last commit${lastCommitAt === null ? '' : ` (${lastCommitAt})`}.`,
  );
  io.print('What was revoked, disabled or lowered since is good again: do that once more before others come in:');
  io.print(
    '  fornax token list --user <user>; fornax token revoke; fornax user disable; fornax user role; fornax node revoke',
  );
};

const printWays = (io: Io, ways: readonly string[]): void => {
  for (const [index, way] of ways.entries()) io.print(harmless(`  (${index + 1}) ${way}`));
};

const DAY_MS = 86_400_000;
const UNITS = [
  ['days', DAY_MS],
  ['hours', 3_600_000],
  ['minutes', 60_000],
  ['seconds', 1_000],
] as const;
const ageOf = (ms: number): string => {
  const [unit, unitMs] = UNITS.find(([, each]) => ms % each === 0) ?? ['ms', 1];
  return `${ms / unitMs} ${unit}`;
};

/** What the log holds, and what has left it. */
const printKept = async (io: Io): Promise<void> => {
  const archive = await io
    .client()
    .log.archive(io.signal)
    .catch((error: unknown) => {
      if (error instanceof ApiError) return error;
      throw error;
    });
  if (archive instanceof ApiError) {
    // A release without an archive has none to be asked for.
    if (archive.status !== 404) io.print(harmless(`archive      cannot be asked: ${archive.message}`));
    return;
  }
  const { head, to, left, first, kept, bytes, retentionMs, stays } = archive;
  io.print(`kept         ${kept} commits, from ${first} to ${head}, ${bytes} bytes`);
  io.print(`archived     up to ${to}`);
  io.print(`left         ${left === 0 ? 'nothing' : `up to ${left}, read from the archive`}`);
  io.print(`leaves       ${retentionMs === null ? 'nothing' : `what is older than ${ageOf(retentionMs)}`}`);
  if (stays !== null) io.print(harmless(`stays        ${stays}`));
};

const status = async (io: Io): Promise<void> => {
  const state = await look(io);
  io.print(harmless(state.message));
  io.print(`log          ${state.log ?? 'none'}`);
  if (state.isRight) return printKept(io);
  printLost(io, state);
  io.print('What to do, one of these:');
  printWays(io, state.ways);
  io.setExitCode(1);
};

const accept = async (io: Io, log: string, isSure: boolean): Promise<void> => {
  if (!isSure) {
    const state = await look(io);
    io.print(harmless(state.message));
    if (state.isRight) return;
    printLost(io, state);
    printReopened(io, state);
    if (state.log !== log) {
      io.print(`Nothing was done: ${harmless(log)} is not the log that there is, which is ${state.log ?? 'none'}.`);
      return io.setExitCode(1);
    }
    io.print(`Nothing was done. To lose this and go on: fornax log accept ${state.log ?? log} --yes`);
    return io.setExitCode(1);
  }
  const before = await look(io);
  await io.client().log.accept(log);
  io.print(`${log} is accepted. The platform starts anew and folds all read models from it.`);
  printReopened(io, before);
};

const health = async (io: Io): Promise<void> => {
  const { status: word, reasons, degraded, stops, warnings } = await io.client().health();
  io.print(word);
  const stopped = new Set(stops.map(({ name }) => name));
  for (const { name, message, ways } of stops) {
    io.print(harmless(`nothing may be written (${name}): ${message}`));
    printWays(io, ways);
  }
  for (const { name, reason, ways = [] } of [...reasons, ...degraded.map((part) => ({ ...part, ways: [] }))]) {
    if (stopped.has(name)) continue;
    io.print(harmless(`${name}: ${reason}`));
    printWays(io, ways);
  }
  for (const warning of warnings) io.print(harmless(`warning: ${warning}`));
  if (word === 'not ready') io.setExitCode(1);
};

/** `fornax health`, and the part of `fornax log …` that is about which log this is, for operators. */
export const addLogStateCommands = (program: Command, io: Io): void => {
  program
    .command('health')
    .description('whether the platform works, and if not, why and what to do; exit code 1 when it is not ready')
    .action(() => health(io));
  const log = program.commands.find((command) => command.name() === 'log') ?? program.command('log');
  if (log.description() === '') log.description('the event log (operators)');
  log
    .command('status')
    .description('whether the event log went back or is another one, what is missing in it, and what to do')
    .action(() => status(io));
  log
    .command('accept <log>')
    .description('go on with the event log as it is, when it went back or is another one; says first what will be lost')
    .option('--yes', 'do it')
    .action((name: string, { yes = false }: { readonly yes?: boolean }) => accept(io, name, yes));
};
