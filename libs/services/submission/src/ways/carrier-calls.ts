import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { jsonOf, RpcClient, Unavailable } from '@fornax/base';
import { carrierRpcSubject, type WaysReply, waysReplySchema, waysRequestSchema } from '@fornax/contracts';
import type { Nats } from '@fornax/event-store';
import { LOGGER, NATS, parseInput, wireErrorOf } from '@fornax/service-kit';
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
    @Inject(Carriers) private readonly carriers: Pick<Carriers, 'own' | 'goneAmong'>,
    @Inject(RpcClient) private readonly rpc: Pick<RpcClient, 'request'>,
    @Inject(NATS) private readonly nats: Nats,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** @throws Unavailable it does not answer @throws RpcRefused */
  ask(carrier: string, request: CarriedRequest): Promise<WaysReply> {
    return this.rpc.request(carrierRpcSubject(carrier), request, waysReplySchema);
  }

  /** This process. */
  get own(): string {
    return this.carriers.own;
  }

  /**
   * Those that are gone, as `Carriers` says, and do not answer either: one whose way to the database alone is broken has no mark, and carries its sessions on.
   * @throws Error the database does not answer
   */
  async goneAmong(carriers: readonly string[]): Promise<ReadonlySet<string>> {
    const unmarked = [...(await this.carriers.goneAmong(carriers))];
    const silent = await Promise.all(unmarked.map(async (carrier) => ((await this.answers(carrier)) ? [] : [carrier])));
    return new Set(silent.flat());
  }

  /** Whether it is there: it answers, whatever it says. False also where this process has lost NATS itself. */
  private async answers(carrier: string): Promise<boolean> {
    try {
      await this.rpc.request(carrierRpcSubject(carrier), {}, z.unknown());
      return true;
    } catch (error) {
      return !(error instanceof Unavailable);
    }
  }

  /** Answers the others from now on. */
  serve(answer: (request: CarriedRequest) => Promise<WaysReply>): void {
    this.subscription = this.nats.subscribe(carrierRpcSubject(this.carriers.own), {
      callback: (error, message) => {
        if (!error) void this.answer(message, answer);
      },
    });
  }

  beforeApplicationShutdown(): void {
    if (!this.nats.isClosed()) this.subscription?.unsubscribe();
  }

  /** Never rejects: a connection that has closed takes no answer. */
  private async answer(
    message: { readonly data: Uint8Array; respond(text: string): unknown },
    answer: (request: CarriedRequest) => Promise<WaysReply>,
  ): Promise<void> {
    try {
      message.respond(JSON.stringify(await this.replyTo(message.data, answer)));
    } catch (error) {
      this.logger.warn({ err: error }, 'an answer to another process was not sent');
    }
  }

  /** Says what a node that asks here would be told. Never rejects. */
  private async replyTo(data: Uint8Array, answer: (request: CarriedRequest) => Promise<WaysReply>): Promise<object> {
    try {
      return { ok: await answer(parseInput(carriedRequestSchema, jsonOf(Buffer.from(data)))) };
    } catch (error) {
      const { status, code, message } = wireErrorOf(error);
      if (status >= 500) this.logger.warn({ err: error }, 'a node that another process has asked for was not answered');
      return { error: { code, message } };
    }
  }
}
