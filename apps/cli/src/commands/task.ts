import type { FornaxClient, ListedTask, NewTask, Repetition, WireUser } from '@fornax/client';
import { Option, type Command } from 'commander';
import { UsageError } from '../session/connection.js';
import { projectId } from '../session/project.js';
import { tableIn } from '../session/table-file.js';
import { onAway } from '../session/on-away.js';
import { tellOutcome } from '../session/outcome.js';
import { instancesOf } from '../session/instance-count.js';
import { newestOf, tasksOfAll } from '../session/tasks-of-all.js';
import { instantOf, stateOf, taskFilter, type TaskFilterOptions } from '../session/task-filter.js';
import { addLogsTo } from './logs.js';
import { afterOf, withIds, type After } from '../submission/after.js';
import { shellSyntaxIn } from '../submission/script.js';
import { constantOf, countOf, listOf, type Constant } from '../terminal/arguments.js';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';
import { showLive } from '../terminal/live.js';
import type { Cells } from '../terminal/table.js';
import { clientOf, taskIdOf, withOwner, withReason, type OwnerOptions, type ReasonOptions } from './others.js';

interface SubmitOptions {
  readonly name: string;
  readonly profile?: string;
  readonly instances?: number;
  readonly each?: string;
  readonly constant?: readonly Constant[];
  readonly command?: string;
  readonly shell?: string;
  readonly resource?: readonly string[];
  readonly results?: string;
  readonly resultsPrefix?: string;
  readonly project?: string;
  readonly job?: string;
  readonly pool?: string;
  readonly after?: readonly After[];
  readonly maxParallel?: number;
  readonly tag?: readonly string[];
  readonly wait?: boolean;
}

const newTask = ({
  name,
  profile,
  pool,
  instances,
  constant = [],
  command,
  shell,
  resource,
  results,
  resultsPrefix,
  tag,
}: SubmitOptions): NewTask => ({
  name,
  ...(tag === undefined ? {} : { tags: [...tag] }),
  // A pool says what its tasks run.
  ...(pool === undefined
    ? { profile: profile ?? (shell === undefined ? 'docker-batch' : 'shell') }
    : { poolUuid: pool }),
  ...(pool !== undefined && profile !== undefined ? { profile } : {}),
  ...(instances === undefined ? {} : { instanceCount: instances }),
  constants: [
    ...constant,
    ...(command === undefined ? [] : [{ key: 'DOCKER_CMD', value: command }]),
    ...(shell === undefined ? [] : [{ key: 'SHELL_SCRIPT', value: shell }]),
  ],
  ...(resource === undefined ? {} : { resourceBuckets: [...resource] }),
  ...(results === undefined ? {} : { resultBucket: results }),
  ...(resultsPrefix === undefined ? {} : { resultsBucketPrefix: resultsPrefix }),
});

const submit = async (io: Io, options: SubmitOptions): Promise<void> => {
  io.goOnUnread();
  const client = io.client();
  const { project, command } = options;
  const syntax = command === undefined ? undefined : shellSyntaxIn(command);
  if (syntax !== undefined)
    io.tell(
      `Note: no shell runs the command, so ${harmlessLine(syntax)} is a word like any other: say --shell instead of --command for one.`,
    );
  const place = project === undefined ? {} : { projectUuid: await projectId(io, project) };
  const { job, after, maxParallel } = options;
  const { each, instances = each === undefined ? 1 : undefined } = options;
  const fornax = {
    ...(each === undefined ? {} : { each: await tableIn(each) }),
    ...(after === undefined ? {} : { after: await withIds(client, after) }),
    ...(maxParallel === undefined ? {} : { maxParallel }),
  };
  const asked = newTask({ ...options, ...(instances === undefined ? {} : { instances }) });
  const id = await client.submitTask({
    ...asked,
    ...place,
    ...(job === undefined ? {} : { jobUuid: job }),
    ...(Object.keys(fornax).length > 0 ? { fornax } : {}),
  });
  io.print(id);
  // What the platform does not do of what was asked; it is submitted, whether or not that can be told.
  const told = await client.getTask(id).catch(() => undefined);
  for (const note of told?.notes ?? []) io.tell(`Note: ${harmlessLine(note)}`);
  if (options.wait !== true) return;
  const onChange = (task: { readonly state: string; readonly progress: number }): void =>
    io.tell(`${task.state} ${Math.round(task.progress)} %`);
  const task = await client.waitForTask(id, { signal: io.signal, onAway: onAway(io), onChange });
  await tellOutcome(io, task);
  if (task.state !== 'Success') io.setExitCode(1);
};

