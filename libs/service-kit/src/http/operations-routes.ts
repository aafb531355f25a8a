import type { FastifyInstance } from 'fastify';
import { statusOf, type HealthRegistry, type Reason } from '../core/health.registry.js';
import type { Telemetry } from '../telemetry/start-telemetry.js';

export interface OperationsParts {
  readonly name: string;
  readonly health: HealthRegistry;
  readonly telemetry: Telemetry;
  /** The OpenAPI document; made when first asked for. */
  readonly openApi: () => object;
}

/** `/health/live`, `/health/ready`, `/health`, `/metrics` and `/openapi.json`: no token, no Nest in between. */
export const operationsRoutes = (
  fastify: FastifyInstance,
  { name, health, telemetry, openApi }: OperationsParts,
): void => {
  let document: object | undefined;
  fastify.get('/health/live', () => ({ status: 'live', service: name }));
  fastify.get('/health/ready', async (_, reply) => {
    const found = await health.check();
    const { ready, reasons, degraded } = found;
    const message = messageOf([...reasons, ...degraded]);
    // Degraded is 200: the other parts serve, and what one cannot do no other replica can.
    return reply.status(ready ? 200 : 503).send({ status: statusOf(found), service: name, reasons, degraded, message });
  });
  fastify.get('/health', async () => {
    const found = await health.check();
    const { reasons, degraded } = found;
    return { status: statusOf(found), service: name, reasons, degraded, warnings: health.warnings() };
  });
  fastify.get('/metrics', async (_, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(await telemetry.metricsText()),
  );
  fastify.get('/openapi.json', () => (document ??= openApi()));
};

const messageOf = (reasons: readonly Reason[]): string =>
  reasons.length === 0 ? 'ready' : reasons.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
