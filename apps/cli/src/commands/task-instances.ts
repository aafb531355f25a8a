import type { ListedInstance } from '@fornax/client';
import type { Command } from 'commander';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';

interface Options {
  readonly state?: string;
  readonly json?: boolean;
}

const MOST_SHOWN_CHARS = 40;
/** One line, and not one that takes the others with it. */
const shown = (value: string): string => {
  const line = harmlessLine(value);
  return line.length > MOST_SHOWN_CHARS ? `${line.slice(0, MOST_SHOWN_CHARS - 1)}…` : line;
};

const HEADING = ['INSTANCE', 'STATE', 'ATTEMPT', 'NODE', 'EXIT'];

const list = async (io: Io, id: string, { state, json }: Options): Promise<void> => {
  const { fornax } = await io.client().getTask(id);
  const columns = fornax.table?.columns ?? [];
  const found: ListedInstance[] = [];
  for await (const one of io.client().results.instances(id, state)) found.push(one);
  if (json === true) return io.document(found);
  const rows = found.map(({ instanceId, state: is, attempt, node, exitCode, row }) => [
    instanceId,
    is,
    attempt,
    node ?? '',
    exitCode ?? '',
    ...columns.map((name) => shown(row?.[name] ?? '')),
  ]);
  io.table([[...HEADING, ...columns], ...rows]);
};

/** `fornax task instances`. */
export const addTaskInstancesCommand = (task: Command, io: Io): void => {
  task
    .command('instances <task>')
    .description('the instances of a task, with their rows of its table of parameters')
    .option('-s, --state <states>', 'only those that are waiting, running, succeeded, failed, completed, …')
    .option('--json', 'everything about them, as JSON')
    .action((id: string, options: Options) => list(io, id, options));
};
