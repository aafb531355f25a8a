import { ApiError, type Output } from '@fornax/client';
import type { Interval } from '../terminal/arguments.js';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';
import { UsageError } from '../terminal/usage-error.js';
import { among, numbersOf, rangesText } from './instance-count.js';
import { tellOutcome } from './outcome.js';
import { LineJoiner } from './follow-lines.js';
import { onAway } from './on-away.js';

export interface LogOptions {
  readonly stderr?: boolean;
  /** These alone. */
  readonly instance?: readonly Interval[];
  readonly follow?: boolean;
  /** As it is, also to a terminal. */
  readonly raw?: boolean;
}

type Kind = 'tasks' | 'pools';

/** The one instance that is meant; undefined: several, or all. */
const onlyOne = (instances: readonly Interval[] | undefined): number | undefined =>
  instances?.length === 1 && instances[0]?.from === instances[0]?.to ? instances[0]?.from : undefined;

const isAmong = (instances: readonly Interval[] | undefined, number: number): boolean =>
  instances === undefined || instances.some(({ from, to }) => number >= from && number <= to);

/** Slots are numbered as they are opened, and nobody tells how many those were: so many are asked for one by one. */
const MOST_SLOTS = 1_000;

/** Those of a task that there are. What there is not is told, and is a failure. @throws Error there are none of them */
const thereOf = async (io: Io, id: string, wanted: readonly Interval[]): Promise<readonly Interval[]> => {
  const task = await io.client().getTask(id, io.signal);
  const { found, missing } = among(wanted, numbersOf(task));
  if (missing.length === 0) return found;
  const what = `There are no instances ${rangesText(missing)}: ${task.name} has ${rangesText(numbersOf(task))}.`;
  if (found.length === 0) throw new Error(what);
  io.tell(harmlessLine(what));
  io.setExitCode(1);
  return found;
};

/** Prints what is there; with `follow`, goes on until the task or pool is over. Moves nobody's cursor: fresh output belongs to one reader alone. */
export const printOutput = async (io: Io, kind: Kind, id: string, options: LogOptions): Promise<void> => {
  const { stderr, follow, raw } = options;
  const write = raw === true ? io.writeRaw : io.write;
  const stream: Output = stderr === true ? 'stderr' : 'stdout';
  const instance = onlyOne(options.instance);
  const isSome = options.instance !== undefined && instance === undefined;
  const instances = isSome && kind === 'tasks' ? await thereOf(io, id, options.instance) : options.instance;
  if (follow === true) return followOutput({ ...io, write }, kind, id, stream, instances);
  if (instances === undefined || instance !== undefined) {
    for await (const text of io.client().wholeOutput(id, stream, { kind, instance, signal: io.signal })) write(text);
    return;
  }
  const print = async (number: number): Promise<void> => {
    const joiner = new LineJoiner();
    for await (const text of io.client().wholeOutput(id, stream, { kind, instance: number, signal: io.signal }))
      write(joiner.take({ instance: number, attempt: 0, offset: 0, data: Buffer.from(text) }));
    write(joiner.rest());
  };
  if (kind === 'pools') return printSlots(io, instances, print);
  for (const { from, to } of instances) for (let number = from; number <= to; number += 1) await print(number);
};

/** Prints those slots that have been open. What there is not is told, and is a failure. */
const printSlots = async (
  io: Io,
  wanted: readonly Interval[],
  print: (slot: number) => Promise<void>,
): Promise<void> => {
  if (wanted.reduce((sum, { from, to }) => sum + to - from + 1, 0) > MOST_SLOTS)
    throw new UsageError(`These are more than ${MOST_SLOTS} slots: name fewer, or none for all.`);
  const missing: number[] = [];
  let isAny = false;
  let first: unknown;
  for (const { from, to } of wanted)
    for (let slot = from; slot <= to; slot += 1)
      try {
        await print(slot);
        isAny = true;
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 404) throw error;
        first ??= error;
        missing.push(slot);
      }
  if (missing.length === 0) return;
  // It says of a pool that there is not that it is not there.
  if (!isAny) throw first;
  io.tell(`There are no slots ${missing.join(',')}.`);
  io.setExitCode(1);
};

const followOutput = async (
  io: Io,
  kind: Kind,
  id: string,
  stream: Output,
  instances: readonly Interval[] | undefined,
): Promise<void> => {
  const joiner = new LineJoiner();
  const decoder = new TextDecoder();
  const instance = onlyOne(instances);
  const patience = { signal: io.signal, onAway: onAway(io) };
  // A platform that was never reached is an error, not one that is away.
  if (kind === 'tasks') await io.client().getTask(id, io.signal);
  else await io.client().pools.get(id);
  for await (const event of io.client().followOutput(id, stream, { kind, instance, ...patience })) {
    if (event.type === 'reset') io.tell(event.reason);
    if (event.type !== 'piece' || !isAmong(instances, event.piece.instance)) continue;
    const { piece } = event;
    io.write(instance === undefined ? joiner.take(piece) : decoder.decode(piece.data, { stream: true }));
  }
  io.write(instance === undefined ? joiner.rest() : decoder.decode());
  if (kind === 'tasks') await tellOutcome(io, await io.client().waitForTask(id, patience));
};
