import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { Socket } from 'node:net';
import { WritesStopped } from '@fornax/event-store';
import { ContentNotHashed, ObjectUnreadable, ServiceFailed, StoreRefusal } from '@fornax/object-store';
import { accessDenied, errorDocument, s3Error, S3Error, type S3ErrorCode } from '@fornax/s3';
import {
  type DoorLimits,
  RequestSlots,
  WrongTokens,
  guardConnections,
  guardUploads,
  refuse,
  serverOptions,
  shareOf,
} from '@fornax/service-kit';
import { isOutage } from '@fornax/base';
import { authenticate } from '../s3/authenticator.js';
import type { Exchange, ReadAsUse, S3Parts } from '../s3/exchange.js';
import { withCarriedHeaders, withOlderCarriedHeaders } from './carried-headers.js';
import { checkOwners } from './expected-owner.js';
import { checkHeaders } from './known-headers.js';
import { countMoved } from './moved-bytes.js';
import { answerPage, askedAbout, openToPage } from './page-origin.js';
import { RequestBudget } from './request-budget.js';
import { checkReads, operationName, operationOf, refuseForms } from './router.js';
import type { Principal } from '../access/principal.js';
import { type S3Request, parseRequest, queryValue } from '../s3/s3-request.js';
import { fromRefusal } from './from-refusal.js';

/** Error codes of requests with wrong credentials: they count as guesses of the sender. */
const WRONG: readonly string[] = [
  'InvalidAccessKeyId',
  'InvalidToken',
  'SignatureDoesNotMatch',
] satisfies readonly S3ErrorCode[];

/** What clients retry by themselves: nothing was done. */
const slowDown = (): S3Error => s3Error('SlowDown', 'Please reduce your request rate.');

/** A request, and what it waits for. */
interface Arrival {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  /** Its sender asks before it sends the body (`Expect: 100-continue`). */
  readonly isWaiting: boolean;
  readonly requestId: string;
}

