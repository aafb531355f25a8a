import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { STREAMS } from '@fornax/contracts';
import type { consumeBatches } from '@fornax/event-store';
import { z } from 'zod';

/** A NATS connection, as the platform's libraries take it. */
export type Nats = Parameters<typeof consumeBatches>[0];

/** A piece of output as it lies in the stream. */
export interface LogMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly header: (name: string) => string | undefined;
  readonly sequence: number;
}

export interface LogFeedOptions {
  /** Last message that was handled; 0 for none. */
  readonly after: number;
  readonly signal: AbortSignal;
  readonly onError: (error: unknown) => void;
}

const BATCH = 256;
/** Output may be large: what is on its way at once is bounded. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024;
const EXPIRES_MS = 2_000;
const OVERDUE_MS = EXPIRES_MS + 1_500;
const API_TIMEOUT_MS = 5_000;
const MAX_BACKOFF_MS = 5_000;
const nanos = (ms: number): number => ms * 1_000_000;

const apiError = z.object({ error: z.object({ err_code: z.number().optional(), description: z.string() }) });
const consumerReply = z.object({ name: z.string() });
const streamReply = z.object({ created: z.string(), state: z.object({ first_seq: z.number(), last_seq: z.number() }) });
const messageReply = z.object({ message: z.object({ seq: z.number() }) });
const NO_MESSAGE_FOUND = 10037;

const ask = async (nats: Nats, subject: string, body: object): Promise<unknown> =>
  (await nats.request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: API_TIMEOUT_MS })).json();

const parsed = <S extends z.ZodType>(schema: S, reply: unknown): z.output<S> => {
  const failure = apiError.safeParse(reply);
  if (failure.success) throw new Error(failure.data.error.description);
  return schema.parse(reply);
};

/** Which stream this is (another one after a wipe). */
export const logStreamEpoch = async (nats: Nats): Promise<string> =>
  parsed(streamReply, await ask(nats, `STREAM.INFO.${STREAMS.logs}`, {})).created;

/** Sequence of the newest message on a subject, which may hold wildcards; 0 when there is none. About 0.5 ms. */
export const lastLogSequence = async (nats: Nats, subject: string): Promise<number> => {
  const reply = await ask(nats, `STREAM.MSG.GET.${STREAMS.logs}`, { last_by_subj: subject });
  const failure = apiError.safeParse(reply);
  if (failure.success && failure.data.error.err_code === NO_MESSAGE_FOUND) return 0;
  return parsed(messageReply, reply).message.seq;
};

/**
 * Hands over all output in the order of the stream, each message once, from where the caller's own checkpoint stands. A consumer without
 * acknowledgements that is made anew whenever something is missing: so nothing is skipped, also after a crash, and no order is lost.
 * `onBatch` is awaited; what it throws is tried again. Resolves when `signal` aborts.
 */
export const followOutput = async (
  nats: Nats,
  options: LogFeedOptions,
  onBatch: (batch: readonly LogMessage[]) => Promise<void>,
): Promise<void> => {
  const { signal, onError } = options;
  let position = options.after;
  let failures = 0;
  while (!signal.aborted && !nats.isClosed()) {
    try {
      const { name } = parsed(
        consumerReply,
        await ask(nats, `CONSUMER.CREATE.${STREAMS.logs}`, consumerFrom(position + 1)),
      );
      await drain(nats, name, signal, async (batch) => {
        await onBatch(batch);
        position = batch.at(-1)?.sequence ?? position;
        failures = 0;
      });
    } catch (error) {
      if (signal.aborted || nats.isClosed()) return;
      onError(error);
      failures += 1;
      await delay(Math.min(MAX_BACKOFF_MS, 100 * 2 ** failures), undefined, { signal }).catch(() => undefined);
    }
  }
};

const consumerFrom = (sequence: number): object => ({
  stream_name: STREAMS.logs,
  config: {
    deliver_policy: 'by_start_sequence',
    opt_start_seq: sequence,
    ack_policy: 'none',
    replay_policy: 'instant',
    inactive_threshold: nanos(30_000),
    mem_storage: true,
    num_replicas: 1,
  },
});

/** `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`, with two tokens more on some servers. */
const placeOf = (reply: string): { readonly sequence: number; readonly consumerSequence: number } => {
  const tokens = reply.split('.');
  const at = tokens.length === 9 ? 5 : 7;
  return { sequence: Number(tokens[at]), consumerSequence: Number(tokens[at + 1]) };
};

const drain = async (
  nats: Nats,
  consumer: string,
  signal: AbortSignal,
  onBatch: (batch: readonly LogMessage[]) => Promise<void>,
): Promise<void> => {
  const inbox = `_INBOX.${randomUUID()}`;
  let buffer: LogMessage[] = [];
  let outstanding = 0;
  let expected = 1;
  let failure: Error | undefined;
  let wake: () => void = () => undefined;
  const subscription = nats.subscribe(inbox, {
    callback: (error, message) => {
      if (error) failure ??= error;
      else if (message.headers && message.headers.code >= 400) outstanding = 0;
      else {
        const { sequence, consumerSequence } = placeOf(message.reply ?? '');
        if (consumerSequence !== expected)
          failure ??= new Error(`message ${expected} of the output's consumer was lost`);
        expected += 1;
        outstanding -= 1;
        const { headers } = message;
        if (!failure)
          buffer.push({
            subject: message.subject,
            data: message.data,
            header: (name) => headers?.get(name) || undefined,
            sequence,
          });
      }
      wake();
    },
  });
  const stop = (): void => wake();
  signal.addEventListener('abort', stop);
  try {
    while (!signal.aborted) {
      if (outstanding <= 0 && !failure) {
        outstanding = BATCH;
        const pull = { batch: BATCH, expires: nanos(EXPIRES_MS), max_bytes: MAX_BATCH_BYTES };
        nats.publish(`$JS.API.CONSUMER.MSG.NEXT.${STREAMS.logs}.${consumer}`, JSON.stringify(pull), { reply: inbox });
      }
      if (buffer.length === 0) {
        if (failure) throw failure;
        const isOverdue = await new Promise<boolean>((resolve) => {
          const timer = setTimeout(() => resolve(true), OVERDUE_MS);
          wake = () => {
            clearTimeout(timer);
            resolve(false);
          };
        });
        if (isOverdue) throw new Error("the output's consumer does not answer");
        continue;
      }
      const batch = buffer;
      buffer = [];
      await onBatch(batch);
    }
  } finally {
    signal.removeEventListener('abort', stop);
    if (!nats.isClosed()) subscription.unsubscribe();
  }
};
