import { resolveConstants, splitWords, substitute, SubstitutionTooLong, UnbalancedQuote } from '@fornax/drivers';
import type { LeaseOrder } from '@fornax/contracts';

/** The user's fault, told to the user. */
export class UserError extends Error {
  override readonly name = 'UserError';
  constructor(
    readonly code: string,
    message: string,
    readonly debug = '',
  ) {
    super(message);
  }
}

export interface InstancePlan {
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Where inputs go, relative to the working directory; '' is the directory itself. */
  readonly resourcesFolder: string;
  readonly filter: { readonly whitelist: string | null; readonly blacklist: string | null };
}

export interface InstancePaths {
  readonly job: string;
  readonly tmp: string;
  readonly ramfs: string;
}

/** Below what Linux takes for arguments and environment together (a quarter of the stack limit, 2 MiB by default). */
const MAX_COMMAND_BYTES = 1_500_000;
const JOB = '/job';

/** A path of a constant that lies in /job, relative to it; anything else is the working directory itself. */
const belowJob = (path: string | undefined): string => {
  const parts = (path ?? JOB).split('/').filter((part) => part !== '' && part !== '.');
  const [first, ...rest] = parts;
  return first === 'job' && !rest.includes('..') ? rest.join('/') : '';
};

const bytesOf = (texts: readonly string[]): number => texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 9, 0);

/**
 * What to run, out of the order and the secrets that its grant brought (REST contract, 4.2 to 4.5).
 * @throws UserError the command is missing or malformed
 */
export const planOf = (
  order: Pick<LeaseOrder, 'instance' | 'instanceCount' | 'constants' | 'results' | 'profile'>,
  secrets: Readonly<Record<string, string>>,
  paths: InstancePaths,
  path: string,
): InstancePlan => {
  const raw = new Map(order.constants.map(({ key, value }) => [key, value]));
  const resourcesFolder = belowJob(raw.get('RESOURCES_PATH'));
  const standard = new Map<string, string>([
    ['INSTANCE_ID', String(order.instance)],
    ['INSTANCE_COUNT', String(order.instanceCount)],
    ['FRAME_ID', String(order.instance)],
    ['QRANK', String(order.instance)],
    ['QSIZE', String(order.instanceCount)],
    ['TASK_PATH', paths.job],
    ['QARNOT_RESOURCES_DIRECTORY', resourcesFolder === '' ? paths.job : `${paths.job}/${resourcesFolder}`],
    ['QARNOT_RESULTS_DIRECTORY', paths.job],
    ['TMP_RAMFS_PATH', paths.ramfs],
    ['TMP_PATH', paths.tmp],
  ]);
  try {
    const values = resolveConstants(raw, new Map([...Object.entries(secrets), ...standard]));
    const line = raw.get('DOCKER_CMD')?.trim() ?? '';
    if (line === '') {
      throw new UserError(
        'FX-NO-COMMAND',
        `The profile ${order.profile} needs the constant DOCKER_CMD: there is no image here that brings a command`,
      );
    }
    const [program, ...rest] = splitWords(line).map((word) => substitute(word, values));
    if (program === undefined || program === '') throw new UserError('FX-NO-COMMAND', 'DOCKER_CMD holds no command');
    const env = { PATH: path, HOME: paths.job, LANG: 'C.UTF-8', ...Object.fromEntries(values) };
    const argv: readonly [string, ...string[]] = [program, ...rest];
    if ([...argv, ...Object.values(env)].some((text) => text.includes('\0')))
      throw new UserError('FX-COMMAND', 'A constant holds a zero byte');
    if (bytesOf([...argv, ...Object.entries(env).flat()]) > MAX_COMMAND_BYTES) {
      throw new UserError('FX-COMMAND', `Command and constants are longer than ${MAX_COMMAND_BYTES} bytes together`);
    }
    const expand = (text: string | null | undefined): string | null =>
      text === null || text === undefined || text === '' ? null : substitute(text, values);
    return {
      argv,
      env,
      resourcesFolder,
      filter: { whitelist: expand(order.results?.whitelist), blacklist: expand(order.results?.blacklist) },
    };
  } catch (error) {
    if (error instanceof UnbalancedQuote)
      throw new UserError('FX-COMMAND', `DOCKER_CMD cannot be split into words: ${error.message}`);
    if (error instanceof SubstitutionTooLong) throw new UserError('FX-COMMAND', error.message);
    throw error;
  }
};
