import type { Socket } from 'node:net';
import { finished } from 'node:stream/promises';

import { delay, firstLine } from '@fornax/base';
import {
  frameOf,
  FrameReader,
  FRAMES,
  MOST_ORDER_CHARS,
  type SessionEnd,
  sessionOrderSchema,
  sizeIn,
} from '@fornax/contracts';
import type { EnteredCommand, EnteringCommand } from '@fornax/drivers';

const ORDER_MS = 10_000;
/** How long outputs may stay open once the command has ended: what left its session may hold them for ever. */
const LINGER_MS = 1_000;

type Enter = (command: EnteringCommand) => Promise<EnteredCommand>;

/** Runs what the first line of a connection says, as long as that is there. @returns how it ended; undefined: it did not begin */
export const carryCommand = async (socket: Socket, enter: Enter): Promise<number | undefined> => {
  const line = await firstLine(socket, { mostChars: MOST_ORDER_CHARS, withinMs: ORDER_MS });
  const say = (end: SessionEnd): void => void socket.end(frameOf(FRAMES.end, JSON.stringify(end)));
  let entered: EnteredCommand;
  try {
    const { command, terminal } = sessionOrderSchema.parse(
      JSON.parse(Buffer.from(line ?? '', 'latin1').toString('utf8')),
    );
    const [program = '', ...args] = command;
    entered = await enter({
      argv: [program, ...args],
      ...(terminal ? { terminal, env: { TERM: terminal.term } } : {}),
    });
  } catch (error) {
    say({ trouble: error instanceof Error ? error.message.slice(0, 1_000) : 'it could not be begun' });
    return undefined;
  }
  const { exitCode } = await carried(socket, entered);
  say({ exitCode });
  return exitCode;
};

const carried = async (socket: Socket, entered: EnteredCommand): ReturnType<() => EnteredCommand['exit']> => {
  const { stdin, stdout, stderr, exit, kill } = entered;
  const outputs = [
    { stream: stdout, kind: FRAMES.output },
    { stream: stderr, kind: FRAMES.error },
  ] as const;
  for (const { stream, kind } of outputs)
    stream.on('data', (chunk: Buffer) => {
      if (socket.destroyed || socket.write(frameOf(kind, chunk))) return;
      // Whoever prints fast waits for who reads slowly.
      for (const { stream: each } of outputs) each.pause();
    });
  socket.on('drain', () => {
    for (const { stream } of outputs) stream.resume();
  });
  const frames = new FrameReader();
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const { kind, payload } of frames.take(chunk)) {
        const size = kind === FRAMES.size ? sizeIn(payload) : undefined;
        if (size) entered.resize(size);
        if (kind !== FRAMES.input) continue;
        if (payload.length === 0) stdin.end();
        else if (!stdin.destroyed && !stdin.writableEnded && !stdin.write(payload)) socket.pause();
      }
    } catch {
      socket.destroy();
    }
  });
  const goOn = (): void => void socket.resume();
  stdin.on('drain', goOn).on('close', goOn);
  // Whoever is gone has no command any more; an end of input is a frame.
  socket.once('end', kill).once('close', kill).on('error', kill);
  if (socket.destroyed) kill();
  socket.resume();
  const end = await exit;
  const ended = Promise.allSettled(outputs.map(({ stream }) => finished(stream))).then(() => true);
  while (!socket.destroyed && !(await Promise.race([ended, delay(LINGER_MS).then(() => false)])))
    if (!socket.writableNeedDrain) break;
  for (const { stream } of outputs) stream.destroy();
  return end;
};
