import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { DoorLimits } from './door-limits.js';
import { shareOf } from './peers.js';

/** Options of `http.createServer` for a server that keeps to the limits. */
export const serverOptions = ({ headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs }: DoorLimits) => ({
  headersTimeout: headersTimeoutMs,
  requestTimeout: requestTimeoutMs,
  keepAliveTimeout: keepAliveTimeoutMs,
  // Node looks every half minute; what is promised in seconds must be looked at within seconds.
  connectionsCheckingInterval: Math.min(5_000, Math.ceil(headersTimeoutMs / 3)),
});

interface Exchanges {
  open: number;
  latest: IncomingMessage | undefined;
}

/** Whether the server waits for more of a body that its sender has not ended. */
const waitsForBody = ({ latest }: Exchanges): boolean =>
  latest !== undefined && !latest.complete && !latest.destroyed && latest.readableLength === 0;

/**
 * Holds a server to what it puts up with: connections in all and of one peer; a connection without a request; an answer that nobody
 * reads; a body that does not come. An answer that is being worked on, and a live stream in which nothing happens, may take their time.
 */
export const guardConnections = (server: Server, limits: DoorLimits): void => {
  const { maxConnections, maxConnectionsPerPeer, stallTimeoutMs, peers } = limits;
  server.maxConnections = maxConnections;
  const perPeer = new Map<string, number>();
  const exchangesOf = new WeakMap<Socket, Exchanges>();

  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    if (peers.isProxy(address)) return;
    const peer = shareOf(address);
    const count = (perPeer.get(peer) ?? 0) + 1;
    perPeer.set(peer, count);
    socket.once('close', () => {
      const left = (perPeer.get(peer) ?? 1) - 1;
      if (left > 0) perPeer.set(peer, left);
      else perPeer.delete(peer);
    });
    if (count > maxConnectionsPerPeer) socket.destroy();
  });

  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const exchanges = exchangesOf.get(request.socket) ?? { open: 0, latest: undefined };
    exchangesOf.set(request.socket, exchanges);
    exchanges.open += 1;
    exchanges.latest = request;
    response.once('close', () => {
      exchanges.open -= 1;
    });
  });

  // Node's own timer of a socket knows an answer that moves, however slowly, from one that does not.
  server.setTimeout(stallTimeoutMs, (socket: Socket) => {
    const exchanges = exchangesOf.get(socket);
    const isIdle = exchanges === undefined || exchanges.open === 0;
    if (isIdle || socket.writableLength > 0 || waitsForBody(exchanges)) socket.destroy();
  });
};

interface Progress {
  readonly at: number;
  readonly bytesRead: number;
  /** The server would have read more. */
  readonly wasWaiting: boolean;
}

const progressOf = (message: IncomingMessage): Progress => ({
  at: performance.now(),
  bytesRead: message.socket.bytesRead,
  wasWaiting: message.readableLength === 0,
});

/**
 * Ends uploads that come more slowly than the limit on average of one stall timeout: a body may take hours, but not by a byte a minute.
 * Time in which the server itself does not read does not count.
 */
export const guardUploads = (server: Server, { stallTimeoutMs, minUploadBytesPerS }: DoorLimits): void => {
  if (minUploadBytesPerS === 0) return;
  const uploads = new Map<IncomingMessage, Progress>();
  const look = (): void => {
    for (const [message, before] of uploads) {
      const now = progressOf(message);
      const elapsedMs = now.at - before.at;
      if (elapsedMs < stallTimeoutMs) continue;
      const isSlow = now.bytesRead - before.bytesRead < (minUploadBytesPerS * elapsedMs) / 1000;
      if (isSlow && !message.complete && before.wasWaiting && now.wasWaiting) message.socket.destroy();
      else uploads.set(message, now);
    }
  };
  const timer = setInterval(look, stallTimeoutMs / 2).unref();
  server.on('request', (message: IncomingMessage, response: ServerResponse) => {
    const { 'transfer-encoding': coding, 'content-length': length = 0 } = message.headers;
    if (coding === undefined && Number(length) === 0) return;
    uploads.set(message, progressOf(message));
    message.once('end', () => uploads.delete(message));
    response.once('close', () => uploads.delete(message));
  });
  server.once('close', () => clearInterval(timer));
};
