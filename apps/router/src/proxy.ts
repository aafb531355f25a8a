import http, {
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http';
import { pipeline } from 'node:stream';
import { drainThenEnd, refuse, type Peers } from '@fornax/service-kit';
import { BODY_LIMIT_BYTES } from '@fornax/identity';

/** Headers that speak of one connection only (RFC 9110, 7.6.1). */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'proxy-connection',
];

/** What no `Connection` header may make a hop's own: where the body ends, whose request it is, whom it is for. */
const NEVER_HOP_BY_HOP = ['content-length', 'transfer-encoding', 'authorization', 'host'];

const endToEnd = (headers: IncomingHttpHeaders): OutgoingHttpHeaders => {
  const named = (headers.connection ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => !NEVER_HOP_BY_HOP.includes(name));
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name) && !named.includes(name)),
  );
};

/** Where a request comes from is the word of this router, and of the proxies in front of it that are trusted; of nobody else. */
const forwarded = (request: IncomingMessage, peers: Peers): OutgoingHttpHeaders => {
  const from = request.socket.remoteAddress ?? 'unknown';
  const said = peers.isProxy(from) ? request.headers : {};
  const before = said['x-forwarded-for'];
  const { forwarded: _, ...headers } = endToEnd(request.headers);
  return {
    ...headers,
    'x-forwarded-for': before === undefined ? from : `${String(before)}, ${from}`,
    'x-forwarded-host': said['x-forwarded-host'] ?? request.headers.host ?? '',
    'x-forwarded-proto': said['x-forwarded-proto'] ?? 'http',
  };
};

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };

/** Refuses a request without reading its body. */
export const refuseJson = (request: IncomingMessage, response: ServerResponse, status: number, message: string): void =>
  refuse(request, response, {
    status,
    headers: JSON_TYPE,
    body: JSON.stringify(status === 401 ? { message, error: { message, code: 401 }, data: {} } : { message }),
  });

/** An answer of the router's own, in the form that the services answer (contract, 1.7). */
export const answerJson = (response: ServerResponse, status: number, body: unknown): void => {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    ...JSON_TYPE,
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
};

export interface Passage {
  readonly agent: http.Agent;
  readonly target: URL;
  /** Name of the service, for people. */
  readonly name: string;
  readonly peers: Peers;
  /** The answer is a live stream, which may go on for hours. */
  readonly onLive: () => void;
}

const CHANGES_NOTHING: readonly (string | undefined)[] = ['GET', 'HEAD', 'OPTIONS'];

/**
 * What to say of a request that its service has not answered. 503 means that nothing was done, and clients send such a request again; so once
 * a service may have carried it out the answer is one that they do not repeat by themselves, unless the service knows it again by its key.
 */
const unanswered = (
  name: string,
  { method, headers }: IncomingMessage,
  wasSent: boolean,
): readonly [number, string] => {
  if (!wasSent || CHANGES_NOTHING.includes(method)) return [503, `The ${name} service cannot be reached right now`];
  const said = `The ${name} service broke off, so nobody can say whether this was done`;
  return headers['idempotency-key'] === undefined
    ? [409, `${said}: look before you send it again`]
    : [504, `${said}. The same request with the same Idempotency-Key does it once`];
};

/**
 * Passes a request on as it is and its answer back as it is, streaming both ways. A service that cannot be reached gives 503: clients
 * may send the request again. One that breaks off in the middle of its answer breaks off ours. One that answers before the body is there
 * (it refuses it) has answered: the rest of the body is thrown away.
 */
export const proxy = (
  { agent, target, name, peers, onLive }: Passage,
  request: IncomingMessage,
  response: ServerResponse,
): void => {
  // A service would answer and hang up in the midst of the body, which looks like one that cannot be reached.
  if (Number(request.headers['content-length'] ?? 0) > BODY_LIMIT_BYTES)
    return refuseJson(request, response, 413, 'The request body is too large');
  const { hostname, port } = target;
  const upstream = http.request({
    agent,
    hostname,
    port,
    method: request.method,
    path: request.url,
    headers: forwarded(request, peers),
    setHost: false,
  });
  let hasAnswered = false;
  upstream.on('response', (answer) => {
    hasAnswered = true;
    if (answer.headers['content-type']?.startsWith('text/event-stream') === true) onLive();
    // The service ends the connection because it will not read the rest of the body: ours ends, too, once the answer is out.
    const isRefusal = !request.complete && answer.headers.connection === 'close';
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, {
      ...endToEnd(answer.headers),
      ...(isRefusal ? { connection: 'close' } : {}),
    });
    if (!isRefusal) return void pipeline(answer, response, () => undefined);
    request.unpipe(upstream);
    answer.pipe(response, { end: false });
    answer.once('error', () => response.destroy());
    answer.once('end', () => drainThenEnd(request, response));
  });
  let wasSent = false;
  upstream.on('socket', (socket) => {
    if (socket.connecting) socket.once('connect', () => (wasSent = true));
    else wasSent = true;
  });
  upstream.on('error', () => {
    if (hasAnswered) return; // the answer says itself whether it is whole
    if (response.headersSent) response.destroy();
    else if (!response.destroyed) {
      const [status, message] = unanswered(name, request, wasSent);
      answerJson(response, status, { message });
    }
    request.resume();
  });
  response.on('close', () => {
    if (!response.writableFinished) upstream.destroy();
  });
  request.pipe(upstream);
  // Node keeps the headers until the first of the body is there; the service refuses by the headers alone.
  setImmediate(() => {
    if (!upstream.headersSent) upstream.flushHeaders();
  });
};
