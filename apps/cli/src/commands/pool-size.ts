import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { UsageError } from '../session/connection.js';
import { amountOf } from '../terminal/arguments.js';

export interface SizeOptions {
  readonly min?: number;
  readonly max?: number;
  readonly minIdle?: number;
  readonly idleSeconds?: number;
  readonly policies?: string;
}

/** A size that is said as one of a fixed number, of bounds, or of policies. */
export interface ScalingOptions extends SizeOptions {
  readonly slots?: number;
}

const ALWAYS = [{ type: 'Always', name: 'always' }];

/** @throws UsageError the file holds no JSON */
export const policiesIn = async (path: string): Promise<unknown> => {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown;
  } catch (error) {
    throw new UsageError(`${path} cannot be read as JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
};

/** @returns undefined when no bounds are given @throws UsageError there is no upper one */
export const boundsOf = ({ min, max, minIdle, idleSeconds }: SizeOptions) => {
  if (max === undefined) {
    if ([min, minIdle, idleSeconds].some((given) => given !== undefined))
      throw new UsageError('--min, --min-idle and --idle-seconds go with --max.');
    return undefined;
  }
  return {
    maxTotalSlots: max,
    ...(min === undefined ? {} : { minTotalSlots: min }),
    ...(minIdle === undefined ? {} : { minIdleSlots: minIdle }),
    ...(idleSeconds === undefined ? {} : { minIdleTimeSeconds: idleSeconds }),
  };
};

const givenOf = (asked: Readonly<Record<string, unknown>>) =>
  Object.entries(asked).filter(([, value]) => value !== undefined);

/** @throws UsageError not one of them is given, or several are */
export const onlyOne = (asked: Readonly<Record<string, unknown>>): void => {
  const given = givenOf(asked);
  if (given.length !== 1) throw new UsageError(`Say one of ${Object.keys(asked).join(', ')}.`);
};

/** A scaling as it is sent (contract, 3.10); undefined where nothing is said of a size. @throws UsageError several are said */
export const scalingIn = async (options: ScalingOptions): Promise<unknown> => {
  const { slots, policies, max } = options;
  const bounds = boundsOf(options);
  const asked = { '--slots': slots, '--max': max, '--policies': policies };
  if (givenOf(asked).length === 0) return undefined;
  onlyOne(asked);
  if (policies !== undefined) return policiesIn(policies);
  const policy = bounds ? { type: 'ManagedTasksQueue', ...bounds } : { type: 'Fixed', slotsCount: slots };
  return { policies: [{ ...policy, name: 'always', enabledPeriods: ALWAYS }] };
};

/** Adds the bounds and the policies of a size. */
export const withBounds = (command: Command): Command =>
  command
    .option('--max <slots>', 'elastic: this many slots at most', amountOf)
    .option('--min <slots>', 'elastic: never fewer slots than this (0)', amountOf)
    .option('--min-idle <slots>', 'elastic: slots that are kept free for what comes next (0)', amountOf)
    .option('--idle-seconds <seconds>', 'elastic: close a slot that has been free for this long (90)', amountOf)
    .option('--policies <file>', 'a scaling with its policies, JSON');

/** Adds a size that is said in one of three ways. */
export const withScaling = (command: Command): Command =>
  withBounds(command.option('--slots <count>', 'a fixed number of slots', amountOf));
