import http, {
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http';
import { pipeline } from 'node:stream';
import { BODY_LIMIT_BYTES } from '@fornax/service-kit';

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

const endToEnd = (headers: IncomingHttpHeaders): OutgoingHttpHeaders => {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name) && !named.includes(name)),
  );
};

const forwarded = (request: IncomingMessage): OutgoingHttpHeaders => {
  const from = request.socket.remoteAddress ?? 'unknown';
  const before = request.headers['x-forwarded-for'];
  return {
    ...endToEnd(request.headers),
    'x-forwarded-for': before === undefined ? from : `${String(before)}, ${from}`,
    'x-forwarded-host': request.headers['x-forwarded-host'] ?? request.headers.host ?? '',
    'x-forwarded-proto': request.headers['x-forwarded-proto'] ?? 'http',
  };
};

/** An answer of the router's own, in the form that the services answer (contract, 1.7). */
export const answerJson = (response: ServerResponse, status: number, body: unknown): void => {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
};

/**
 * Passes a request on as it is and its answer back as it is, streaming both ways. A service that cannot be reached gives 503: clients
 * may send the request again. One that breaks off in the middle of its answer breaks off ours.
 */
export const proxy = (
  agent: http.Agent,
  target: URL,
  name: string,
  request: IncomingMessage,
  response: ServerResponse,
): void => {
  // A service would answer and hang up in the midst of the body, which looks like one that cannot be reached.
  if (Number(request.headers['content-length'] ?? 0) > BODY_LIMIT_BYTES) {
    request.resume();
    return answerJson(response, 413, { message: 'The request body is too large' });
  }
  const { hostname, port } = target;
  const upstream = http.request({
    agent,
    hostname,
    port,
    method: request.method,
    path: request.url,
    headers: forwarded(request),
    setHost: false,
  });
  upstream.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, endToEnd(answer.headers));
    pipeline(answer, response, () => undefined);
  });
  upstream.on('error', () => {
    if (response.headersSent) response.destroy();
    else if (!response.destroyed)
      answerJson(response, 503, { message: `The ${name} service cannot be reached right now` });
    request.resume();
  });
  response.on('close', () => {
    if (!response.writableFinished) upstream.destroy();
  });
  request.pipe(upstream);
};