const asS3Error = (error: unknown, request: S3Request | undefined): S3Error | undefined => {
  if (error instanceof S3Error) return error;
  if (error instanceof WritesStopped)
    return s3Error(error.status === 507 ? 'InsufficientStorage' : 'ServiceUnavailable', error.message);
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

/** What takes room: objects, their parts, copies, and joining them. Deletions are let through, they make room. */
const isUpload = ({ method, key }: S3Request): boolean => key !== '' && (method === 'PUT' || method === 'POST');

/** What a failure of ours is called where the caller may know more than that it is one: it is told to the log all the same. */
const asTrouble = (error: unknown): S3Error | undefined => {
  if (isDatabaseFull(error)) return s3Error('InsufficientStorage', 'The disk of the database is full.');
  if (error instanceof ServiceFailed) return s3Error('ServiceUnavailable', `${error.message} Please try again.`);
  if (error instanceof ContentNotHashed)
    return s3Error('ServiceUnavailable', 'The content could not be hashed. Please try again.');
  return isOutage(error)
    ? s3Error('ServiceUnavailable', 'A part of the platform cannot be reached. Please try again.')
    : undefined;
};
/** SQLSTATE disk_full. */
const isDatabaseFull = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === '53100';

/** Sixteen hexadecimal digits. Node draws random bytes for many UUIDs at once, and for anything else each time. */
const newRequestId = (): string => {
  const [first = '', , , , last = ''] = randomUUID().split('-');
  return `${first}${last.slice(0, 8)}`.toUpperCase();
};

/** Without the query, which may hold a signature or a session token. */
const pathOf = ({ url = '/' }: IncomingMessage): string => url.split('?', 1)[0] ?? '/';

const sendError = ({ message, response, requestId }: Arrival, error: S3Error | undefined): void => {
  if (hasGone(message, response)) return;
  if (response.headersSent) return void response.destroy();
  const body = errorDocument({
    Code: error?.code ?? 'InternalError',
    Message: error?.message ?? 'We encountered an internal error. Please try again.',
    Resource: pathOf(message),
    ...error?.details,
    RequestId: requestId,
  });
  const later = error?.code === 'SlowDown' ? { 'retry-after': '1' } : {};
  const headers = { 'content-type': 'application/xml', ...later };
  refuse(message, response, { status: error?.status ?? 500, headers, body });
};

/** The access key that a request claims; the same for all that claim none. */
const claimedKeyOf = (request: S3Request | undefined): string =>
  (request &&
    (queryValue(request, 'AWSAccessKeyId') ??
      /Credential=([^/,\s]{1,256})/.exec(
        request.headers.get('authorization') ?? `Credential=${queryValue(request, 'X-Amz-Credential') ?? ''}`,
      )?.[1])) ??
  '';

/** Answers a signature that nobody could have made, later and later (see `WrongTokens`). */
const answerWrong = (arrival: Arrival, error: S3Error, delayMs: number | undefined): void => {
  if (delayMs === undefined) return sendError(arrival, slowDown());
  if (delayMs === 0) return sendError(arrival, error);
  const timer = setTimeout(() => sendError(arrival, error), delayMs);
  arrival.response.once('close', () => clearTimeout(timer));
};

const isPresigned = (request: S3Request): boolean =>
  queryValue(request, 'X-Amz-Algorithm') !== undefined || queryValue(request, 'AWSAccessKeyId') !== undefined;

/** Who signed a request, and what it asks for: known from its headers, before anything of its body is read. */
const examine = (parts: S3Parts, arrived: S3Request, response: ServerResponse) => {
  refuseForms(arrived);
  const request = withOlderCarriedHeaders(arrived);
  const authenticated = authenticate(request, parts.identities, parts.now());
  openToPage(request, response);
  checkMethod(request, authenticated.principal);
  const whole = isPresigned(request) ? withCarriedHeaders(request) : request;
  const operation = operationOf(whole);
  checkReads(operation, authenticated.principal);
  checkHeaders(whole);
  return { authenticated, principal: authenticated.principal, request: whole, operation };
};

/** Whose share of the room a request takes: an instance's is that of its task's owner, of who reads as somebody else its own. */
const callerOf = (principal: Principal): string => {
  switch (principal.kind) {
    case 'user':
      return principal.readBy ?? principal.account;
    case 'lease':
      return principal.claims.owner;
    case 'service':
      return `service ${principal.claims.service}`;
  }
};

/** What is told of an answer to who reads as another account; undefined for all others. */
const readAsUse = (
  { principal, request, operation }: ReturnType<typeof examine>,
  { headersSent, statusCode, writableFinished }: ServerResponse,
): ReadAsUse | undefined => {
  if (principal.kind !== 'user' || principal.readBy === undefined) return undefined;
  const { bucket, key } = request;
  const prefix = queryValue(request, 'prefix');
  return {
    reader: principal.readBy,
    account: principal.account,
    bucket,
    ...(key !== '' ? { key } : prefix === undefined ? {} : { prefix }),
    operation: operationName(operation, request),
    ...(headersSent ? { status: statusCode } : {}),
    isWhole: writableFinished,
  };
};

export interface FrontDoorLimits extends DoorLimits {
  /** Requests of an account a second; 0: any number. */
  readonly requestsPerS: number;
}

const createHandler = (parts: S3Parts, limits: FrontDoorLimits): ((arrival: Arrival) => void) => {
  const budget = new RequestBudget(limits.requestsPerS, parts.now);
  const slots = new RequestSlots(limits);
  const wrong = new WrongTokens(limits.wrongTokens, parts.now);

  const fail = (arrival: Arrival, error: unknown, request: S3Request | undefined): void => {
    const { message, response, requestId } = arrival;
    const answer = asS3Error(error, request);
    // A body that broke off took the connection with it: that is ours all the same.
    if (!answer && (error instanceof ObjectUnreadable || !hasGone(message, response)))
      parts.onError(error, { method: message.method ?? '', path: pathOf(message), requestId });
    if (!answer || !WRONG.includes(answer.code)) return sendError(arrival, answer ?? asTrouble(error));
    answerWrong(arrival, answer, wrong.delayMs(shareOf(limits.peers.of(message)), claimedKeyOf(request)));
  };

  const run = async (arrival: Arrival, examined: ReturnType<typeof examine>): Promise<void> => {
    const { response, isWaiting } = arrival;
    const { authenticated, principal, request, operation } = examined;
    const expectBody = (): void => {
      if (isWaiting) response.writeContinue();
    };
    const exchange: Exchange = { ...parts, request, response, authenticated, principal, expectBody };
    const facts = { operation: operationName(operation, request), parent: request.headers.get('traceparent') };
    await parts.observe(facts, async () => {
      await parts.checkLease(principal);
      parts.checkStore();
      if (isUpload(request)) parts.checkWritable(principal);
      await checkOwners(exchange);
      await operation(exchange);
    });
  };

  return (arrival) => {
    let request: S3Request | undefined;
    try {
      const known = parseRequest(arrival.message, parts.baseHosts);
      request = known;
      const asked = askedAbout(known);
      const examined = examine(parts, asked ?? known, arrival.response);
      // Of people alone: an instance's pace is bounded by its node, and one that waits for results costs its owner; services have work to end.
      const { principal } = examined;
      if (principal.kind === 'user' && !budget.take(callerOf(principal))) throw slowDown();
      if (asked) return answerPage(asked, arrival.response);
      arrival.response.once('close', () => {
        const use = readAsUse(examined, arrival.response);
        if (use) parts.onReadAs(use);
      });
      const caller = callerOf(principal);
      slots.enter(caller, (isIn) => {
        if (!isIn) return sendError(arrival, slowDown());
        run(arrival, examined)
          .then(() => countMoved(arrival.message, arrival.response))
          .catch((error: unknown) => fail(arrival, error, known))
          .finally(() => slots.leave(caller));
      });
    } catch (error) {
      fail(arrival, error, request);
    }
  };
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
export const createFrontDoor = (parts: S3Parts, limits: FrontDoorLimits): Server => {
  const handle = createHandler(parts, limits);
  const waiting = new WeakSet<ServerResponse>();
  // An upload may take hours: it is held to a pace instead (see `guardUploads`).
  const server = createServer({ ...serverOptions(limits), requestTimeout: 0 }, (message, response) => {
    message.on('error', () => undefined); // whoever reads the body sees it
    const requestId = newRequestId();
    response.setHeader('x-amz-request-id', requestId);
    handle({ message, response, isWaiting: waiting.has(response), requestId });
  });
  server.on('checkContinue', (message: IncomingMessage, response: ServerResponse) => {
    waiting.add(response);
    server.emit('request', message, response);
  });
  server.on('clientError', answerBrokenRequest);
  guardConnections(server, limits);
  guardUploads(server, limits);
  return server;
};
