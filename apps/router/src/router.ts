import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import {
  guardConnections,
  isSameToken,
  methodLabel,
  RequestSlots,
  serverOptions,
  shareOf,
  type DoorLimits,
} from '@fornax/service-kit';
import { presentSession, tokenOf } from '@fornax/identity';
import { durationsOf } from '@fornax/base';
import type { Telemetry } from '@fornax/base/telemetry';
import {
  acceptByAll,
  askAll,
  askOne,
  healthForStrangers,
  healthOf,
  logStateOf,
  openApiOf,
  ownerOfProjection,
  projectionsOf,
  type Said,
} from './aggregate.js';
import { forAWhile } from './for-a-while.js';
import { answerJson, proxy, refuseJson } from './proxy.js';
import { routeOf, type Route, type Service } from './routes.js';
import type { Targets } from './settings.js';

export interface RouterParts {
  readonly targets: Targets;
  readonly door: DoorLimits;
  readonly telemetry: Telemetry;
  readonly onError: (error: unknown) => void;
}

type Exchange = { readonly request: IncomingMessage; readonly response: ServerResponse };
const PROJECTIONS = '/fornax/v1/projections';
const LOG_STATE = '/fornax/v1/log/state';
const LOG_ACCEPT = '/fornax/v1/log/accept';
/** All rows are folded beside the live ones to see what would be lost. */
const LOG_STATE_MS = 600_000;
const ACCEPT_MS = 60_000;
/** Answered also when there is no room for more. */
const URGENT = /^\/+(v1\/+)?(health|metrics)(\/|$)/i;
const OPENAPI_KEPT_MS = 10_000;
const HEALTH_KEPT_MS = 250;

