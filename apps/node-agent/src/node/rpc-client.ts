import type { NatsConnection } from '@nats-io/nats-core';
import { headers } from '@nats-io/nats-core';
import { z } from 'zod';

import { activeTraceparent } from './trace.js';

const replySchema = z.union([
  z.object({ error: z.object({ code: z.string(), message: z.string() }) }),
  z.object({ ok: z.unknown() }),
]);

/** The other side answered, and said no. */
export class RpcRefused extends Error {
  override readonly name = 'RpcRefused';
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Asks a service (JSON there, `{"ok"}` or `{"error"}` back). The agent has a client of its own, so that what runs and tests it need
 * not load the framework of the services.
 */
export class RpcClient {
  constructor(private readonly nc: NatsConnection) {}

  /** @throws RpcRefused; Error nobody answered in time: whether the request had an effect is unknown */
  async request<S extends z.ZodType>(
    subject: string,
    body: unknown,
    schema: S,
    timeoutMs: number,
  ): Promise<z.output<S>> {
    const sent = headers();
    const traceparent = activeTraceparent();
    if (traceparent !== undefined) sent.set('traceparent', traceparent);
    const answer = await this.nc.request(subject, JSON.stringify(body), { timeout: timeoutMs, headers: sent });
    const reply = replySchema.parse(answer.json());
    if ('error' in reply) throw new RpcRefused(reply.error.code, reply.error.message);
    return schema.parse(reply.ok);
  }
}
