import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';

import { UserError } from '../failure/user-error.js';

const MAX_PATTERN_LENGTH = 4_096;
const DEADLINE_MS = 5_000;

/** Patterns that V8 can run in linear time have the flag `l` then: without counted repetitions, what is before or behind, and references. */
setFlagsFromString('--enable-experimental-regexp-engine');

/** Runs where a pattern that backtracks for ever can be stopped. */
const WORKER = `
const { parentPort, workerData: { paths, whitelist, blacklist } } = require('node:worker_threads');
const compiled = (pattern) => {
  try {
    return new RegExp(pattern, 'l');
  } catch {
    return new RegExp(pattern);
  }
};
const matcher = (pattern) => (pattern === null ? undefined : compiled(pattern));
const white = matcher(whitelist), black = matcher(blacklist);
parentPort.postMessage(paths.filter((path) => (!white || white.test(path)) && !(black && black.test(path))));
`;

export interface PathFilter {
  /** Unanchored regular expressions over the path relative to /job; null selects everything, or removes nothing. */
  readonly whitelist: string | null;
  readonly blacklist: string | null;
}

const checkPattern = (name: string, pattern: string | null): void => {
  if (pattern === null) return;
  if (pattern.length > MAX_PATTERN_LENGTH)
    throw new UserError('FX-FILTER', `The ${name} is longer than ${MAX_PATTERN_LENGTH} characters`);
  try {
    new RegExp(pattern);
  } catch (error) {
    throw new UserError(
      'FX-FILTER',
      `The ${name} is not a regular expression: ${error instanceof Error ? error.message : ''}`,
    );
  }
};

/**
 * The whitelist selects, then the blacklist removes.
 * @throws UserError a pattern is malformed, or takes longer than five seconds
 */
export const filterPaths = async (
  paths: readonly string[],
  { whitelist, blacklist }: PathFilter,
): Promise<readonly string[]> => {
  if (whitelist === null && blacklist === null) return paths;
  checkPattern('whitelist', whitelist);
  checkPattern('blacklist', blacklist);
  const worker = new Worker(WORKER, { eval: true, workerData: { paths, whitelist, blacklist } });
  const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
  worker.once('message', resolve);
  worker.once('error', reject);
  const deadline = setTimeout(
    () => reject(new UserError('FX-FILTER', 'The result filter takes too long; simplify its regular expressions')),
    DEADLINE_MS,
  );
  try {
    return await promise;
  } finally {
    clearTimeout(deadline);
    await worker.terminate();
  }
};
