import type { FornaxClient } from '@fornax/client';
import { type Command, InvalidArgumentError } from 'commander';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';

const MOST_CHARS = 500;

const reasonOf = (text: string): string => {
  const reason = text.trim();
  if (reason === '' || reason.length > MOST_CHARS || harmlessLine(reason) !== reason)
    throw new InvalidArgumentError(`must be one line of at most ${MOST_CHARS} characters`);
  return reason;
};

export interface ReasonOptions {
  readonly reason?: string;
}
export interface OwnerOptions {
  readonly owner?: string;
}

/** Adds `--reason` to a command that changes something. */
export const withReason = (command: Command): Command =>
  command.option('--reason <text>', 'why: kept with the event, and shown in the history', reasonOf);

/** Adds `--owner` to a command about a task. */
export const withOwner = (command: Command): Command =>
  command.option(
    '--owner <user>',
    'whose task it is, by e-mail or id: for operators and coordinators, with a shortname',
  );

/** The client whose commands say why. */
export const clientOf = (io: Io, { reason }: ReasonOptions): FornaxClient =>
  reason === undefined ? io.client() : io.client().because(reason);

/** The id of a task: a shortname is its owner's own, so that of somebody else is looked up as that one sees it. */
export const taskIdOf = async (io: Io, task: string, { owner }: OwnerOptions): Promise<string> =>
  owner === undefined ? task : (await io.client().readingAs(owner).getTask(task)).uuid;
