import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { jsonOf, RpcClient } from '@fornax/base';
import { carrierRpcSubject, type WaysReply, waysReplySchema, waysRequestSchema } from '@fornax/contracts';
import type { Nats } from '@fornax/event-store';
import { LOGGER, NATS } from '@fornax/service-kit';
import { z } from 'zod';
import { Carriers } from './carriers.js';

/** What one process asks of another one for a node. */
const carriedRequestSchema = waysRequestSchema.extend({ node: z.string().min(1).max(128) });
export type CarriedRequest = z.output<typeof carriedRequestSchema>;

interface Logger {
  warn(fields: object, message: string): void;
}

/** Lets the processes that carry ask each other, each on a subject that it alone answers. */
@Injectable()
export class CarrierCalls implements BeforeApplicationShutdown {
  private subscription: ReturnType<Nats['subscribe']> | undefined;

  constructor(
    private readonly carriers: Carriers,
    private readonly rpc: RpcClient,
    @Inject(NATS) private readonly nats: Nats,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** @throws Unavailable it does not answer @throws RpcRefused */
  ask(carrier: string, request: CarriedRequest): Promise<WaysReply> {
    return this.rpc.request(carrierRpcSubject(carrier), request, waysReplySchema);
  }

  /** Answers the others from now on. */
  serve(answer: (request: CarriedRequest) => Promise<WaysReply>): void {
    this.subscription = this.nats.subscribe(carrierRpcSubject(this.carriers.own), {
      callback: (error, message) => {
        if (error) return;
        void this.reply(message.data, answer).then((reply) => message.respond(JSON.stringify(reply)));
      },
    });
  }

  beforeApplicationShutdown(): void {
    if (!this.nats.isClosed()) this.subscription?.unsubscribe();
  }

  /** Never rejects. */
  private async reply(data: Uint8Array, answer: (request: CarriedRequest) => Promise<WaysReply>): Promise<object> {
    try {
      return { ok: await answer(carriedRequestSchema.parse(jsonOf(Buffer.from(data)))) };
    } catch (error) {
      this.logger.warn({ err: error }, 'a node that another process has asked for was not answered');
      return { error: { code: 'bad-request', message: 'The request could not be answered' } };
    }
  }
}
