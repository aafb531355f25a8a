import { delay } from '@fornax/base';
import type { EnteredCommand, RunningInstance } from '@fornax/drivers';

import type { Command } from '../profile/hidden-script.js';
import { SHUTDOWN_COMMAND } from '../profile/shutdown-of.js';
import { plainText } from './plain-text.js';

/** How long it may take until the instance is told to end all the same. */
const SHUTDOWN_MS = 1_500;
const MOST_REASON = 200;

/** The end of an instance kills it, too, and is heard of a moment later. */
const END_MS = 200;

const noteOf = async (
  entered: Promise<EnteredCommand>,
  over: Promise<void>,
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
  if (end.signal === 'SIGKILL') await Promise.race([over, delay(END_MS, undefined, { ref: false })]);
  // The end of its instance is what it may have brought about.
  if (end.exitCode === 0 || isLate() || isOver()) return undefined;
  if (end.signal === 'SIGKILL')
    return `${SHUTDOWN_COMMAND} was killed (SIGKILL): by itself, or because its instance has no more memory`;
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
    over,
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