const HEADING = ['ID', 'NAME', 'STATE', 'INSTANCES', 'PROGRESS', 'CREATED'];
const rowOf = (task: ListedTask) => [
  task.uuid,
  task.name,
  task.state,
  instancesOf(task),
  `${Math.round(task.progress)} %`,
  task.creationDate,
];

interface ListOptions extends OwnerOptions, TaskFilterOptions {
  readonly user?: string;
  readonly sort?: keyof typeof ORDERS;
  readonly reverse?: boolean;
  readonly watch?: boolean;
  readonly organization?: string;
  readonly all?: boolean;
  readonly project?: string;
  readonly limit?: number;
}

/** Fields by which the platform orders, each with the direction in which people mean it. */
const ORDERS = {
  created: { field: 'CreationDate', isDescending: true },
  name: { field: 'Name', isDescending: false },
  state: { field: 'State', isDescending: false },
  time: { field: 'ExecutionTime', isDescending: true },
} as const;

/** Everybody whose tasks are asked for; undefined: the caller alone. */
const ownersOf = async (
  io: Io,
  { owner, organization, all }: ListOptions,
): Promise<readonly WireUser[] | undefined> => {
  if ([owner, organization, all].filter((given) => given !== undefined).length > 1)
    throw new UsageError('Say one of --owner, --organization and --all.');
  const { people } = io.client();
  if (owner !== undefined) return [await people.user(owner)];
  if (organization === undefined && all !== true) return undefined;
  const users = await people.users();
  if (all === true) return users;
  const name = organization?.toLowerCase();
  return users.filter((user) => user.organization?.name.toLowerCase() === name || user.organization?.uuid === name);
};

/** The list as rows. Those of others as their owners see them, oldest account first; on a screen, the newest first. */
const listed = async (io: Io, options: ListOptions, mostOfAll?: number): Promise<Cells> => {
  const { user, project, limit, sort, reverse = false } = options;
  const owners = await ownersOf(io, user === undefined ? options : { ...options, owner: user });
  const order = sort === undefined && !reverse ? undefined : ORDERS[sort ?? 'created'];
  const wanted = {
    filter: taskFilter(options, project === undefined ? undefined : await projectId(io, project)),
    limit,
    order: order && { field: order.field, isDescending: order.isDescending !== reverse },
  };
  if (!owners) return [HEADING, ...(await io.client().listTasks(wanted)).map(rowOf)];
  const tasks = await tasksOfAll(io.client(), owners, wanted);
  // A screen has room for so many of all of them together.
  const shown = mostOfAll === undefined || order !== undefined ? tasks : newestOf(tasks, mostOfAll);
  return [[...HEADING, 'OWNER'], ...shown.map((task) => [...rowOf(task), task.owner])];
};

const list = async (io: Io, options: ListOptions): Promise<void> => {
  const isWatch = options.watch === true && io.screen() !== undefined;
  if (!isWatch) return io.table(await listed(io, options));
  await showLive(io, async (rows) => {
    // What no screen shows need not be read.
    const limit = Math.min(options.limit ?? Infinity, Math.max(1, rows - 2));
    return { lines: io.rendered(await listed(io, { ...options, limit }, limit)) };
  });
};

const REPETITIONS = [
  ['clone', 'all instances of another one'],
  ['retry', 'the failed instances of a finished one'],
  ['resume', 'the cancelled instances of a finished one'],
  ['recover', 'the failed and cancelled instances of a finished one'],
] as const;

interface RepeatOptions {
  readonly name?: string;
  readonly pinned?: boolean;
  readonly withoutDependencies?: boolean;
}

const repeat = async (io: Io, kind: Repetition, id: string, options: RepeatOptions): Promise<void> => {
  const { name, pinned = false, withoutDependencies = false } = options;
  const fornax = { ...(pinned ? { pinned } : {}), ...(withoutDependencies ? { after: [] } : {}) };
  const changes = {
    ...(name === undefined ? {} : { name }),
    ...(withoutDependencies ? { dependencies: {} } : {}),
    ...(pinned || withoutDependencies ? { fornax } : {}),
  };
  io.print(await io.client().repeatTask(id, kind, changes));
};

