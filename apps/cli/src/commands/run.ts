import type { NewTask } from '@fornax/client';
import { InvalidArgumentError, type Command } from 'commander';
import { attend, type OnInterrupt } from '../submission/attend.js';
import { memoryOf, secondsOf } from '../submission/limits.js';
import { baggageOf, inputsOf, resultsOf } from '../submission/prepare.js';
import { quotedWord } from '../submission/script.js';
import { amountOf, constantOf, countOf, listOf, type Constant } from '../terminal/arguments.js';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';
import { interruptOption, needsOf } from './submit.js';

interface Options {
  readonly name?: string;
  readonly instances: number;
  readonly input?: readonly string[];
  readonly result?: string;
  readonly cores?: number;
  readonly mem?: number;
  readonly time?: number;
  readonly retries?: number;
  readonly tag?: readonly string[];
  readonly env?: readonly Constant[];
  readonly onInterrupt: OnInterrupt;
}

const run = async (io: Io, words: readonly string[], options: Options): Promise<void> => {
  io.goOnUnread();
  const { name = words[0] ?? 'run', instances, input = [], result, env = [], time, onInterrupt } = options;
  const hasMany = instances > 1;
  const client = io.client();
  const baggage = baggageOf(io);
  const inputs = await inputsOf(io, baggage, input);
  const { fields, bring } = await resultsOf(baggage, result, hasMany);
  const task: NewTask = {
    name,
    profile: 'docker-batch',
    instanceCount: instances,
    constants: [
      { key: 'DOCKER_CMD', value: words.map(quotedWord).join(' ') },
      ...env,
      ...(time === undefined ? [] : [{ key: 'MAX_EXECUTION_SECONDS', value: String(time) }]),
    ],
    ...(inputs.length === 0 ? {} : { advancedResourceBuckets: [...inputs] }),
    ...needsOf(options),
    ...fields,
  };
  const id = await client.submitTask(task);
  io.tell(`task ${id}`);
  const told = await client.getTask(id).catch(() => undefined);
  for (const note of told?.notes ?? []) io.tell(`Note: ${harmlessLine(note)}`);
  await attend(io, id, { hasMany, onInterrupt, ...(bring === undefined ? {} : { bring }) });
};

const folderOf = (text: string): string => {
  if (text === '') throw new InvalidArgumentError('must be a folder or a bucket');
  return text;
};

const ABOUT = `
The command runs as it stands, without a shell: run sh -c '…' for one. What it prints comes here, and its results into the folder once it is over.
Ctrl-C asks whether to abort the task or to let it go on (without a terminal: it goes on).

Example:
  fornax run --instances 4 --input ./data --result ./out -- sh -c 'wc -c * > sizes.txt'`;

/** `fornax run`. */
export const addRunCommand = (program: Command, io: Io): void => {
  program
    .command('run <command...>')
    .description('run a command on the platform as if it ran here: inputs go there, output and results come back')
    .option('-i, --instances <count>', 'so many times, each with its INSTANCE_ID', countOf, 1)
    .option('--input <folder>', 'what it reads: a folder here, or a bucket or a part of one (repeatable)', listOf)
    .option(
      '--result <folder>',
      'where the files that it makes go: a folder here, or a bucket or a part of one',
      folderOf,
    )
    .option('-n, --name <name>', 'of the task (default: the program)')
    .option('--cores <count>', 'at least so many cores', countOf)
    .option('--mem <size>', 'at least so much memory: 4G, 512M', memoryOf)
    .option('-t, --time <time>', 'an instance is ended after it: 30m, 2h, 1-12:00:00', secondsOf)
    .option('--retries <count>', 'an instance that fails is tried again so often', amountOf)
    .option('--tag <tag>', 'to find it by (repeatable)', listOf)
    .option('--env <KEY=VALUE>', 'a variable of the command (repeatable)', constantOf)
    .addOption(interruptOption())
    .addHelpText('after', ABOUT)
    .action((words: readonly string[], options: Options) => run(io, words, options));
};
