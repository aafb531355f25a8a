import { headers, type NatsConnection } from '@nats-io/nats-core';
import type { z } from 'zod';
import { Unavailable } from '../errors/errors.js';
import { activeTraceparent, inSpan } from '../telemetry/trace.js';
import { RpcRefused, rpcReplySchema } from './rpc-codec.js';

const DEFAULT_TIMEOUT_MS = 2000;

/** Asks another service and waits for the answer. */
export class RpcClient {
  /** @param timeoutMs how long an answer may take unless a request says otherwise */
  constructor(
    private readonly nats: NatsConnection,
    private readonly timeoutMs = DEFAULT_TIMEOUT_MS,
  ) {}

  /**
   * @param body sent as JSON
   * @param schema parses the reply
   * @throws RpcRefused the other side said no
   * @throws Unavailable nobody answers, or not in time: whether the request had an effect is unknown
   */
  async request<S extends z.ZodType>(
    subject: string,
    body: unknown,
    schema: S,
    timeoutMs = this.timeoutMs,
  ): Promise<z.output<S>> {
    return inSpan(`request ${subject}`, { kind: 'client' }, async () => {
      const reply = rpcReplySchema.parse(await this.exchange(subject, body, timeoutMs));
      if ('error' in reply) throw new RpcRefused(subject, reply.error);
      return schema.parse(reply.ok);
    });
  }

  private async exchange(subject: string, body: unknown, timeoutMs: number): Promise<unknown> {
    const traceparent = activeTraceparent();
    const sent = headers();
    if (traceparent !== undefined) sent.set('traceparent', traceparent);
    try {
      return (await this.nats.request(subject, JSON.stringify(body), { timeout: timeoutMs, headers: sent })).json();
    } catch (cause) {
      throw new Unavailable(`no answer to ${subject}`, { code: 'no-answer', cause });
    }
  }
}
