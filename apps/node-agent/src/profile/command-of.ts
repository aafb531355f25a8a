import { instanceNumbers, type LeaseOrder, resolveConstants, substitute, SubstitutionTooLong } from '@fornax/contracts';
import { type Consistency, consistencyOf, consistencyProblem } from '@fornax/domain';
import {
  type Doors,
  SECRETS_SOCKET,
  splitWords,
  STANDARD_PATH,
  UnbalancedQuote,
  type UserNumbers,
} from '@fornax/drivers';

import type { ImageSettings } from '../images/image-manifest.js';
import { UserError } from '../failure/user-error.js';
import { directoryIn, PASSWORD, wordsIn } from './in-image.js';
import { type Command, commandIn } from './hidden-script.js';
import { shutdownOf } from './shutdown-of.js';

export interface InstancePlan {
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Where it starts, and whom it takes itself for; only in an image. */
  readonly directory?: string;
  readonly seenAs?: UserNumbers;
  /** Where it finds the others of its task. */
  readonly doors?: Doors;
  /** Where inputs go, relative to the working directory; '' is the directory itself. */
  readonly resourcesFolder: string;
  readonly filter: { readonly whitelist: string | null; readonly blacklist: string | null };
  /** How long the command may run; absent: as long as it likes. */
  readonly wallLimitMs?: number;
  /** Regular expressions that read the progress out of standard output. */
  readonly progress: readonly string[];
  /** What its snapshots wait for, and what is done with it meanwhile. */
  readonly consistency: Consistency;
  /** What runs beside it when it is stopped in order, with what its environment has besides; absent: nothing. */
  readonly shutdown?: Command;
}

/** How a command runs in its image. */
export interface RunImage extends ImageSettings {
  readonly seenAs?: UserNumbers;
  readonly home?: string;
}

