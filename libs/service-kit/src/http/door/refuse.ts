import type { IncomingMessage, ServerResponse } from 'node:http';

/** A refused body that is announced to be this small is read and thrown away, so that its connection can be kept. */
const SMALL_BYTES = 64 * 1024;
/** Of a larger one so much is read, and so long, that its sender gets to see the answer before the connection ends. */
const DRAIN_BYTES = 1024 * 1024;
const DRAIN_MS = 2_000;

export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const announcedBytes = ({ headers }: IncomingMessage): number =>
  headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : Infinity;

/**
 * Answers a request whose body nobody wants: at once, whether the body has come or not. A small rest is thrown away as it comes; a large
 * one ends the connection, after a bounded part of it, because hanging up in the midst of it would look like a broken network.
 */
export const refuse = (
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: Refusal,
): void => {
  if (response.destroyed || response.headersSent) return;
  const content = Buffer.from(request.method === 'HEAD' ? '' : body);
  const isLarge = !request.complete && announcedBytes(request) > SMALL_BYTES;
  response.writeHead(status, {
    ...headers,
    ...(request.method === 'HEAD' ? {} : { 'content-length': content.byteLength }),
    ...(isLarge ? { connection: 'close' } : {}),
  });
  if (!isLarge) {
    response.end(content);
    request.resume();
    return;
  }
  response.write(content);
  drainThenEnd(request, response);
};

/** Ends a complete answer once the body that nobody wants has come, or a bounded part of it for a bounded time. */
export const drainThenEnd = (request: IncomingMessage, response: ServerResponse): void => {
  let drained = 0;
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, DRAIN_MS).unref();
  request.on('data', (chunk: Buffer) => {
    drained += chunk.byteLength;
    if (drained > DRAIN_BYTES) end();
  });
  request.once('end', end);
  request.once('close', end);
};
