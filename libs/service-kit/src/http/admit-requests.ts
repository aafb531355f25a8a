import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type AccountDirectory, tokenOf, SMALL_BODY, type RouteDoor } from '@fornax/identity';
import { Forbidden, Unauthorized, Unavailable } from '@fornax/base';
import { wireErrorOf, type WireError } from '../errors/wire-error.js';
import { errorBody } from '../errors/wire-exception.filter.js';
import type { DoorLimits } from './door/door-limits.js';
import type { HeaderChecks } from './door/header-checks.js';
import { shareOf } from './door/peers.js';
import { refuse } from './door/refuse.js';
import { RequestSlots } from './door/request-slots.js';
import { WrongTokens } from './door/wrong-tokens.js';

export interface DoorParts {
  readonly limits: DoorLimits;
  readonly accounts: AccountDirectory;
  readonly checks: HeaderChecks;
  readonly now: () => number;
}

/** Of a wrong token so much is remembered. */
const REMEMBERED_CHARACTERS = 8;
const RETRY_AFTER = { 'retry-after': '10' };

const said = (status: number, code: string, message: string): WireError => ({ status, code, message, expected: true });

const TOO_MANY_WRONG = said(
  429,
  'too-many-wrong-tokens',
  'Too many wrong tokens came from here: wait, and look at the token',
);
const TOO_BUSY = said(
  503,
  'too-many-requests',
  'Too many requests are under way: nothing was done, try again in a moment',
);
const ENCODED = said(415, 'content-encoding', 'The request body must not be compressed (Content-Encoding)');
const TOO_LARGE = said(413, 'body-too-large', 'The request body is too large');

const tooEarly = (why: string | undefined): Unavailable =>
  new Unavailable(
    why === undefined || why === 'accounts are not read yet' ? 'Accounts are not read yet: try again in a moment' : why,
  );

type Verdict = 'admitted' | 'unknown' | 'wrong' | 'forbidden' | 'too-early';

/** Refuses without reading the body. Nothing else of Fastify answers this request. */
const turnAway = (
  request: FastifyRequest,
  reply: FastifyReply,
  wire: WireError,
  headers: Readonly<Record<string, string>> = {},
): void => {
  reply.hijack();
  refuse(request.raw, reply.raw, {
    status: wire.status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(errorBody(wire)),
  });
};

const judge = (
  request: FastifyRequest,
  door: RouteDoor,
  wrong: WrongTokens,
  parts: DoorParts,
): Verdict | Promise<Verdict> => {
  const { accounts, checks } = parts;
  const { isAnonymous = false, headerCheck } = door;
  const token = tokenOf(request.headers.authorization);
  if (isAnonymous && (token === '' || headerCheck === undefined)) return 'admitted';
  if (token === '') return 'unknown';
  const isKnown = accounts.byToken(token) !== undefined;
  const otherwise: Verdict = accounts.isReady() ? 'wrong' : 'too-early';
  if (headerCheck === undefined) return isKnown ? 'admitted' : otherwise;
  const unchecked: Verdict = isKnown ? (isAnonymous ? 'admitted' : 'forbidden') : otherwise;
  const isGuessing = wrong.isGuessing(shareOf(parts.limits.peers.of(request.raw)));
  return checks.admits(headerCheck, request.raw, { isGuessing }).then((isIn) => (isIn ? 'admitted' : unchecked));
};

/** What is wrong with a body, as far as its headers tell. */
const faultOf = ({ headers }: FastifyRequest, { body }: RouteDoor): WireError | undefined => {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity' && encoding.trim() !== '') return ENCODED;
  const limit = body?.sizeBytes ?? SMALL_BODY.sizeBytes;
  return Number(headers['content-length'] ?? 0) > limit ? TOO_LARGE : undefined;
};

/** Answers a wrong token, later and later. */
const refuseWrong = (request: FastifyRequest, reply: FastifyReply, wrong: WrongTokens, { limits }: DoorParts): void => {
  const peer = shareOf(limits.peers.of(request.raw));
  const name = tokenOf(request.headers.authorization).slice(0, REMEMBERED_CHARACTERS);
  const delayMs = wrong.delayMs(peer, name);
  if (delayMs === undefined) return turnAway(request, reply, TOO_MANY_WRONG, RETRY_AFTER);
  if (delayMs === 0) return turnAway(request, reply, wireErrorOf(new Unauthorized()));
  const timer = setTimeout(() => turnAway(request, reply, wireErrorOf(new Unauthorized())), delayMs);
  reply.raw.once('close', () => clearTimeout(timer));
};

