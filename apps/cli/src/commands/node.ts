import type { FornaxClient, NodeEventRecord } from '@fornax/client';
import { type Command, InvalidArgumentError } from 'commander';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';
import { listNodes } from './fleet.js';
import { clientOf, withReason, type ReasonOptions } from './others.js';

const sequenceOf = (text: string): number => {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('must be a sequence of the log');
  return Number(text);
};

interface EventsOptions {
  readonly after?: number;
  readonly json?: boolean;
}

/** One line for people: place, time, what, which session, why, who. */
const lineOf = ({ sequence, at, type, cause, epoch, reason, actor }: NodeEventRecord): string =>
  [
    String(sequence),
    at,
    type,
    ...(epoch === null ? [] : [`session ${epoch}`]),
    ...(cause === null ? [] : [cause]),
    `by ${actor}`,
    ...(reason === null ? [] : [`because: ${reason}`]),
  ].join('  ');

const printEvents = async (io: Io, node: string, { after, json }: EventsOptions): Promise<void> => {
  for await (const event of io.client().fleet.events(node, after))
    io.print(json === true ? JSON.stringify(event) : harmlessLine(lineOf(event)));
};

const CHANGES = [
  [
    'drain',
    'no new instances on a node; those that run go on',
    (client: FornaxClient, id: string) => client.fleet.drain(id),
  ],
  ['resume', 'end a drain', (client: FornaxClient, id: string) => client.fleet.resume(id)],
  [
    'retire',
    'a node is gone for good; it must not hold any instance',
    (client: FornaxClient, id: string) => client.fleet.retire(id),
  ],
] as const;

/** `fornax node …`, for operators. @returns the group, for more commands about nodes */
export const addNodeCommands = (program: Command, io: Io): Command => {
  const node = program.command('node').description('look after compute nodes; for operators');
  node
    .command('list')
    .description('all compute nodes, as `fornax nodes`')
    .action(() => listNodes(io));
  for (const [name, what, change] of CHANGES)
    withReason(node.command(`${name} <node>`).description(what)).action(async (id: string, options: ReasonOptions) => {
      const { status } = await change(clientOf(io, options), id);
      io.print(`${id}: ${status}`);
    });
  node
    .command('events <node>')
    .description('everything that happened to a node, in order: who, when, why')
    .option('--after <sequence>', 'only what came after this place in the log', sequenceOf)
    .option('--json', 'one JSON object a line, with everything')
    .action((id: string, options: EventsOptions) => printEvents(io, id, options));
  return node;
};
