import { setTimeout as delay } from 'node:timers/promises';
import { ApiError, type WireLogRestore } from '@fornax/client';
import type { Command } from 'commander';
import { teller, type Io } from '../terminal/io.js';

const HELP = `
The whole archive is compared before anything is changed. Each commit gets the sequence that it had, so read models go on where they stood, and can be
folded anew. A log that holds anything is never replaced. What was written after the last segment (FORNAX_LOG_ARCHIVE_AFTER_MS) is lost: if there was
anything, fornax log accept says what.`;

const LOOK_MS = 300;
/** Processes that never saw the right log begin anew when it is back. */
const AWAY_MS = 60_000;

/** How far it is; undefined while the platform begins anew. */
const look = async (io: Io): Promise<WireLogRestore | undefined> => {
  try {
    return await io.client().log.restoring(io.signal);
  } catch (error) {
    if (io.signal.aborted || (error instanceof ApiError && error.status < 500)) throw error;
    return undefined;
  }
};

const restore = async (io: Io, log: string | undefined): Promise<void> => {
  let found: WireLogRestore | undefined = await io.client().log.restore(log);
  const tell = teller(io);
  let seenAt = performance.now();
  while (found === undefined || found.state === 'running') {
    await delay(LOOK_MS, undefined, { signal: io.signal });
    const before = found;
    found = await look(io);
    if (found !== undefined) seenAt = performance.now();
    if (found === undefined && performance.now() - seenAt > AWAY_MS)
      throw new Error('the platform does not answer any more: look at fornax log state');
    if (found?.state === 'running')
      tell(found.to === 0 ? 'comparing the archive' : `restored ${found.restored} of ${found.to}`);
    // It has begun anew, which it does when the log is the right one again.
    if (found?.state === 'none' && before?.state !== 'none') return await sayState(io);
  }
  if (found.state === 'failed') {
    io.setExitCode(1);
    return io.tell(`the log was not restored: ${found.reason ?? ''}`);
  }
  io.print(`log ${found.log ?? ''} is back, up to sequence ${found.restored}`);
};

const sayState = async (io: Io): Promise<void> => {
  const { isRight, message, log } = await io.client().log.state(io.signal);
  if (!isRight) io.setExitCode(1);
  io.print(isRight ? `the log is back: ${log ?? ''}` : message);
};

/** `fornax log restore`, for operators. */
export const addLogRestoreCommand = (program: Command, io: Io): void => {
  const log = program.commands.find((command) => command.name() === 'log') ?? program.command('log');
  log
    .command('restore')
    .description('put a lost event log back from its archive')
    .option('--log <epoch>', 'which one, where the platform does not know it')
    .addHelpText('after', HELP)
    .action((options: { readonly log?: string }) => restore(io, options.log));
};
