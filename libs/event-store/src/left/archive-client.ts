import { RPC } from '@fornax/contracts';
import { headers as newHeaders, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/nats-core';
import { z } from 'zod';
import { type ArchivedMessage, decodeRecords, encodeRecord } from '../archive/archived-message.js';
import { LogUnavailable } from '../log/event-log.js';
import type { ArchivedLog, ArchivedRange } from './archived-log.js';

const TIMEOUT_MS = 30_000;
const ERROR = 'Fx-Error';
/** Where to go on; absent at the end. */
const NEXT = 'Fx-Next';

const rangeSchema = z.strictObject({
  from: z.int().min(1),
  to: z.int().min(1),
  subjects: z.array(z.string().max(2_000)).max(100).optional(),
});

/** Some messages of a range, and where to go on; undefined at its end. */
export interface ArchivedPart {
  readonly messages: readonly ArchivedMessage[];
  readonly next: number | undefined;
}

const cannot = ({ from, to }: ArchivedRange, reason: string, cause?: unknown): LogUnavailable =>
  new LogUnavailable(
    `Commits ${from} to ${to} have left the event log, and its archive cannot be read at present: ${reason}`,
    { cause },
  );

/** Asks the storage service for what has left the log: no other service has a credential for the archive. */
export class ArchiveClient implements ArchivedLog {
  constructor(private readonly nc: NatsConnection) {}

  async *read(range: ArchivedRange): AsyncGenerator<readonly ArchivedMessage[]> {
    for (let from: number | undefined = range.from; from !== undefined && from <= range.to;) {
      const part: ArchivedPart = await this.ask({ ...range, from });
      if (part.messages.length > 0) yield part.messages;
      if (part.next !== undefined && part.next <= from) throw cannot(range, 'its answer leads back');
      from = part.next;
    }
  }

  private async ask(range: ArchivedRange): Promise<ArchivedPart> {
    let reply: Msg;
    try {
      reply = await this.nc.request(RPC.leftMessages, JSON.stringify(range), { timeout: TIMEOUT_MS });
    } catch (error) {
      throw cannot(range, error instanceof Error ? error.message : String(error), error);
    }
    const failed = reply.headers?.get(ERROR) ?? '';
    if (failed !== '') throw cannot(range, failed);
    const next = reply.headers?.get(NEXT) ?? '';
    return { messages: [...decodeRecords(Buffer.from(reply.data))], next: next === '' ? undefined : Number(next) };
  }
}

/** Answers whoever asks for what has left the log, until the connection or the returned subscription ends. */
export const serveLeftMessages = (
  nc: NatsConnection,
  partOf: (range: ArchivedRange) => Promise<ArchivedPart>,
): (() => void) => {
  const answer = async (message: Msg): Promise<void> => {
    const { headers, data } = await answerOf(message, partOf);
    if (!nc.isClosed()) message.respond(data, { headers });
  };
  const subscription = nc.subscribe(RPC.leftMessages, {
    queue: 'storage',
    callback: (error, message) => void (error ?? answer(message)),
  });
  return () => void (nc.isClosed() || subscription.unsubscribe());
};

const answerOf = async (
  message: Msg,
  partOf: (range: ArchivedRange) => Promise<ArchivedPart>,
): Promise<{ readonly headers: MsgHdrs; readonly data: Uint8Array }> => {
  const headers = newHeaders();
  try {
    const { subjects, ...range } = rangeSchema.parse(message.json());
    const { messages, next } = await partOf({ ...range, ...(subjects === undefined ? {} : { subjects }) });
    if (next !== undefined) headers.set(NEXT, String(next));
    return { headers, data: Buffer.concat(messages.map(encodeRecord)) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    headers.set(ERROR, reason.replaceAll(/\s+/g, ' ').slice(0, 1_000));
    return { headers, data: new Uint8Array() };
  }
};
