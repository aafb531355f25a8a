import type { FornaxClient, ListedTask } from '@fornax/client';
import { ApiError } from '@fornax/client';
import type { Command } from 'commander';
import { instancesOf } from '../session/instance-count.js';
import { newestOf, tasksOfAll } from '../session/tasks-of-all.js';
import { taskFilter } from '../session/task-filter.js';
import { countOf } from '../terminal/arguments.js';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';
import { showLive, type Frame } from '../terminal/live.js';
import type { Cells } from '../terminal/table.js';

/** Tasks that are looked at; more than a screen holds. */
const MOST_TASKS = 100;
/** Tasks whose reason is asked for: one question each. */
const MOST_REASONS = 30;
/** Lines that are no tasks: three of sums, two headings, and space. */
const OTHER_LINES = 7;
const MOST_NODES = 10;

const RUNNING = ['PartiallyExecuting', 'FullyExecuting', 'UploadingResults'];

/** What only operators are told is nothing to others. */
const notForUs = (error: unknown): undefined => {
  if (error instanceof ApiError && (error.status === 401 || error.status === 403)) return undefined;
  throw error;
};

const percent = (used: number, all: number): string => (all === 0 ? '-' : `${Math.round((100 * used) / all)} %`);

/** Fleet and queue; what only operators may see is left out for others. */
const fleetOf = async (client: FornaxClient, mostNodes: number) => {
  const [scheduling, nodes] = await Promise.all([client.fleet.scheduling().catch(notForUs), client.fleet.nodes()]);
  const online = nodes.filter(({ status }) => status === 'online').length;
  const states = Object.entries(Object.groupBy(nodes, ({ status }) => status))
    .map(([status, some]) => `${some?.length ?? 0} ${status}`)
    .join(', ');
  if (scheduling === undefined) {
    const cores = nodes.reduce((sum, { hardware }) => sum + hardware.cores, 0);
    return { lines: [`fleet  ${states === '' ? 'no nodes' : states}, ${cores} cores`], rows: [] as Cells };
  }
  const { nodes: known } = scheduling;
  const sum = (pick: (node: (typeof known)[number]) => number): number =>
    known.reduce((total, node) => total + pick(node), 0);
  const [cores, used, memory, usedMemory] = [
    sum((node) => node.cores),
    sum((node) => node.usedCores),
    sum((node) => node.memoryMB),
    sum((node) => node.usedMemoryMB),
  ];
  const shown = [...known].sort((a, b) => b.leases - a.leases).slice(0, mostNodes);
  return {
    lines: [
      `fleet  ${states === '' ? 'no nodes' : states}; cores ${used} of ${cores} (${percent(used, cores)}), memory ${usedMemory} of ${memory} MB (${percent(usedMemory, memory)})`,
      `queue  ${scheduling.waitingInstances} instances of ${scheduling.queuedTasks} tasks wait, ${scheduling.leases} are on nodes${online === 0 ? '; no node takes work' : ''}`,
    ],
    rows: [
      ['NODE', 'STATUS', 'INSTANCES', 'CORES', 'USED', 'MEMORY MB', 'USED MB'],
      ...shown.map(({ id, status, leases, cores: has, usedCores, memoryMB, usedMemoryMB }) => [
        id,
        status,
        leases,
        has,
        usedCores,
        memoryMB,
        usedMemoryMB,
      ]),
    ] as Cells,
  };
};

/** Unfinished tasks of whoever asks, or of everybody that whoever asks may look at, and why those wait that wait. */
const tasksOf = async (client: FornaxClient, most: number, isOfAll: boolean) => {
  const limit = Math.min(MOST_TASKS, most);
  const wanted = { filter: taskFilter({ state: ['waiting', 'running'] }, undefined), limit };
  const tasks: readonly (ListedTask & { readonly owner?: string })[] = isOfAll
    ? newestOf(await tasksOfAll(client, await client.people.users(), wanted), limit)
    : await client.listTasks(wanted);
  const running = tasks.filter(({ state }) => RUNNING.includes(state)).length;
  const reasons = await Promise.all(
    tasks.map(async (task, at) => {
      if (at >= MOST_REASONS || task.runningInstanceCount >= instancesOf(task)) return '';
      // One that is over by now waits for nothing.
      return client.history.waiting(task.uuid).then(
        ({ text }) => text,
        () => '',
      );
    }),
  );
  return {
    line: `tasks  ${running} run, ${tasks.length - running} wait${tasks.length === limit ? ' (of the newest)' : ''}${isOfAll ? ', of everybody' : ''}`,
    rows: [
      ['ID', 'NAME', 'STATE', 'INSTANCES', 'RUNNING', 'PROGRESS', ...(isOfAll ? ['OWNER'] : []), 'WHY IT WAITS'],
      ...tasks.map((task, at) => [
        task.uuid,
        task.name,
        task.state,
        instancesOf(task),
        task.runningInstanceCount,
        `${Math.round(task.progress)} %`,
        ...(task.owner === undefined ? [] : [task.owner]),
        reasons[at] ?? '',
      ]),
    ] as Cells,
  };
};

const frame = async (io: Io, rows: number, isOfAll: boolean): Promise<Frame> => {
  const client = io.client();
  const most = Number.isFinite(rows) ? Math.max(1, rows - OTHER_LINES) : MOST_TASKS;
  const [fleet, tasks, { status }] = await Promise.all([
    fleetOf(client, Math.min(MOST_NODES, Math.ceil(most / 3))),
    tasksOf(client, most, isOfAll),
    client.health(),
  ]);
  return {
    lines: [
      io.cut(`${harmlessLine(client.url)}  ${harmlessLine(status)}  ${new Date().toISOString()}`),
      ...[...fleet.lines, tasks.line].map((line) => io.cut(harmlessLine(line))),
      ...(fleet.rows.length > 1 ? ['', ...io.rendered(fleet.rows)] : []),
      ...(tasks.rows.length > 1 ? ['', ...io.rendered(tasks.rows)] : []),
    ],
  };
};

interface Options {
  readonly all?: boolean;
  readonly once?: boolean;
  readonly every: number;
}

const ABOUT = `
Your tasks that are not over, with why they wait, and with --all those of everybody that you may look at; for operators the queue and the fleet. Ctrl-C ends it. Where it does not go to a terminal there is one frame.

Examples:
  fornax top --once
  fornax top --once --all`;

/** `fornax top` */
export const addTopCommand = (program: Command, io: Io): void => {
  program
    .command('top')
    .description('the platform as it is now, live: fleet, queue, tasks and why they wait')
    .option('--all', 'tasks of everybody that you may look at: for operators, coordinators and auditors')
    .option('--once', 'one frame')
    .option('--every <seconds>', 'between two frames', countOf, 2)
    .addHelpText('after', ABOUT)
    .action(({ all = false, once = false, every }: Options) =>
      showLive(io, (rows) => frame(io, rows, all), { once, everyMs: every * 1_000 }),
    );
};
