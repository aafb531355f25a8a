import { splitWords, UnbalancedQuote } from '@fornax/drivers';

import { UserError } from '../failure/user-error.js';
import { type Command, commandIn } from './hidden-script.js';

export const SHUTDOWN_COMMAND = 'DOCKER_SHUTDOWN_CMD';
/** What the profiles of the contract say where a task says nothing: there is nothing to do. */
const NOTHING_TO_DO = '/bin/true';

/** What is to run in an instance that is stopped in order; undefined: nothing. Its words are those of the task: no entrypoint stands before them. @throws UserError */
export const shutdownOf = (
  raw: ReadonlyMap<string, string>,
  values: ReadonlyMap<string, string>,
  secrets: readonly string[],
): Command | undefined => {
  const line = (raw.get(SHUTDOWN_COMMAND) ?? '').trim();
  if (line === '' || line === NOTHING_TO_DO) return undefined;
  try {
    const [program = '', ...rest] = splitWords(line);
    return commandIn([program, ...rest], values, secrets);
  } catch (error) {
    if (error instanceof UnbalancedQuote)
      throw new UserError('FX-COMMAND', `${SHUTDOWN_COMMAND} cannot be split into words: ${error.message}`);
    throw error;
  }
};
