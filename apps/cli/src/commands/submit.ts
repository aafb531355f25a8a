import type { NewTask } from '@fornax/client';
import { Command, CommanderError, Option } from 'commander';
import { UsageError } from '../session/connection.js';
import { poolNamed } from '../session/named.js';
import { projectId } from '../session/project.js';
import { afterOf, withIds, type After } from '../submission/after.js';
import { attend, type OnInterrupt } from '../submission/attend.js';
import { arrayOf, memoryOf, secondsOf, type Wanted } from '../submission/limits.js';
import { baggageOf, inputsOf, readScript, resultsOf, shipScript, type ScriptFile } from '../submission/prepare.js';
import { amountOf, constantOf, countOf, listOf, type Constant } from '../terminal/arguments.js';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';

/** What a script may ask for, on the command line or in itself. */
interface Asked {
  readonly name?: string;
  readonly array?: Wanted;
  readonly cores?: number;
  readonly mem?: number;
  readonly time?: number;
  readonly retries?: number;
  readonly tag?: readonly string[];
  readonly env?: readonly Constant[];
  readonly in?: readonly string[];
  readonly out?: string;
  readonly after?: readonly After[];
  readonly project?: string;
  readonly pool?: string;
  readonly wait?: boolean;
}

/** The options, so that a line in a script means what it means on the command line. */
const withAsked = (command: Command): Command =>
  command
    .option('-n, --name <name>', 'of the task (default: that of the script)')
    .option(
      '-a, --array <instances>',
      'such as 0-199, 0-199%20 for twenty at once, 1,3,10-20:5; each knows INSTANCE_ID',
      arrayOf,
    )
    .option('--cores <count>', 'at least so many cores', countOf)
    .option('--mem <size>', 'at least so much memory: 4G, 512M', memoryOf)
    .option('-t, --time <time>', 'an instance is ended after it: 30m, 2h, 1-12:00:00', secondsOf)
    .option('--retries <count>', 'an instance that fails is tried again so often', amountOf)
    .option('--tag <tag>', 'to find it by (repeatable)', listOf)
    .option('--env <KEY=VALUE>', 'a variable of the script (repeatable)', constantOf)
    .option('--in <folder>', 'what it reads: a folder here (./data), or a bucket or a part of one (repeatable)', listOf)
    .option(
      '--out <folder>',
      'what becomes of the files that it makes: a folder here (waits for the end), or a bucket or a part of one',
    )
    .option(
      '--after <task>',
      'start after this task has succeeded; failed:, any:, each: as in task submit (repeatable)',
      afterOf,
    )
    .option('--project <project>', 'where to put it, by slug or id')
    .option('--pool <pool>', 'the pool that it is to run in')
    .option('-w, --wait', 'follow it to its end; exit code 1 unless it succeeds');

/** What a script says of itself; an option that may be repeated may be so on several lines. @throws UsageError with its line */
export const askedIn = ({ name, directives }: Pick<ScriptFile, 'name' | 'directives'>): Asked => {
  let asked: Asked = {};
  for (const { line, words } of directives) {
    const command = withAsked(new Command('#FORNAX'))
      .exitOverride()
      .configureOutput({ writeErr: () => undefined });
    for (const [option, value] of Object.entries(asked)) command.setOptionValue(option, value);
    try {
      asked = command.parse(words, { from: 'user' }).opts<Asked>();
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      throw new UsageError(`${name}:${line}: ${error.message.replace(/^error: /, '')}`);
    }
    if (command.args.length > 0)
      throw new UsageError(`${name}:${line}: ${command.args.join(' ')} is no option: say --name value`);
  }
  return asked;
};

/** Fields of the task that say what it needs. */
export const needsOf = ({ cores, mem, retries, tag }: Pick<Asked, 'cores' | 'mem' | 'retries' | 'tag'>) => {
  const hardwareConstraints = [
    ...(cores === undefined ? [] : [{ discriminator: 'MinimumCoreHardwareConstraint', coreCount: cores } as const]),
    ...(mem === undefined ? [] : [{ discriminator: 'MinimumRamHardwareConstraint', minimumMemoryMB: mem } as const]),
  ];
  return {
    ...(hardwareConstraints.length === 0 ? {} : { hardwareConstraints }),
    ...(retries === undefined ? {} : { retrySettings: { maxPerInstanceRetries: retries } }),
    ...(tag === undefined ? {} : { tags: [...tag] }),
  } satisfies Partial<NewTask>;
};

interface Options extends Asked {
  readonly onInterrupt: OnInterrupt;
}

const submit = async (io: Io, file: string, args: readonly string[], typed: Options): Promise<void> => {
  io.goOnUnread();
  const script = await readScript(file);
  const { onInterrupt, ...onLine } = typed;
  // The command line has the last word.
  const asked: Asked = { ...askedIn(script), ...onLine };
  const { array, env = [], time, after, project, pool } = asked;
  const hasMany = array !== undefined;
  const client = io.client();
  const place = project === undefined ? {} : { projectUuid: await projectId(io, project) };
  const baggage = baggageOf(io);
  const { constants = [], advancedResourceBuckets = [], profile } = await shipScript(io, baggage, script, args);
  const inputs = await inputsOf(io, baggage, asked.in ?? []);
  const results = await resultsOf(baggage, asked.out, hasMany);
  const fornax = {
    ...(after === undefined ? {} : { after: await withIds(client, after) }),
    ...(array?.maxParallel === undefined ? {} : { maxParallel: array.maxParallel }),
  };
  const task: NewTask = {
    name: asked.name ?? script.name,
    ...(pool === undefined
      ? { ...(profile === undefined ? {} : { profile }) }
      : { poolUuid: await poolNamed(client, pool) }),
    ...(array === undefined ? { instanceCount: 1 } : { advancedRanges: array.ranges }),
    constants: [
      ...constants,
      ...env,
      ...(time === undefined ? [] : [{ key: 'MAX_EXECUTION_SECONDS', value: String(time) }]),
    ],
    advancedResourceBuckets: [...inputs, ...advancedResourceBuckets],
    ...needsOf(asked),
    ...results.fields,
    ...place,
    ...(Object.keys(fornax).length > 0 ? { fornax } : {}),
  };
  const id = await client.submitTask(task);
  io.print(id);
  const told = await client.getTask(id).catch(() => undefined);
  for (const note of told?.notes ?? []) io.tell(`Note: ${harmlessLine(note)}`);
  if (asked.wait !== true && results.bring === undefined) return;
  await attend(io, id, { hasMany, onInterrupt, ...(results.bring === undefined ? {} : { bring: results.bring }) });
};

const ABOUT = `
Options may stand in the script, before its first command, one or more on a line; those of the command line replace them:
  #!/bin/bash
  #FORNAX --array 0-199%20 --cores 2 --mem 4G
  #FORNAX --in ./data --out ./results
What stands behind -- are arguments of the script. Of an array each instance has a folder of its own for its results.

Example:
  fornax submit render.sh --array 0-9%2 --time 30m --out ./frames -- --quality high`;

export const interruptOption = (): Option =>
  new Option('--on-interrupt <what>', 'what Ctrl-C does to a task that is followed')
    .choices(['ask', 'abort', 'detach'])
    .default('ask');

/** `fornax submit`. */
export const addSubmitCommand = (program: Command, io: Io): void => {
  withAsked(program.command('submit <script> [arguments...]'))
    .description('submit a script of any size; prints the id of its task')
    .addOption(interruptOption())
    .addHelpText('after', ABOUT)
    .action((file: string, args: readonly string[], options: Options) => submit(io, file, args, options));
};
