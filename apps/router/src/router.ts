import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Telemetry } from '@fornax/service-kit';
import { durationHistogram } from '@fornax/service-kit';
import { askAll, healthOf, openApiOf, ownerOfProjection, projectionsOf } from './aggregate.js';
import { answerJson, proxy } from './proxy.js';
import { routeOf, type Route, type Service } from './routes.js';
import type { Targets } from './settings.js';

export interface RouterParts {
  readonly targets: Targets;
  readonly telemetry: Telemetry;
  readonly onError: (error: unknown) => void;
}

type Exchange = { readonly request: IncomingMessage; readonly response: ServerResponse };
const PROJECTIONS = '/fornax/v1/projections';

/** One origin for all services (contract, 1.1: the API lives at the root of one). Not listening yet. */
export const createRouter = ({ targets, telemetry, onError }: RouterParts): Server => {
  const agent = new http.Agent({ keepAlive: true });
  const duration = durationHistogram('http.server.request.duration', 'Duration of HTTP server requests');
  const passOn = (service: Service, { request, response }: Exchange): void => {
    const startedAt = performance.now();
    response.on('close', () => {
      const attributes = {
        'http.request.method': request.method ?? '',
        'fornax.service': service,
        'http.response.status_code': response.statusCode,
      };
      duration.record((performance.now() - startedAt) / 1000, attributes);
    });
    proxy(agent, targets[service], service, request, response);
  };

  const answerForAll = async (
    what: Extract<Route, { to: 'all' }>['what'],
    { request, response }: Exchange,
  ): Promise<void> => {
    switch (what) {
      case 'ready': {
        const { status, body } = healthOf(await askAll(targets, '/health/ready'));
        return answerJson(response, status, body);
      }
      case 'health':
        return answerJson(response, 200, healthOf(await askAll(targets, '/health')).body);
      case 'openapi':
        return answerJson(response, 200, openApiOf(await askAll(targets, '/openapi.json')));
      case 'projections': {
        const { status, body } = projectionsOf(await askAll(targets, PROJECTIONS, request.headers.authorization));
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

  const answerMyself = async (what: 'live' | 'metrics', { response }: Exchange): Promise<void> => {
    if (what === 'live') return answerJson(response, 200, { status: 'live', service: 'router' });
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
    response.end(await telemetry.metricsText());
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

  const server = http.createServer({ requestTimeout: 0, keepAliveTimeout: 65_000 }, (request, response) => {
    handle({ request, response }).catch((error: unknown) => {
      onError(error);
      if (response.headersSent) response.destroy();
      else answerJson(response, 500, { message: 'Internal Server Error' });
    });
  });
  server.on('close', () => agent.destroy());
  return server;
};
