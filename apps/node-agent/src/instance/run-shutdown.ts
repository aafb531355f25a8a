import { delay } from '@fornax/base';
import type { EnteredCommand, RunningInstance } from '@fornax/drivers';

import type { Command } from '../profile/hidden-script.js';
import { SHUTDOWN_COMMAND } from '../profile/shutdown-of.js';
import { plainText } from './plain-text.js';

/** How long it may take until the instance is told to end all the same. */
const SHUTDOWN_MS = 1_500;
const MOST_REASON = 200;

const noteOf = async (
  entered: Promise<EnteredCommand>,
  isLate: () => boolean,
  isOver: () => boolean,
): Promise<string | undefined> => {
  let end: Awaited<EnteredCommand['exit']>;
  try {
    end = await (await entered).exit;
  } catch (error) {
    // An instance that ended by itself meanwhile needs no end.
    return isOver() ? undefined : `${SHUTDOWN_COMMAND} was not run: ${plainText(error)}`.slice(0, MOST_REASON);
  }
  // Nobody but the end of its instance kills it before its time: that is what it may have brought about.
  if (end.exitCode === 0 || isLate() || isOver() || end.signal === 'SIGKILL') return undefined;
  return `${SHUTDOWN_COMMAND} exited with code ${end.exitCode}${end.signal === undefined ? '' : ` (${end.signal})`}`;
};

/**
 * Runs the command of an instance that is to be stopped, beside its own, for a bounded time. Never rejects.
 * @param hear takes what it writes
 * @returns what its owner should know: that it failed, took too long, or was not run
 */
export const runShutdown = async (
  running: Pick<RunningInstance, 'enter' | 'exit'>,
  { argv, env }: Command,
  hear: (outputs: Pick<EnteredCommand, 'stdout' | 'stderr'>) => void,
  withinMs = SHUTDOWN_MS,
): Promise<string | undefined> => {
  let [isOver, isLate] = [false, false];
  const over = running.exit.then(() => void (isOver = true));
  const entered = running.enter({ argv, env }).then((command) => {
    command.stdin.on('error', () => undefined);
    command.stdin.end();
    hear(command);
    if (isLate) command.kill();
    return command;
  });
  const note = noteOf(
    entered,
    () => isLate,
    () => isOver,
  );
  const stop = new AbortController();
  const late = delay(withinMs, stop.signal).then(() => {
    if (stop.signal.aborted) return undefined;
    isLate = true;
    void entered.then(({ kill }) => kill()).catch(() => undefined);
    return `${SHUTDOWN_COMMAND} was ended after ${withinMs / 1_000} s`;
  });
  return Promise.race([note, late, over.then(() => undefined)]).finally(() => stop.abort());
};
