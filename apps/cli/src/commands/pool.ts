import type { NewPool } from '@fornax/client';
import type { Command } from 'commander';
import { UsageError } from '../session/connection.js';
import { printOutput, type LogOptions } from '../session/print-output.js';
import { constantOf, countOf, instancesIn, listOf, type Constant } from '../terminal/arguments.js';
import type { Io } from '../terminal/io.js';
import { clientOf, withReason, type ReasonOptions } from './others.js';
import {
  boundsOf,
  onlyOne,
  policiesIn,
  scalingIn,
  withBounds,
  withScaling,
  type ScalingOptions,
  type SizeOptions,
} from './pool-size.js';

interface SlotOptions {
  readonly shortname?: string;
  readonly slotsPerNode?: number;
  readonly prepare?: string;
  readonly constant?: readonly Constant[];
  readonly resource?: readonly string[];
  readonly tag?: readonly string[];
}

interface CreateOptions extends SizeOptions, SlotOptions {
  readonly name: string;
  readonly profile: string;
  readonly nodes?: number;
}

/** What is said of a new pool beside its name and its size. */
const slotsOf = ({ shortname, slotsPerNode, prepare, constant, resource, tag }: SlotOptions): Partial<NewPool> => ({
  ...(shortname === undefined ? {} : { shortname }),
  ...(slotsPerNode === undefined ? {} : { multiSlotsSettings: { slotsPerNode } }),
  ...(prepare === undefined ? {} : { preparationTask: { commandLine: prepare } }),
  ...(constant === undefined ? {} : { constants: [...constant] }),
  ...(resource === undefined ? {} : { resourceBuckets: [...resource] }),
  ...(tag === undefined ? {} : { tags: [...tag] }),
});

const create = async (io: Io, options: CreateOptions): Promise<void> => {
  const { name, profile, nodes, policies, max } = options;
  const bounds = boundsOf(options);
  onlyOne({ '--nodes': nodes, '--max': max, '--policies': policies });
  const pool: NewPool = {
    name,
    profile,
    ...(nodes === undefined ? {} : { instanceCount: nodes }),
    ...(bounds === undefined ? {} : { elasticProperty: { isElastic: true, ...bounds } }),
    ...(policies === undefined ? {} : { scaling: await policiesIn(policies) }),
    ...slotsOf(options),
  };
  io.print(await io.client().pools.create(pool));
};

type CloneOptions = ScalingOptions & SlotOptions & { readonly name?: string };

const clone = async (io: Io, id: string, options: CloneOptions): Promise<void> => {
  const { name } = options;
  // A scaling counts before whatever else the origin says of its size (contract, 5.16).
  const scaling = await scalingIn(options);
  const changes = {
    ...(name === undefined ? {} : { name }),
    ...(scaling === undefined ? {} : { scaling }),
    ...slotsOf(options),
  };
  io.print(await io.client().pools.clone(id, changes));
};

type UpdateOptions = ReasonOptions & Pick<SlotOptions, 'constant' | 'tag'>;

/** Constants are sent as a whole: those that are not named stay as they are. */
const update = async (io: Io, id: string, options: UpdateOptions): Promise<void> => {
  const { constant, tag } = options;
  if (constant === undefined && tag === undefined) throw new UsageError('Say what is to change: --constant, --tag.');
  const client = clientOf(io, options);
  const before = constant === undefined ? [] : (await client.pools.get(id)).constants;
  const constants = new Map([...before, ...(constant ?? [])].map(({ key, value }) => [key, value]));
  await client.pools.update(id, {
    ...(constant === undefined ? {} : { constants: [...constants].map(([key, value]) => ({ key, value })) }),
    ...(tag === undefined ? {} : { tags: [...tag] }),
  });
};

const scale = async (io: Io, id: string, options: ScalingOptions & ReasonOptions): Promise<void> => {
  const scaling = await scalingIn(options);
  if (scaling === undefined) throw new UsageError('Say one of --slots, --max, --policies.');
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
  io.table([['ID', 'NAME', 'STATE', 'READY', 'WANTED', 'INSTANCES', 'CREATED'], ...rows]);
};

/** Adds what is said of the slots of a new pool. */
const withSlots = (command: Command): Command =>
  command
    .option('--shortname <name>', 'another name for its id')
    .option('--slots-per-node <count>', 'instances that run on a node at once', countOf)
    .option('--prepare <command>', 'run once in each slot, before any task')
    .option('-c, --constant <KEY=VALUE>', 'how to run it (repeatable)', constantOf)
    .option('--resource <bucket>', 'input bucket of every slot (repeatable)', listOf)
    .option('-t, --tag <tag>', 'to find it by (repeatable)', listOf);

const addMakers = (pool: Command, io: Io): void => {
  const make = pool
    .command('create')
    .description('create a pool; prints its id')
    .requiredOption('-n, --name <name>')
    .option('-p, --profile <profile>', 'what to run', 'docker-batch')
    .option('--nodes <count>', 'a fixed number of nodes', countOf);
  withSlots(withBounds(make)).action((options: CreateOptions) => create(io, options));
  const copy = pool
    .command('clone <pool>')
    .description('make a pool like another one, but for what is said here; prints its id')
    .option('-n, --name <name>', 'another name than its origin has');
  withSlots(withScaling(copy)).action((id: string, options: CloneOptions) => clone(io, id, options));
};

const addChanges = (pool: Command, io: Io): void => {
  withReason(pool.command('update <pool>').description('change its constants and tags'))
    .option('-c, --constant <KEY=VALUE>', 'set it; the others stay (repeatable)', constantOf)
    .option('-t, --tag <tag>', 'its tags, instead of those that it has (repeatable)', listOf)
    .action((id: string, options: UpdateOptions) => update(io, id, options));
  const resize = pool.command('scale <pool>').description('change how many slots it has');
  withReason(withScaling(resize)).action((id: string, options: ScalingOptions & ReasonOptions) =>
    scale(io, id, options),
  );
  const ends = [
    ['refresh', 'bring new and changed input files to all of its slots'],
    ['close', 'take no new tasks: those that have begun are finished, then it ends'],
    ['delete', 'cancel its tasks, close its slots and forget it'],
  ] as const;
  for (const [name, what] of ends)
    withReason(pool.command(`${name} <pool>`).description(what)).action((id: string, options: ReasonOptions) =>
      clientOf(io, options).pools[name](id),
    );
};

/** `fornax pool …` */
export const addPoolCommands = (program: Command, io: Io): void => {
  const pool = program.command('pool').description('keep nodes prepared, so that tasks start at once');
  addMakers(pool, io);
  addChanges(pool, io);
  pool
    .command('list')
    .description('all pools, newest first')
    .action(() => list(io));
  pool
    .command('get <pool>')
    .description('everything about one pool (uuid or shortname), as JSON')
    .action(async (id: string) => io.document(await io.client().pools.get(id)));
  pool
    .command('logs <pool>')
    .description('what the preparation of its slots has printed')
    .option('--stderr', 'its errors instead of its output')
    .option('-i, --instance <slots>', 'these slots only: 3, 0-9, 1,3', instancesIn)
    .option('-f, --follow', 'go on until the pool is over')
    .action((id: string, options: LogOptions) => printOutput(io, 'pools', id, options));
};
