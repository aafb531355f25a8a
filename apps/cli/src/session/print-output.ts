import type { Output } from '@fornax/client';
import type { Io } from '../terminal/io.js';
import { tellOutcome } from './outcome.js';
import { LineJoiner } from './follow-lines.js';

export interface LogOptions {
  readonly stderr?: boolean;
  readonly instance?: number;
  readonly follow?: boolean;
  /** As it is, also to a terminal. */
  readonly raw?: boolean;
}

type Kind = 'tasks' | 'pools';

/** Prints what is there; with `follow`, goes on until the task or pool is over. Moves nobody's cursor: fresh output belongs to one reader alone. */
export const printOutput = async (io: Io, kind: Kind, id: string, options: LogOptions): Promise<void> => {
  const { stderr, instance, follow, raw } = options;
  const write = raw === true ? io.writeRaw : io.write;
  const stream: Output = stderr === true ? 'stderr' : 'stdout';
  if (follow === true) return followOutput({ ...io, write }, kind, id, stream, instance);
  for await (const text of io.client().wholeOutput(id, stream, { kind, instance, signal: io.signal })) write(text);
};

const followOutput = async (
  io: Io,
  kind: Kind,
  id: string,
  stream: Output,
  instance: number | undefined,
): Promise<void> => {
  const joiner = new LineJoiner();
  const decoder = new TextDecoder();
  for await (const event of io.client().followOutput(id, stream, { kind, instance, signal: io.signal })) {
    if (event.type === 'reset') io.tell(event.reason);
    if (event.type !== 'piece') continue;
    const { piece } = event;
    io.write(instance === undefined ? joiner.take(piece) : decoder.decode(piece.data, { stream: true }));
  }
  io.write(instance === undefined ? joiner.rest() : decoder.decode());
  if (kind === 'tasks') await tellOutcome(io, await io.client().waitForTask(id, { signal: io.signal }));
};
