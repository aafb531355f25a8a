import { restoreSubject } from '@fornax/contracts';
import type { NatsConnection } from '@nats-io/nats-core';
import { z } from 'zod';
import { type ArchivedMessage, encodeRecord } from './archived-message.js';

const TIMEOUT_MS = 30_000;
/** Messages on their way at most. */
const WINDOW = 256;

const answerSchema = z.object({ error: z.string().optional() });

/** Whoever owns the streams said no. */
export class RestoreRefused extends Error {
  override readonly name = 'RestoreRefused';
}

/** Asks whoever owns the streams to put a lost log back. */
export class RestoreClient {
  constructor(private readonly nc: NatsConnection) {}

  /**
   * @param first what lies before has left the log
   * @throws RestoreRefused the log is not lost
   */
  begin(epoch: string, first = 1): Promise<void> {
    return this.ask('begin', JSON.stringify({ epoch, ...(first === 1 ? {} : { first }) }));
  }

  /** @throws RestoreRefused the log does not end before the first of them */
  async append(messages: readonly ArchivedMessage[]): Promise<void> {
    for (let at = 0; at < messages.length; at += WINDOW)
      await Promise.all(messages.slice(at, at + WINDOW).map((message) => this.ask('append', encodeRecord(message))));
  }

  finish(epoch: string, to: number): Promise<void> {
    return this.ask('finish', JSON.stringify({ epoch, to }));
  }

  private async ask(step: Parameters<typeof restoreSubject>[0], body: string | Uint8Array): Promise<void> {
    const reply = await this.nc.request(restoreSubject(step), body, { timeout: TIMEOUT_MS });
    const { error } = answerSchema.parse(reply.json());
    if (error !== undefined) throw new RestoreRefused(error);
  }
}
