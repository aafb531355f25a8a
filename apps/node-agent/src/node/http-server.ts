import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HttpFacts {
  readonly isReady: () => boolean;
  readonly health: () => object;
  readonly metrics: () => Promise<string>;
}

/** Health and metrics, on the loopback interface alone. @returns the server, listening */
export const serveHttp = async (port: number, { isReady, health, metrics }: HttpFacts): Promise<Server> => {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0];
    const answer = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'content-type': type }).end(body);
    };
    if (path === '/metrics') {
      metrics().then(
        (text) => answer(200, 'text/plain; version=0.0.4', text),
        () => answer(500, 'text/plain', 'no metrics\n'),
      );
    } else if (path === '/health' || path === '/health/ready' || path === '/health/live') {
      const isFine = path === '/health/live' || isReady();
      answer(isFine ? 200 : 503, 'application/json', JSON.stringify({ ready: isReady(), ...health() }));
    } else answer(404, 'text/plain', 'not found\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
};

export const portOf = (server: Server): number => (server.address() as AddressInfo).port;