export interface InstancePaths {
  readonly job: string;
  readonly tmp: string;
  readonly ramfs: string;
  readonly secrets: string;
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

type Order = Pick<LeaseOrder, 'instance' | 'instanceCount' | 'constants' | 'results' | 'profile' | 'run'> &
  Partial<Pick<LeaseOrder, 'attempt' | 'resumes' | 'secrets'>> & {
    /** The snapshot that lies in the job, where there is one. */
    readonly snapshotId?: string | undefined;
  };
type Run = NonNullable<LeaseOrder['run']>;

/** What an order means that does not say which constants hold the command. */
const FIRST_RUN: Run = {
  constant: 'DOCKER_CMD',
  how: 'words',
  wallLimit: 'MAX_EXECUTION_SECONDS',
  progress: ['DOCKER_PROGRESS1', 'DOCKER_PROGRESS2', 'DOCKER_PROGRESS3'],
};

const secretVariables = (folder: string): readonly (readonly [string, string])[] => [
  ['QARNOT_SECRETS_DIR', folder],
  ['QARNOT_SECRETS_SOCKET', `${folder}/${SECRETS_SOCKET}`],
];

/** The variables of every instance (contract, section 4.3). */
const standardVariables = (order: Order, paths: InstancePaths, resources: string): ReadonlyMap<string, string> =>
  new Map([
    ...instanceNumbers(order.instance, order.instanceCount),
    ['TASK_PATH', paths.job],
    ['QARNOT_RESOURCES_DIRECTORY', resources === '' ? paths.job : `${paths.job}/${resources}`],
    ['QARNOT_RESULTS_DIRECTORY', paths.job],
    ['TMP_RAMFS_PATH', paths.ramfs],
    ['TMP_PATH', paths.tmp],
    ...(order.resumes === true ? [['QARNOT_ATTEMPT', String(order.attempt ?? 1)] as const] : []),
    ...(order.snapshotId === undefined ? [] : [['QARNOT_SNAPSHOT_ID', order.snapshotId] as const]),
    ...(order.secrets === true ? secretVariables(paths.secrets) : []),
  ]);

/** A script is handed over as it is: the shell finds the constants in its environment, and no value can change its text. */
const scriptArgv = (script: string, stopsOnError: boolean): [string, ...string[]] => [
  '/bin/sh',
  ...(stopsOnError ? ['-e'] : []),
  '-c',
  script,
  'sh',
];

/** @throws UnbalancedQuote, UserError */
const commandOf = (
  order: Order,
  run: Run,
  raw: ReadonlyMap<string, string>,
  values: ReadonlyMap<string, string>,
  secrets: readonly string[],
  image: ImageSettings | undefined,
): Command => {
  const line = raw.get(run.constant) ?? '';
  if (image && run.how === 'words') return commandIn(wordsIn(image, splitWords(line.trim())), values, secrets);
  if (line.trim() === '') {
    const why = run.how === 'words' ? 'there is no image here that brings a command' : 'it holds the script';
    throw new UserError('FX-NO-COMMAND', `The profile ${order.profile} needs the constant ${run.constant}: ${why}`);
  }
  if (run.how === 'script') {
    const stopsOnError = run.stopOnError !== undefined && /^true$/i.test(values.get(run.stopOnError) ?? '');
    return { argv: scriptArgv(line, stopsOnError), env: {} };
  }
  const [program = '', ...rest] = splitWords(line.trim());
  const command = commandIn([program, ...rest], values, secrets);
  if (command.argv[0] === '') throw new UserError('FX-NO-COMMAND', `${run.constant} holds no command`);
  return command;
};

/** Seconds as the constant says once references are filled in. @throws UserError */
const wallLimitOf = (name: string, value = ''): number | undefined => {
  if (value === '') return undefined;
  if (!/^\d{1,8}$/.test(value)) throw new UserError('FX-CONSTANT', `The constant ${name} must be a whole number`);
  return Number(value) === 0 ? undefined : Number(value) * 1_000;
};

/** @throws UserError */
const consistencyIn = (values: ReadonlyMap<string, string>): Consistency => {
  const problem = consistencyProblem(values);
  if (problem !== undefined) throw new UserError('FX-CONSTANT', problem);
  return consistencyOf(values);
};

/** @throws UserError they cannot be handed to a process */
const checkSize = (argv: readonly string[], env: Readonly<Record<string, string>>): void => {
  if ([...argv, ...Object.entries(env).flat()].some((text) => text.includes('\0')))
    throw new UserError('FX-COMMAND', 'A constant holds a zero byte');
  const nameless = Object.keys(env).find((name) => name === '' || name.includes('='));
  if (nameless !== undefined)
    throw new UserError(
      'FX-CONSTANT',
      `The constant ${JSON.stringify(nameless)} cannot be a variable: its name is empty or holds "="`,
    );
  if (bytesOf([...argv, ...Object.entries(env).flat()]) > MAX_COMMAND_BYTES)
    throw new UserError('FX-COMMAND', `Command and constants are longer than ${MAX_COMMAND_BYTES} bytes together`);
};

/**
 * What to run, out of the order and the secrets that its grant brought (REST contract, 4.2 to 4.5).
 * @throws UserError the command is missing or malformed
 */
export const planOf = (
  order: Order,
  secrets: Readonly<Record<string, string>>,
  paths: InstancePaths,
  path: string,
  image?: RunImage,
): InstancePlan => {
  const { run = FIRST_RUN } = order;
  const raw = new Map(order.constants.map(({ key, value }) => [key, value]));
  const hidden = new Set(order.constants.filter(({ isExported }) => isExported === false).map(({ key }) => key));
  const resourcesFolder = belowJob(raw.get('RESOURCES_PATH'));
  const standard = standardVariables(order, paths, resourcesFolder);
  try {
    const values = resolveConstants(raw, new Map([...Object.entries(secrets), ...standard]));
    const { argv, env: hiddenEnv } = commandOf(order, run, raw, values, Object.values(secrets), image);
    // A constant that names itself alone (`DOCKER_WORKDIR=${DOCKER_WORKDIR}`) says nothing.
    const says = (name: string, value: string): boolean =>
      !hidden.has(name) && name !== PASSWORD && value !== `\${${name}}`;
    const exported = [...values].filter(([name, value]) => standard.has(name) || says(name, value));
    const own = {
      PATH: image ? STANDARD_PATH.join(':') : path,
      LANG: 'C.UTF-8',
      ...image?.env,
      HOME: image?.home ?? paths.tmp,
    };
    const env = { ...own, ...Object.fromEntries(exported), ...hiddenEnv };
    checkSize(argv, env);
    const shutdown = shutdownOf(raw, values, Object.values(secrets));
    if (shutdown) checkSize(shutdown.argv, { ...env, ...shutdown.env });
    const expand = (text: string | null | undefined): string | null =>
      text === null || text === undefined || text === '' ? null : substitute(text, values);
    const wallLimitMs = wallLimitOf(run.wallLimit, values.get(run.wallLimit));
    return {
      argv,
      env,
      resourcesFolder,
      filter: { whitelist: expand(order.results?.whitelist), blacklist: expand(order.results?.blacklist) },
      progress: run.progress.flatMap((name) => values.get(name) || []),
      consistency: consistencyIn(values),
      ...(image ? { directory: directoryIn(image, values.get('DOCKER_WORKDIR')) } : {}),
      ...(image?.seenAs ? { seenAs: image.seenAs } : {}),
      ...(wallLimitMs === undefined ? {} : { wallLimitMs }),
      ...(shutdown ? { shutdown } : {}),
    };
  } catch (error) {
    if (error instanceof UnbalancedQuote)
      throw new UserError('FX-COMMAND', `${run.constant} cannot be split into words: ${error.message}`);
    if (error instanceof SubstitutionTooLong) throw new UserError('FX-COMMAND', error.message);
    throw error;
  }
};
