import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { MetricsAnswer } from '@fornax/base/telemetry';

export interface HttpFacts {
  readonly isReady: () => boolean;
  readonly health: () => object;
  /** For who accepts this. */
  readonly metrics: (accept?: string) => Promise<MetricsAnswer>;
  /** Whoever shows it sees more than whether the agent works; nobody does when there is none. Instances may reach this port, too. */
  readonly token: string | undefined;
}

const hash = (text: string): Buffer => createHash('sha256').update(text).digest();

/** `Authorization: <token>`, or in the form that Prometheus sends, `Bearer <token>`. */
const shows = ({ headers }: IncomingMessage, token: string | undefined): boolean =>
  token !== undefined &&
  timingSafeEqual(hash((headers.authorization ?? '').replace(/^bearer\s+/i, '').trim()), hash(token));

/** No request here is longer than its headers. */
const LIMITS = {
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
};
const MAX_CONNECTIONS = 64;

/** Health and metrics, on the loopback interface alone. @returns the server, listening */
export const serveHttp = async (port: number, { isReady, health, metrics, token }: HttpFacts): Promise<Server> => {
  const server = createServer(LIMITS, (request, response) => {
    const path = (request.url ?? '/').split('?')[0];
    const answer = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'content-type': type }).end(body);
    };
    if (path === '/metrics') {
      if (!shows(request, token)) return answer(401, 'text/plain', 'send the token of FORNAX_METRICS_TOKEN\n');
      metrics(request.headers.accept).then(
        ({ type, text }) => answer(200, type, text),
        () => answer(500, 'text/plain', 'no metrics\n'),
      );
    } else if (path === '/health' || path === '/health/ready' || path === '/health/live') {
      const isFine = path === '/health/live' || isReady();
      const facts = { ready: isReady(), ...(shows(request, token) ? health() : {}) };
      answer(isFine ? 200 : 503, 'application/json', JSON.stringify(facts));
    } else answer(404, 'text/plain', 'not found\n');
  });
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
};

export const portOf = (server: Server): number => (server.address() as AddressInfo).port;
