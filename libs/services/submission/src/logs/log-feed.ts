import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { STREAMS } from '@fornax/contracts';
import { startBehind, type FeedPlace, type Nats } from './log-stream.js';

export type { Nats };

/** A piece of output as it lies in the stream. */
export interface LogMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly header: (name: string) => string | undefined;
  readonly sequence: number;
  /** When the stream took it, in nanoseconds. */
  readonly sentNs: bigint;
}

export interface LogFeedOptions {
  /** Last message that was handled. */
  readonly after: FeedPlace;
  readonly signal: AbortSignal;
  readonly onError: (error: unknown) => void;
  /** The stream has lost messages that were handled: what follows begins behind this sequence, with numbers that were used before. */
  readonly onGoneBack: (before: FeedPlace, sequence: number) => Promise<void>;
}

const BATCH = 256;
/** Output may be large: what is on its way at once is bounded. */
const MAX_BATCH_BYTES = 8 * 1024 * 1024;
const EXPIRES_MS = 2_000;
const OVERDUE_MS = EXPIRES_MS + 1_500;
const MAX_BACKOFF_MS = 5_000;
const nanos = (ms: number): number => ms * 1_000_000;

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
  const { signal, onError, onGoneBack } = options;
  let place = options.after;
  let failures = 0;
  while (!signal.aborted && !nats.isClosed()) {
    try {
      const start = await startBehind(nats, place);
      if (start.hasGoneBack) {
        await onGoneBack(place, start.sequence);
        place = { ...place, sequence: start.sequence };
      }
      await drain(nats, start.consumer, signal, async (batch) => {
        await onBatch(batch);
        place = batch.at(-1) ?? place;
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

/** `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`, with two tokens more on some servers. */
const placeOf = (reply: string): FeedPlace & { readonly consumerSequence: number } => {
  const tokens = reply.split('.');
  const at = tokens.length === 9 ? 5 : 7;
  return {
    sequence: Number(tokens[at]),
    consumerSequence: Number(tokens[at + 1]),
    sentNs: BigInt(tokens[at + 2] ?? 0),
  };
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
        const { sequence, consumerSequence, sentNs } = placeOf(message.reply ?? '');
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
            sentNs,
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
