import type { Output } from '@fornax/client';
import type { Interval } from '../terminal/arguments.js';
import type { Io } from '../terminal/io.js';
import { tellOutcome } from './outcome.js';
import { LineJoiner } from './follow-lines.js';

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

/** Prints what is there; with `follow`, goes on until the task or pool is over. Moves nobody's cursor: fresh output belongs to one reader alone. */
export const printOutput = async (io: Io, kind: Kind, id: string, options: LogOptions): Promise<void> => {
  const { stderr, instance: instances, follow, raw } = options;
  const write = raw === true ? io.writeRaw : io.write;
  const stream: Output = stderr === true ? 'stderr' : 'stdout';
  if (follow === true) return followOutput({ ...io, write }, kind, id, stream, instances);
  const instance = onlyOne(instances);
  if (instances === undefined || instance !== undefined) {
    for await (const text of io.client().wholeOutput(id, stream, { kind, instance, signal: io.signal })) write(text);
    return;
  }
  for (const { from, to } of instances)
    for (let number = from; number <= to; number += 1) {
      const joiner = new LineJoiner();
      for await (const text of io.client().wholeOutput(id, stream, { kind, instance: number, signal: io.signal }))
        write(joiner.take({ instance: number, attempt: 0, offset: 0, data: Buffer.from(text) }));
      write(joiner.rest());
    }
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
  for await (const event of io.client().followOutput(id, stream, { kind, instance, signal: io.signal })) {
    if (event.type === 'reset') io.tell(event.reason);
    if (event.type !== 'piece' || !isAmong(instances, event.piece.instance)) continue;
    const { piece } = event;
    io.write(instance === undefined ? joiner.take(piece) : decoder.decode(piece.data, { stream: true }));
  }
  io.write(instance === undefined ? joiner.rest() : decoder.decode());
  if (kind === 'tasks') await tellOutcome(io, await io.client().waitForTask(id, { signal: io.signal }));
};
