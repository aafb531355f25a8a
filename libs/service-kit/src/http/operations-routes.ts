import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { WriteStops } from '../core/write-stops.js';
import { statusOf, type HealthRegistry, type Readiness, type Reason } from '../core/health.registry.js';
import type { Telemetry } from '@fornax/base/telemetry';
import { OPERATOR_CHECK } from './door/operator-check.js';
import { releaseOf } from '@fornax/base';
import type { RouteDoor } from '@fornax/identity';

export interface OperationsParts {
  readonly name: string;
  readonly health: HealthRegistry;
  readonly stops: WriteStops;
  readonly telemetry: Telemetry;
  /** The OpenAPI document; made when first asked for. */
  readonly openApi: () => object;
  /** Whether a request comes from somebody who runs the platform. */
  readonly isOperator: (request: IncomingMessage) => boolean;
}

const LIVE: RouteDoor = { isAnonymous: true, isUrgent: true };
const HEALTH: RouteDoor = { isAnonymous: true, isUrgent: true, headerCheck: OPERATOR_CHECK };
const METRICS: RouteDoor = { isUrgent: true, headerCheck: OPERATOR_CHECK };

/** What strangers are told of what is wrong: where to look. */
const ASK = "with an operator's token this answer says why";

/** Whoever asks while it is being found out gets the same answer: a crowd of questions costs as much as one. */
const shared = <T>(find: () => Promise<T>): (() => Promise<T>) => {
  let running: Promise<T> | undefined;
  return () =>
    (running ??= find().finally(() => {
      running = undefined;
    }));
};

/**
 * `/health/live`, `/health/ready`, `/health`, `/metrics` and `/openapi.json`, with no Nest in between. Strangers learn whether it works;
 * reasons, warnings and figures are for who runs it: an operator's token, or the one of FORNAX_METRICS_TOKEN.
 */
export const operationsRoutes = (fastify: FastifyInstance, parts: OperationsParts): void => {
  const { name, health, stops, telemetry, openApi, isOperator } = parts;
  let document: string | undefined;
  const check = shared(() => health.check());
  const said = (found: Readiness, request: IncomingMessage) => {
    const facts = { status: statusOf(found), service: name };
    const { reasons, degraded } = found;
    const all = [...reasons, ...degraded];
    if (isOperator(request)) return { ...facts, reasons, degraded, stops: stops.list(), message: messageOf(all) };
    return {
      ...facts,
      reasons: [],
      degraded: [],
      stops: [],
      message: all.length === 0 ? 'ready' : `${facts.status}; ${ASK}`,
    };
  };
  fastify.get('/health/live', { config: { door: LIVE } }, () => ({ status: 'live', service: name }));
  fastify.get('/health/ready', { config: { door: HEALTH } }, async ({ raw }, reply) => {
    const found = await check();
    // Degraded is 200: the other parts serve, and what one cannot do no other replica can.
    return reply.status(found.ready ? 200 : 503).send(said(found, raw));
  });
  fastify.get('/health', { config: { door: HEALTH } }, async ({ raw }) => {
    const { message: _, ...facts } = said(await check(), raw);
    return isOperator(raw)
      ? { ...facts, warnings: health.warnings(), release: releaseOf() }
      : { ...facts, warnings: [], release: '' };
  });
  fastify.get('/metrics', { config: { door: METRICS } }, async ({ headers }, reply) => {
    const { type, text } = await telemetry.metrics(headers.accept);
    return reply.type(type).send(text);
  });
  fastify.get('/openapi.json', { config: { door: LIVE } }, (_, reply) =>
    reply.type('application/json; charset=utf-8').send((document ??= JSON.stringify(openApi()))),
  );
};

const messageOf = (reasons: readonly Reason[]): string =>
  reasons.length === 0 ? 'ready' : reasons.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