/** One origin for all services (contract, 1.1: the API lives at the root of one). Not listening yet. */
export const createRouter = ({ targets, door, telemetry, onError }: RouterParts): Server => {
  const agent = new http.Agent({ keepAlive: true });
  const duration = durationsOf('http.server.request.duration');
  const slots = new RequestSlots(door);
  const leaving = new WeakMap<ServerResponse, () => void>();
  const passOn = (service: Service, { request, response }: Exchange): void => {
    const startedAt = performance.now();
    response.on('close', () => {
      const attributes = {
        'http.request.method': methodLabel(request.method),
        'fornax.service': service,
        'http.response.status_code': response.statusCode,
      };
      duration.record((performance.now() - startedAt) / 1000, attributes);
    });
    // A live stream gives its room back: it is bounded by the connections.
    const onLive = (): void => leaving.get(response)?.();
    proxy({ agent, target: targets[service], name: service, peers: door.peers, onLive }, request, response);
  };

  const ask = (path: string, { request }: Exchange): Promise<readonly Said[]> =>
    askAll(targets, path, request.headers.authorization);
  // The same for everybody, and dear to make: a crowd of strangers is answered from what one of them caused.
  const openApi = forAWhile(OPENAPI_KEPT_MS, async () => openApiOf(await askAll(targets, '/openapi.json')));
  const strangersHealth = forAWhile(HEALTH_KEPT_MS, async () =>
    healthForStrangers(await askAll(targets, '/health/ready')),
  );

  const answerForAll = async (what: Extract<Route, { to: 'all' }>['what'], exchange: Exchange): Promise<void> => {
    const { request, response } = exchange;
    const isStranger = tokenOf(request.headers.authorization) === '';
    switch (what) {
      case 'ready': {
        const { status, body } = isStranger ? await strangersHealth() : healthOf(await ask('/health/ready', exchange));
        return answerJson(response, status, body);
      }
      case 'health': {
        const { status, body } = isStranger ? await strangersHealth() : healthOf(await ask('/health', exchange));
        // Whether all is well stands in the answer; a refusal is a refusal.
        return answerJson(response, status === 503 ? 200 : status, body);
      }
      case 'openapi':
        return answerJson(response, 200, await openApi());
      case 'log-state': {
        const slow = { timeoutMs: LOG_STATE_MS };
        const { status, body } = logStateOf(await askAll(targets, LOG_STATE, request.headers.authorization, slow));
        return answerJson(response, status, body);
      }
      case 'log-accept': {
        const query = new URL(request.url ?? '/', 'http://router').search;
        const asking = { method: request.method ?? 'GET', timeoutMs: ACCEPT_MS };
        const { status, body } = await acceptByAll(
          (only) => askAll(only, `${LOG_ACCEPT}${query}`, request.headers.authorization, asking),
          targets,
        );
        return answerJson(response, status, body);
      }
      case 'projections': {
        const { status, body } = projectionsOf(await ask(PROJECTIONS, exchange));
        return answerJson(response, status, body);
      }
    }
  };

  const passToOwner = async (name: string, exchange: Exchange): Promise<void> => {
    const said = await askAll(targets, PROJECTIONS, exchange.request.headers.authorization);
    const owner = ownerOfProjection(said, name);
    if (owner) return passOn(owner, exchange);
    const { status, body } = projectionsOf(said);
    return status === 200
      ? answerJson(exchange.response, 404, { message: `No such projection: ${name}` })
      : answerJson(exchange.response, status, body);
  };

  /** The router knows no accounts: whether a token is an operator's, a service says. */
  const maySeeMetrics = async (exchange: Exchange): Promise<number> => {
    const token = tokenOf(exchange.request.headers.authorization);
    if (door.metricsToken !== undefined && isSameToken(token, door.metricsToken)) return 200;
    if (token === '') return 401;
    const said = await askOne(targets, 'submission', '/metrics', exchange.request.headers.authorization);
    return said.status ?? 503;
  };

  const answerMyself = async (what: 'live' | 'metrics', exchange: Exchange): Promise<void> => {
    const { request, response } = exchange;
    if (what === 'live') return answerJson(response, 200, { status: 'live', service: 'router' });
    const status = await maySeeMetrics(exchange);
    if (status !== 200)
      return refuseJson(
        request,
        response,
        status,
        'Metrics are shown to operators: send the token of one, or FORNAX_METRICS_TOKEN',
      );
    const { type, text } = await telemetry.metrics(request.headers.accept);
    response.writeHead(200, { 'content-type': type }).end(text);
  };

  const handle = async (exchange: Exchange): Promise<void> => {
    const route = routeOf(exchange.request.url ?? '/');
    switch (route.to) {
      case 'service':
        return passOn(route.service, exchange);
      case 'all':
        return answerForAll(route.what, exchange);
      case 'owner-of-projection':
        return passToOwner(route.name, exchange);
      case 'self':
        return answerMyself(route.what, exchange);
    }
  };

  /** The router knows no accounts: one token is one caller. A made-up one is refused by its service before it holds anything up. */
  const callerOf = (request: IncomingMessage): string =>
    tokenOf(request.headers.authorization) || `from ${shareOf(door.peers.of(request))}`;

  const inTurn = (exchange: Exchange, run: () => void): void => {
    const { request, response } = exchange;
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    if (URGENT.test(path)) return run();
    const caller = callerOf(request);
    slots.enter(caller, (isIn) => {
      if (!isIn) return refuseJson(request, response, 503, 'Too many requests are under way: try again in a moment');
      let isHeld = true;
      const leave = (): void => {
        if (isHeld) slots.leave(caller);
        isHeld = false;
      };
      leaving.set(response, leave);
      if (response.destroyed) return leave();
      response.once('close', leave);
      run();
    });
  };

  const server = http.createServer(serverOptions(door), (request, response) => {
    response.setMaxListeners(20); // what pipes an answer listens to it ten times
    presentSession(request);
    const exchange = { request, response };
    inTurn(exchange, () => {
      handle(exchange).catch((error: unknown) => {
        onError(error);
        if (response.headersSent) response.destroy();
        else answerJson(response, 500, { message: 'Internal Server Error' });
      });
    });
  });
  guardConnections(server, door);
  server.on('close', () => agent.destroy());
  return server;
};
