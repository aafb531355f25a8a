import { readFile } from 'node:fs/promises';
import type { NewPool } from '@fornax/client';
import type { Command } from 'commander';
import { UsageError } from '../session/connection.js';
import { printOutput, type LogOptions } from '../session/print-output.js';
import { amountOf, constantOf, countOf, instanceOf, listOf, type Constant } from '../terminal/arguments.js';
import type { Io } from '../terminal/io.js';
import { renderTable } from '../terminal/table.js';
import { clientOf, withReason, type ReasonOptions } from './others.js';

interface SizeOptions {
  readonly min?: number;
  readonly max?: number;
  readonly minIdle?: number;
  readonly idleSeconds?: number;
  readonly policies?: string;
}

interface CreateOptions extends SizeOptions {
  readonly name: string;
  readonly shortname?: string;
  readonly profile: string;
  readonly nodes?: number;
  readonly slotsPerNode?: number;
  readonly prepare?: string;
  readonly constant?: readonly Constant[];
  readonly resource?: readonly string[];
  readonly tag?: readonly string[];
}

const ALWAYS = [{ type: 'Always', name: 'always' }];

/** @throws UsageError the file holds no JSON */
const policiesIn = async (path: string): Promise<unknown> => {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown;
  } catch (error) {
    throw new UsageError(`${path} cannot be read as JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
};

/** @returns undefined when no bounds are given @throws UsageError there is no upper one */
const boundsOf = ({ min, max, minIdle, idleSeconds }: SizeOptions) => {
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

const onlyOne = (asked: Readonly<Record<string, unknown>>): void => {
  const given = Object.entries(asked).filter(([, value]) => value !== undefined);
  if (given.length !== 1) throw new UsageError(`Say one of ${Object.keys(asked).join(', ')}.`);
};

const create = async (io: Io, options: CreateOptions): Promise<void> => {
  const { name, shortname, profile, nodes, slotsPerNode, prepare, constant, resource, tag, policies, max } = options;
  const bounds = boundsOf(options);
  onlyOne({ '--nodes': nodes, '--max': max, '--policies': policies });
  const pool: NewPool = {
    name,
    profile,
    ...(shortname === undefined ? {} : { shortname }),
    ...(nodes === undefined ? {} : { instanceCount: nodes }),
    ...(bounds === undefined ? {} : { elasticProperty: { isElastic: true, ...bounds } }),
    ...(policies === undefined ? {} : { scaling: await policiesIn(policies) }),
    ...(slotsPerNode === undefined ? {} : { multiSlotsSettings: { slotsPerNode } }),
    ...(prepare === undefined ? {} : { preparationTask: { commandLine: prepare } }),
    ...(constant === undefined ? {} : { constants: [...constant] }),
    ...(resource === undefined ? {} : { resourceBuckets: [...resource] }),
    ...(tag === undefined ? {} : { tags: [...tag] }),
  };
  io.print(await io.client().pools.create(pool));
};

type ScaleOptions = SizeOptions & ReasonOptions & { readonly slots?: number };

const scale = async (io: Io, id: string, options: ScaleOptions): Promise<void> => {
  const { slots, policies, max } = options;
  const bounds = boundsOf(options);
  onlyOne({ '--slots': slots, '--max': max, '--policies': policies });
  const policy = bounds ? { type: 'ManagedTasksQueue', ...bounds } : { type: 'Fixed', slotsCount: slots };
  const scaling =
    policies === undefined
      ? { policies: [{ ...policy, name: 'always', enabledPeriods: ALWAYS }] }
      : await policiesIn(policies);
  await clientOf(io, options).pools.scale(id, scaling);
};

const list = async (io: Io): Promise<void> => {
  const pools = await io.client().pools.list();
  const rows = pools.map((pool) => [
    pool.uuid,
    pool.name,
    pool.state,
    pool.runningInstanceCount,
    pool.targetRunningInstanceCount,
    pool.queuedOrRunningTaskInstancesCount,
    pool.creationDate,
  ]);
  io.print(renderTable([['ID', 'NAME', 'STATE', 'READY', 'WANTED', 'INSTANCES', 'CREATED'], ...rows]));
};

const withBounds = (command: Command): Command =>
  command
    .option('--max <slots>', 'elastic: this many slots at most', amountOf)
    .option('--min <slots>', 'elastic: never fewer slots than this (0)', amountOf)
    .option('--min-idle <slots>', 'elastic: slots that are kept free for what comes next (0)', amountOf)
    .option('--idle-seconds <seconds>', 'elastic: close a slot that has been free for this long (90)', amountOf)
    .option('--policies <file>', 'a scaling with its policies, JSON');

/** `fornax pool …` */
export const addPoolCommands = (program: Command, io: Io): void => {
  const pool = program.command('pool').description('keep nodes prepared, so that tasks start at once');
  const make = pool
    .command('create')
    .description('create a pool; prints its id')
    .requiredOption('-n, --name <name>')
    .option('--shortname <name>', 'another name for its id')
    .option('-p, --profile <profile>', 'what to run', 'docker-batch')
    .option('--nodes <count>', 'a fixed number of nodes', countOf);
  withBounds(make)
    .option('--slots-per-node <count>', 'instances that run on a node at once', countOf)
    .option('--prepare <command>', 'run once in each slot, before any task')
    .option('-c, --constant <KEY=VALUE>', 'how to run it (repeatable)', constantOf)
    .option('--resource <bucket>', 'input bucket of every slot (repeatable)', listOf)
    .option('-t, --tag <tag>', 'to find it by (repeatable)', listOf)
    .action((options: CreateOptions) => create(io, options));
  pool
    .command('list')
    .description('all pools, newest first')
    .action(() => list(io));
  pool
    .command('get <pool>')
    .description('everything about one pool (uuid or shortname), as JSON')
    .action(async (id: string) => io.print(JSON.stringify(await io.client().pools.get(id), null, 2)));
  const resize = pool
    .command('scale <pool>')
    .description('change how many slots it has')
    .option('--slots <count>', 'a fixed number of slots', amountOf);
  withReason(withBounds(resize)).action((id: string, options: ScaleOptions) => scale(io, id, options));
  withReason(
    pool.command('close <pool>').description('take no new tasks: those that have begun are finished, then it ends'),
  ).action((id: string, options: ReasonOptions) => clientOf(io, options).pools.close(id));
  withReason(pool.command('delete <pool>').description('cancel its tasks, close its slots and forget it')).action(
    (id: string, options: ReasonOptions) => clientOf(io, options).pools.delete(id),
  );
  pool
    .command('logs <pool>')
    .description('what the preparation of its slots has printed')
    .option('--stderr', 'its errors instead of its output')
    .option('-i, --instance <slot>', 'one slot only', instanceOf)
    .option('-f, --follow', 'go on until the pool is over')
    .action((id: string, options: LogOptions) => printOutput(io, 'pools', id, options));
};