/** `fornax task …`. @returns the group, for more commands about tasks */
export const addTaskCommands = (program: Command, io: Io): Command => {
  const task = program.command('task').description('submit tasks and look after them');
  task
    .command('list')
    .description('all tasks, newest first; of others for operators, coordinators and auditors')
    .addOption(new Option('--owner <user>', 'those of somebody else, by e-mail or id').conflicts('user'))
    .option('--user <user>', 'the same')
    .option('--organization <name>', 'those of all members of an organization')
    .option('--all', 'those of everybody that you may look at')
    .option('--state <state>', 'waiting, running, success, failure or cancelled (repeatable: one of them)', stateOf)
    .option('--tag <tag>', 'with this tag (repeatable: all of them)', listOf)
    .option('--name <text>', 'whose name begins so')
    .option('--project <project>', 'in this project, by slug or id')
    .option('--since <time>', 'submitted since then: 2027-01-31, or 90m, 2h or 3d ago', (text) =>
      instantOf(text, Date.now()),
    )
    .option('--limit <count>', 'the newest ones, at most so many (of each owner)', countOf)
    .addOption(
      new Option('--sort <order>', 'by when it was submitted, name, state, or time of execution').choices(
        Object.keys(ORDERS),
      ),
    )
    .option('--reverse', 'the other way round')
    .option('--watch', 'live, until Ctrl-C (on a terminal)')
    .addHelpText('after', '\nExample: what failed since yesterday\n  fornax task list --state failure --since 1d')
    .action((options: ListOptions) => list(io, options));
  task
    .command('get <task>')
    .description('everything about one task (uuid or shortname), as JSON')
    .action(async (id: string) => io.document(await io.client().getTask(id)));
  addLogsTo(task, io);
  task
    .command('submit')
    .description('submit a task; prints its id')
    .requiredOption('-n, --name <name>')
    .option('-p, --profile <profile>', 'what to run (default: docker-batch, or what its pool runs)')
    .option('-i, --instances <count>', 'how many instances (default: 1, or one for each row of --each)', countOf)
    .option('--each <file>', 'a table of parameters, CSV: an instance for each row, with its columns as constants')
    .option('-c, --constant <KEY=VALUE>', 'how to run it (repeatable)', constantOf)
    .option('--command <command>', 'what runs, without a shell: short for -c DOCKER_CMD=<command>')
    .addOption(
      new Option('--shell <script>', 'what a shell runs (profile shell): pipes, variables, > and the like').conflicts(
        'command',
      ),
    )
    .option('--resource <bucket>', 'input bucket (repeatable)', listOf)
    .option('--results <bucket>', 'result bucket')
    .option(
      '--results-prefix <prefix>',
      'folder of the results in it; ${INSTANCE_ID}, columns and constants are filled in',
    )
    .option('--tag <tag>', 'to find it by (repeatable)', listOf)
    .option('--project <project>', 'where to put it, by slug or id, else into your default project')
    .option('--pool <pool>', 'the pool that it is to run in, by id or shortname')
    .option('--job <job>', 'the job that it belongs to, by id or shortname')
    .option(
      '--after <task>',
      'start after this task has succeeded; failed:<task> and any:<task> for other ends, each:<task> for instance by instance (repeatable)',
      afterOf,
    )
    .option('--max-parallel <count>', 'at most so many instances run at once', countOf)
    .option('-w, --wait', 'wait until it is over; exit code 1 unless it succeeds')
    .action((options: SubmitOptions) => submit(io, options));
  const changes = [
    ['abort', 'stop a task', (client: FornaxClient, id: string) => client.abortTask(id)],
    [
      'refresh',
      'bring new and changed input files to its running instances',
      (client: FornaxClient, id: string) => client.updateResources(id),
    ],
    ['delete', 'stop a task if it runs, and forget it', (client: FornaxClient, id: string) => client.deleteTask(id)],
  ] as const;
  for (const [name, what, change] of changes)
    withReason(withOwner(task.command(`${name} <task>`).description(what))).action(
      async (id: string, options: OwnerOptions & ReasonOptions) =>
        change(clientOf(io, options), await taskIdOf(io, id, options)),
    );
  for (const [kind, what] of REPETITIONS) {
    task
      .command(`${kind} <task>`)
      .description(`make a task of ${what}; prints its id`)
      .option('-n, --name <name>', 'another name than its origin has')
      .option('--pinned', 'with the very inputs that its origin had; refused when one of them has changed')
      .option('--without-dependencies', 'it waits for nothing that its origin waited for')
      .action((id: string, options: RepeatOptions) => repeat(io, kind, id, options));
  }
  return task;
};
