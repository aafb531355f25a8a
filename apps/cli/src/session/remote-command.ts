import type { Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { FrameReader, frameOf, FRAMES, sessionEndSchema, type SessionEnd } from '@fornax/client/sessions';
import type { Io, Streams } from '../terminal/io.js';

/** A frame of what is read takes no more. */
const CHUNK_BYTES = 65_536;

interface Wish {
  /** What is typed or piped goes to the command. */
  readonly reads: boolean;
  /** It has a terminal, which is this one. */
  readonly hasTerminal: boolean;
}

const sizeOf = ({ stdout }: Streams): string => `${stdout.rows ?? 24} ${stdout.columns ?? 80}`;

/** Passes standard input on. @returns ends that */
const passInput = (socket: Socket, { stdin }: Streams): (() => void) => {
  const say = (chunk: Uint8Array): void => {
    let goesOn = true;
    for (let at = 0; at < chunk.length; at += CHUNK_BYTES)
      goesOn = socket.write(frameOf(FRAMES.input, chunk.subarray(at, at + CHUNK_BYTES)));
    if (goesOn) return;
    stdin.pause();
    socket.once('drain', () => stdin.resume());
  };
  const end = (): void => void (socket.destroyed || socket.write(frameOf(FRAMES.input)));
  stdin.on('data', say).once('end', end);
  return () => {
    stdin.off('data', say).off('end', end);
    stdin.pause();
    // What still could be typed must not keep this program.
    if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
  };
};

/** Takes the terminal: what is typed is the command's, Ctrl-C too. @returns gives it back */
const takeTerminal = (socket: Socket, streams: Streams): (() => void) => {
  const { stdin, stdout } = streams;
  const resized = (): void => void (socket.destroyed || socket.write(frameOf(FRAMES.size, sizeOf(streams))));
  stdin.setRawMode?.(true);
  stdout.on('resize', resized);
  return () => {
    stdout.off('resize', resized);
    stdin.setRawMode?.(false);
  };
};

/** Shows frames, waiting for who reads. @returns how it ended; undefined: the connection broke off */
const shown = (io: Io, socket: Socket, streams: Streams, { hasTerminal }: Wish): Promise<SessionEnd | undefined> =>
  new Promise((resolve) => {
    const frames = new FrameReader();
    let end: SessionEnd | undefined;
    // What is no terminal's, but is shown on one, is harmless there.
    const decoders = { [FRAMES.output]: new StringDecoder(), [FRAMES.error]: new StringDecoder() };
    const show = (kind: keyof typeof decoders, payload: Uint8Array): void => {
      const to = kind === FRAMES.output ? streams.stdout : streams.stderr;
      if (!hasTerminal && 'isTTY' in to && to.isTTY === true) {
        const text = decoders[kind].write(Buffer.from(payload));
        if (kind === FRAMES.output) io.write(text);
        else io.writeError(text);
      } else if (!to.write(payload)) {
        socket.pause();
        to.once('drain', () => socket.resume());
      }
    };
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const { kind, payload } of frames.take(chunk)) {
          if (kind === FRAMES.output || kind === FRAMES.error) show(kind, Uint8Array.from(payload));
          else if (kind === FRAMES.end) end = sessionEndSchema.parse(JSON.parse(Buffer.from(payload).toString()));
        }
      } catch {
        socket.destroy();
      }
    });
    socket.once('end', () => socket.end()).once('close', () => resolve(end));
    if (socket.destroyed) resolve(end);
  });

/** Is with a command until it ends. @returns how; undefined: the connection broke off */
export const attend = async (io: Io, socket: Socket, wish: Wish): Promise<SessionEnd | undefined> => {
  const streams = io.streams();
  const leave = (): void => void socket.destroy();
  io.signal.addEventListener('abort', leave, { once: true });
  if (io.signal.aborted) leave();
  const giveBack = wish.hasTerminal ? takeTerminal(socket, streams) : () => undefined;
  const stopInput = wish.reads ? passInput(socket, streams) : () => undefined;
  if (!wish.reads) socket.write(frameOf(FRAMES.input));
  try {
    return await shown(io, socket, streams, wish);
  } finally {
    stopInput();
    giveBack();
    io.signal.removeEventListener('abort', leave);
  }
};
