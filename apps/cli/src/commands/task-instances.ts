import type { ListedInstance } from '@fornax/client';
import { Option, type Command } from 'commander';
import { countOf } from '../terminal/arguments.js';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';
import type { Cell } from '../terminal/table.js';

/** What instances are ordered by: what has most of it comes first; numbers go up. */
const ORDERS = {
  instance: ({ instanceId }: ListedInstance): number => -instanceId,
  duration: ({ wallTimeSec }: ListedInstance): number => wallTimeSec ?? -1,
  memory: ({ peakMemoryMB }: ListedInstance): number => peakMemoryMB ?? -1,
  results: ({ uploadedBytes }: ListedInstance): number => uploadedBytes ?? -1,
  attempt: ({ attempt }: ListedInstance): number => attempt,
} as const;
/** As people ask. */
const NAMES = { slowest: 'duration', biggest: 'memory' } as const;
type Sort = keyof typeof ORDERS | keyof typeof NAMES;

interface Options {
  readonly state?: string;
  readonly sort: Sort;
  readonly reverse?: boolean;
  readonly limit?: number;
  readonly json?: boolean;
}

const MOST_SHOWN_CHARS = 40;
/** One line, and not one that takes the others with it. */
const shown = (value: string): string => {
  const line = harmlessLine(value);
  return line.length > MOST_SHOWN_CHARS ? `${line.slice(0, MOST_SHOWN_CHARS - 1)}…` : line;
};

const HEADING = ['INSTANCE', 'STATE', 'ATTEMPT', 'NODE', 'EXIT', 'SECONDS', 'MEMORY MB', 'RESULT BYTES', 'WHY'];

const cell = (value: number | null | undefined): Cell => value ?? '';
const whyOf = ({ error }: ListedInstance): string => (error ? shown(`${error.code}: ${error.message}`) : '');

/** Those that are asked for. In the order of numbers the platform gives them, no more are read than are wanted. */
const found = async (io: Io, id: string, { state, sort, reverse = false, limit = Infinity }: Options) => {
  const isInOrder = sort === 'instance' && !reverse;
  const all: ListedInstance[] = [];
  for await (const one of io.client().results.instances(id, state)) {
    if (isInOrder && all.length >= limit) break;
    all.push(one);
  }
  if (isInOrder) return all;
  const order = ORDERS[sort in NAMES ? NAMES[sort as keyof typeof NAMES] : (sort as keyof typeof ORDERS)];
  const sorted = all.sort((a, b) => order(b) - order(a) || a.instanceId - b.instanceId);
  return (reverse ? sorted.reverse() : sorted).slice(0, limit);
};

const list = async (io: Io, id: string, options: Options): Promise<void> => {
  const { fornax } = await io.client().getTask(id);
  const columns = fornax.table?.columns ?? [];
  const instances = await found(io, id, options);
  if (options.json === true) return io.document(instances);
  const rows = instances.map((one) => [
    one.instanceId,
    one.state,
    one.attempt,
    one.node ?? '',
    cell(one.exitCode),
    cell(one.wallTimeSec),
    cell(one.peakMemoryMB),
    cell(one.uploadedBytes),
    whyOf(one),
    ...columns.map((name) => shown(one.row?.[name] ?? '')),
  ]);
  io.table([[...HEADING, ...columns], ...rows]);
};

/** `fornax task instances`. */
export const addTaskInstancesCommand = (task: Command, io: Io): void => {
  task
    .command('instances <task>')
    .description('the instances of a task, with their rows of its table of parameters')
    .option('-s, --state <states>', 'only those that are waiting, running, succeeded, failed, completed, …')
    .addOption(
      new Option('--sort <order>', 'the slowest, the biggest (memory), those with most results or attempts first')
        .choices([...Object.keys(ORDERS), ...Object.keys(NAMES)])
        .default('instance'),
    )
    .option('--reverse', 'the other way round')
    .option('--limit <count>', 'at most so many, the first ones', countOf)
    .option('--json', 'everything about them, as JSON')
    .addHelpText(
      'after',
      '\nExample: the ten slowest that failed\n  fornax task instances my-render --state failed --sort slowest --limit 10',
    )
    .action((id: string, options: Options) => list(io, id, options));
};
