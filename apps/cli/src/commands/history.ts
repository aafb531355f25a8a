import type { LiveMessage, TaskEventRecord } from '@fornax/client';
import { type Command, InvalidArgumentError } from 'commander';
import { amountOf, instanceOf } from '../terminal/arguments.js';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';

const listOf = (text: string, before: readonly string[] = []): readonly string[] => [...before, ...text.split(',')];
const sequenceOf = (text: string): number => {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('must be a sequence of the log');
  return Number(text);
};

const MOST_NUMBERS = 5;
interface Item {
  readonly instance: number;
  readonly node?: string;
  readonly outcome?: string;
  readonly exitCode?: number | null;
  readonly cause?: string;
}
/** What an event says of single instances. */
const itemsIn = (data: TaskEventRecord['data']): readonly Item[] =>
  ([data['leases'], data['attempts']].find((value) => Array.isArray(value)) ?? []) as readonly Item[];

/** How an attempt ended and where: a success needs no word. */
const endOf = ({ node, outcome, exitCode, cause }: Item): string =>
  [
    ...(node === undefined ? [] : [`on ${node}`]),
    ...(outcome === undefined || outcome === 'success' ? [] : [outcome]),
    ...(typeof exitCode === 'number' && exitCode !== 0 ? [`exit code ${exitCode}`] : []),
    ...(cause === undefined ? [] : [cause]),
  ].join(' ');

/** The instances that an event is about: those alike together, with the node, how they ended, and why. */
const instancesIn = (data: TaskEventRecord['data']): string => {
  if (typeof data['instance'] === 'number') return `instance ${data['instance']}`;
  if (typeof data['instances'] === 'string') return `instances ${data['instances']}`;
  const alike = new Map<string, number[]>();
  for (const item of itemsIn(data)) {
    const end = endOf(item);
    alike.set(end, [...(alike.get(end) ?? []), item.instance]);
  }
  return [...alike]
    .map(([end, numbers]) => {
      const shown = `${numbers.slice(0, MOST_NUMBERS).join(',')}${numbers.length > MOST_NUMBERS ? ',…' : ''}`;
      return `instances ${shown}${end === '' ? '' : ` ${end}`}`;
    })
    .join('; ');
};

/** The secrets that an instance was given: their keys and versions. */
const secretsIn = ({ secrets }: TaskEventRecord['data']): string => {
  if (!Array.isArray(secrets)) return '';
  const all = secrets as readonly { readonly key: string; readonly version: number }[];
  const shown = all.slice(0, MOST_NUMBERS).map(({ key, version }) => `${key} (version ${version})`);
  return `${shown.join(', ')}${all.length > MOST_NUMBERS ? ', …' : ''}`;
};

/** One line for people: place, time, type, what about, who, and why; for whom, where a person did it to somebody else's task. */
const lineOf = ({ sequence, at, type, actor, onBehalfOf, reason, data }: TaskEventRecord): string => {
  const what = [instancesIn(data), secretsIn(data), data['reason'], data['detail']].filter(
    (part) => typeof part === 'string' && part !== '',
  );
  const isOthers = actor.startsWith('user:') && actor !== onBehalfOf;
  return [
    String(sequence),
    at,
    type,
    ...what,
    `by ${actor}${isOthers ? ` for ${onBehalfOf}` : ''}`,
    ...(reason === null ? [] : [`because: ${reason}`]),
  ].join('  ');
};

interface EventsOptions {
  readonly after?: number;
  readonly json?: boolean;
  readonly type?: readonly string[];
  readonly instance?: number;
  readonly node?: string;
  readonly failed?: boolean;
  readonly exitCode?: number;
  readonly cause?: readonly string[];
}

/** Whether an event is about what is asked for. */
const isWanted = (
  { type, data }: TaskEventRecord,
  { type: types, instance, node, failed, exitCode, cause }: EventsOptions,
): boolean => {
  if (types !== undefined && !types.some((one) => one.toLowerCase() === type.toLowerCase())) return false;
  const items = itemsIn(data);
  if (instance !== undefined && data['instance'] !== instance && !items.some((item) => item.instance === instance))
    return false;
  if (node !== undefined && data['node'] !== node && !items.some((item) => item.node === node)) return false;
  if (exitCode !== undefined && !items.some((item) => item.exitCode === exitCode)) return false;
  if (cause !== undefined && !items.some((item) => item.cause !== undefined && cause.includes(item.cause)))
    return false;
  return failed !== true || items.some(({ outcome }) => outcome !== undefined && outcome !== 'success');
};

