import { connect, type Socket } from 'node:net';
import { eventually } from './waiting/eventually.js';

/** A connection on which a test writes what it likes, whether it is HTTP or not. */
export interface Wire {
  readonly socket: Socket;
  send(text: string | Buffer): void;
  /** Everything that came so far. */
  text(): string;
  /** Resolves once what came matches. */
  until(pattern: RegExp): Promise<string>;
  isOpen(): boolean;
  /** Resolves once the other side has ended the connection. */
  closed(timeoutMs?: number): Promise<true>;
}

export const openWire = async (url: string): Promise<Wire> => {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let came = '';
  let isOpen = true;
  socket.on('data', (chunk: Buffer) => (came += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  socket.on('close', () => (isOpen = false));
  socket.on('end', () => socket.destroy());
  await new Promise<void>((resolve) => {
    socket.once('connect', resolve);
    socket.once('close', () => resolve());
  });
  return {
    socket,
    send: (text) => void socket.write(text),
    text: () => came,
    until: (pattern) => eventually(() => pattern.test(came) && came),
    isOpen: () => isOpen,
    closed: (timeoutMs = 10_000) => eventually(() => !isOpen, { timeoutMs }).then(() => true),
  };
};

/** A request's head, with a line for each header. */
export const requestHead = (
  method: string,
  path: string,
  headers: Readonly<Record<string, string | number>> = {},
): string =>
  [`${method} ${path} HTTP/1.1`, 'host: test', ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)]
    .map((line) => `${line}\r\n`)
    .join('') + '\r\n';

/** Sends a request, and is gone before it is answered. */
export const leaveAtOnce = async (url: string, head: string): Promise<void> => {
  const { socket, send, closed } = await openWire(url);
  send(head);
  socket.destroySoon();
  await closed();
};
