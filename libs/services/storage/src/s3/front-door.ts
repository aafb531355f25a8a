import { randomBytes } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { Socket } from 'node:net';
import { StoreRefusal } from '@fornax/object-store';
import { authenticate } from './authenticator.js';
import type { Exchange, S3Parts } from './exchange.js';
import { operationName, operationOf } from './router.js';
import type { Principal } from '../access/principal.js';
import { S3Error, accessDenied, fromRefusal } from './s3-error.js';
import { type S3Request, parseRequest } from './s3-request.js';
import { errorDocument } from './xml.js';

/** Time for the headers of a request; a body may take as long as it keeps moving. */
const HEADERS_TIMEOUT_MS = 60_000;
const IDLE_TIMEOUT_MS = 120_000;
const KEEP_ALIVE_MS = 65_000;
/** How long the rest of a refused body is read, so that its sender gets to see the answer. */
const DRAIN_MS = 2_000;

const asS3Error = (error: unknown, request: S3Request | undefined): S3Error | undefined => {
  if (error instanceof S3Error) return error;
  return error instanceof StoreRefusal ? fromRefusal(error, request?.bucket ?? '', request?.key ?? '') : undefined;
};

/**
 * Failures that are nobody's answer: the client went away. Asked of the request's socket: a response has none yet while the one before it on a
 * kept connection is being finished.
 */
const hasGone = (message: IncomingMessage, response: ServerResponse): boolean =>
  response.destroyed || message.socket.destroyed;

/** An auditor reads. Everything that changes something has another method than these two. */
const checkMethod = ({ method }: S3Request, principal: Principal): void => {
  if (principal.kind === 'user' && principal.isReadOnly && method !== 'GET' && method !== 'HEAD')
    throw accessDenied('An auditor may only read');
};

/** Without the query, which may hold a signature or a session token. */
const pathOf = ({ url = '/' }: IncomingMessage): string => url.split('?', 1)[0] ?? '/';

const sendError = (
  message: IncomingMessage,
  response: ServerResponse,
  error: S3Error | undefined,
  requestId: string,
): void => {
  if (hasGone(message, response)) return;
  if (response.headersSent) return void response.destroy();
  const status = error?.status ?? 500;
  const body = Buffer.from(
    errorDocument({
      Code: error?.code ?? 'InternalError',
      Message: error?.message ?? 'We encountered an internal error. Please try again.',
      Resource: pathOf(message),
      ...error?.details,
      RequestId: requestId,
    }),
  );
  const isCut = !message.complete;
  if (isCut) {
    response.setHeader('connection', 'close');
    message.resume();
    const timer = setTimeout(() => message.destroy(), DRAIN_MS);
    timer.unref();
    response.on('close', () => clearTimeout(timer));
  }
  const headers = { 'content-type': 'application/xml', 'content-length': body.byteLength };
  if (message.method === 'HEAD') response.writeHead(status, { 'content-length': 0 }).end();
  else response.writeHead(status, headers).end(body);
};

const handle = async (
  parts: S3Parts,
  message: IncomingMessage,
  response: ServerResponse,
  isWaiting: boolean,
): Promise<void> => {
  const requestId = randomBytes(8).toString('hex').toUpperCase();
  response.setHeader('x-amz-request-id', requestId);
  let request: S3Request | undefined;
  try {
    request = parseRequest(message, parts.baseHosts);
    const authenticated = authenticate(request, parts.identities, parts.now());
    const { principal } = authenticated;
    checkMethod(request, principal);
    const operation = operationOf(request);
    const expectBody = (): void => {
      if (isWaiting) response.writeContinue();
    };
    const exchange: Exchange = { ...parts, request, response, authenticated, principal, expectBody };
    await parts.observe(
      { operation: operationName(operation, request), parent: request.headers.get('traceparent') },
      async () => {
        await parts.checkLease(principal);
        await operation(exchange);
      },
    );
  } catch (error) {
    const answer = asS3Error(error, request);
    if (!answer && !hasGone(message, response))
      parts.onError(error, { method: message.method ?? '', path: pathOf(message), requestId });
    sendError(message, response, answer, requestId);
  }
};

const answerBrokenRequest = (error: NodeJS.ErrnoException, socket: Socket): void => {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const isTooLarge = error.code === 'HPE_HEADER_OVERFLOW';
  const code = isTooLarge ? 'RequestHeaderSectionTooLarge' : 'InvalidRequest';
  const body = errorDocument({
    Code: code,
    Message: isTooLarge ? 'Your request header section exceeds the maximum allowed size.' : 'The request is not HTTP.',
  });
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: application/xml\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
};

/** The S3 endpoint as an HTTP server that does not listen yet. */
export const createFrontDoor = (parts: S3Parts): Server => {
  const serve =
    (isWaiting: boolean) =>
    (message: IncomingMessage, response: ServerResponse): void => {
      message.on('error', () => undefined); // whoever reads the body sees it
      void handle(parts, message, response, isWaiting);
    };
  const server = createServer(
    { requestTimeout: 0, headersTimeout: HEADERS_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_MS },
    serve(false),
  );
  server.on('checkContinue', serve(true));
  server.on('clientError', answerBrokenRequest);
  server.setTimeout(IDLE_TIMEOUT_MS);
  return server;
};