/** Asked for `Expect: 100-continue`, and not told to go on yet. */
const holdingBack = new WeakSet<ServerResponse>();

/** Answers `100 Continue` to a client that expects it only after the request was admitted. */
const askBeforeBody = (fastify: FastifyInstance): void => {
  fastify.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    holdingBack.add(response);
    fastify.server.emit('request', request, response);
  });
  fastify.addHook('preParsing', (_, reply, payload, done) => {
    if (holdingBack.delete(reply.raw)) reply.raw.writeContinue();
    done(null, payload);
  });
};

/** Keeps to so many requests at once, and a share of them for one account. A live stream (Server-Sent Events) gives its room back: it is bounded by the connections. */
const roomFor = (
  fastify: FastifyInstance,
  { limits, accounts }: DoorParts,
): ((request: FastifyRequest, reply: FastifyReply, go: (isIn: boolean) => void) => void) => {
  const slots = new RequestSlots(limits);
  const leave = new WeakMap<FastifyReply, () => void>();
  fastify.addHook('onSend', (_, reply, payload, done) => {
    if (String(reply.getHeader('content-type')).startsWith('text/event-stream')) leave.get(reply)?.();
    done(null, payload);
  });
  /** Who a request counts for: its account, or its peer where it has none. */
  const callerOf = ({ headers, raw }: FastifyRequest): string =>
    accounts.byToken(tokenOf(headers.authorization))?.id ?? `from ${shareOf(limits.peers.of(raw))}`;
  return (request, reply, go) => {
    const caller = callerOf(request);
    slots.enter(caller, (isIn) => {
      if (!isIn) return go(false);
      let isHeld = true;
      const leaveOnce = (): void => {
        if (isHeld) slots.leave(caller);
        isHeld = false;
      };
      leave.set(reply, leaveOnce);
      if (reply.raw.destroyed) return leaveOnce();
      reply.raw.once('close', leaveOnce);
      go(true);
    });
  };
};

/**
 * Decides on every request when its headers are there and nothing of its body was read: whether the route is one that needs no token
 * (a list that each route puts itself on), whether the token opens an account, whether the body is one that the route takes, whether
 * there is room. What an account may do is the guard's business, later. Call before routes are added.
 */
export const admitRequests = (fastify: FastifyInstance, parts: DoorParts): void => {
  const { limits } = parts;
  const wrong = new WrongTokens(limits.wrongTokens, parts.now);
  askBeforeBody(fastify);
  fastify.addHook('onRoute', (route) => {
    route.bodyLimit = route.config?.door?.body?.sizeBytes ?? SMALL_BODY.sizeBytes;
  });
  const enter = roomFor(fastify, parts);

  const decide = (verdict: Verdict, request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const door = request.routeOptions.config.door ?? {};
    if (verdict === 'unknown') return turnAway(request, reply, wireErrorOf(new Unauthorized()));
    if (verdict === 'forbidden')
      return turnAway(request, reply, wireErrorOf(new Forbidden('This token may not do this')));
    if (verdict === 'wrong') return refuseWrong(request, reply, wrong, parts);
    if (verdict === 'too-early') return turnAway(request, reply, wireErrorOf(tooEarly(parts.accounts.whyNotReady)));
    const fault = faultOf(request, door);
    if (fault) return turnAway(request, reply, fault);
    if (door.isUrgent === true) return done();
    enter(request, reply, (isIn) => (isIn ? done() : turnAway(request, reply, TOO_BUSY)));
  };

  fastify.addHook('onRequest', (request, reply, done) => {
    if (request.is404) {
      const path = request.url.split('?', 1)[0] ?? '/';
      return turnAway(request, reply, said(404, 'not-found', `Cannot ${request.method} ${path}`));
    }
    const verdict = judge(request, request.routeOptions.config.door ?? {}, wrong, parts);
    if (typeof verdict === 'string') return decide(verdict, request, reply, done);
    verdict.then(
      (known) => decide(known, request, reply, done),
      (error: unknown) => turnAway(request, reply, wireErrorOf(error)),
    );
  });
};