const printEvents = async (io: Io, id: string, options: EventsOptions): Promise<void> => {
  const { after, json } = options;
  for await (const event of io.client().history.events(id, after))
    if (isWanted(event, options)) io.print(json === true ? JSON.stringify(event) : harmlessLine(lineOf(event)));
};

interface AsOfOptions {
  readonly asOf?: string;
}
const show = async (io: Io, id: string, { asOf }: AsOfOptions): Promise<void> => {
  const client = io.client();
  const task = asOf === undefined ? await client.getTask(id) : await client.history.taskAsOf(id, asOf);
  io.document(task);
};

const waiting = async (io: Io, id: string, { asOf }: AsOfOptions): Promise<void> => {
  const { text, since, history } = await io.client().history.waiting(id, asOf);
  io.print(since === null ? text : `${text} Since ${since}.`);
  for (const { at, reason, detail } of history)
    io.print(`${at}  ${reason ?? 'nothing stood in the way any more'}${detail === null ? '' : `  ${detail}`}`);
};

interface FollowOptions {
  readonly follow?: boolean;
  readonly task?: readonly string[];
  readonly type?: readonly string[];
  readonly all?: boolean;
  readonly after?: string;
  readonly json?: boolean;
}

const printMessage = (io: Io, { id, event, data }: LiveMessage, isJson: boolean): void => {
  if (isJson) return io.print(`{"id":${JSON.stringify(id)},"event":${JSON.stringify(event)},"data":${data}}`);
  const value: unknown = JSON.parse(data);
  if (event === 'snapshot') {
    for (const { uuid, state, name } of (value as { tasks: { uuid: string; state: string; name: string }[] }).tasks)
      io.print(harmlessLine(`${uuid}  ${state}  ${name}`));
  } else if (event === 'reset') io.tell(harmlessLine(`begins anew: ${(value as { reason: string }).reason}`));
  else {
    const record = value as TaskEventRecord;
    io.print(harmlessLine(`${record.taskId}  ${lineOf(record)}`));
  }
};

/** Without `--follow`, the tasks as they stand and no more. */
const follow = async (
  io: Io,
  { follow: goesOn, task = [], type = [], all, after, json }: FollowOptions,
): Promise<void> => {
  const messages = io.client().history.follow({
    tasks: task,
    types: type,
    all: all === true,
    signal: io.signal,
    ...(after === undefined ? {} : { after }),
  });
  for await (const message of messages) {
    printMessage(io, message, json === true);
    const isWhole = message.event === 'snapshot' && (JSON.parse(message.data) as { isLast: boolean }).isLast;
    if (goesOn !== true && isWhole) return;
  }
};

const AS_OF = ['--as-of <moment>', 'a sequence of the log, or an instant such as 2026-01-31T12:00:00Z'] as const;

/** `fornax task events|show|waiting …` */
export const addTaskHistoryCommands = (task: Command, io: Io): void => {
  task
    .command('events <task>')
    .description('everything that happened to a task, in order; deleted ones too, by id')
    .option('--after <sequence>', 'only what came after this place in the log', sequenceOf)
    .option('--type <type>', 'only events of this type, e.g. InstancesConcluded (repeatable)', listOf)
    .option('-i, --instance <number>', 'only what names this instance', instanceOf)
    .option('--node <node>', 'only what names this node')
    .option('--failed', 'only how attempts ended that did not succeed')
    .option('--exit-code <code>', 'only how attempts ended that exited with it', amountOf)
    .option('--cause <cause>', 'only how attempts ended for it, e.g. node-lost (repeatable)', listOf)
    .option('--json', 'one JSON object a line, with everything')
    .action((id: string, options: EventsOptions) => printEvents(io, id, options));
  task
    .command('show <task>')
    .description('everything about one task, as it is now or as it was, as JSON')
    .option(...AS_OF)
    .action((id: string, options: AsOfOptions) => show(io, id, options));
  task
    .command('waiting <task>')
    .description('why a task waits, or waited')
    .option(...AS_OF)
    .action((id: string, options: AsOfOptions) => waiting(io, id, options));
};

/** `fornax events …` */
export const addEventsCommand = (program: Command, io: Io): void => {
  program
    .command('events')
    .description('your tasks as they stand, then what happens to them')
    .option('-f, --follow', 'go on until Ctrl-C; a broken connection is taken up again without gaps')
    .option('-t, --task <task>', 'only these tasks (repeatable)', listOf)
    .option('--type <type>', 'only events of this type, e.g. InstancesConcluded (repeatable)', listOf)
    .option('--all', "everybody's tasks (operators)")
    .option('--after <id>', 'go on after this message, as --json shows it, without the tasks as they stand')
    .option('--json', 'one JSON object a line, with everything')
    .action((options: FollowOptions) => follow(io, options));
};
