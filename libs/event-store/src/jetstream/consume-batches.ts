import { nanos, type NatsConnection } from '@nats-io/nats-core';
import { JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream';
import { type OnFollowing, keepFollowing } from '../log/keep-following.js';
import { backoffMs } from '@fornax/base';
import { makeDurable } from './consumer-maker.js';
import { type FeedMessage, type FeedPace, PullFeed } from './pull-feed.js';
import { managerOf } from './streams.js';

export interface ConsumerOptions {
  readonly stream: string;
  readonly durable: string;
  readonly filterSubject: string;
  /** A message that is not acknowledged within this time is given out again. Default 30 s. */
  readonly ackWaitMs?: number;
}

export interface ConsumeOptions extends ConsumerOptions {
  /** Most messages handed over at once (default 500). A batch holds what has arrived, it does not wait to fill. */
  readonly maxBatch?: number;
  /** Take messages one at a time from a consumer that exists: nodes may neither look at theirs nor make it (see PullFeedOptions). */
  readonly asksSingly?: boolean;
  readonly signal: AbortSignal;
  /** Told before a failed batch or a lost consumer is tried again. */
  readonly onError?: (error: unknown) => void;
  /** Told why nothing can be taken from the stream at present, and with undefined when it can be again. For health. */
  readonly onState?: OnFollowing;
  readonly pace?: FeedPace;
}

export interface DurableMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: (name: string) => string | undefined;
  readonly sequence: number;
  readonly redelivered: boolean;
}

const CONSUMER_NOT_FOUND = 10014;
const DEFAULT_ACK_WAIT_MS = 30_000;
const DEFAULT_BATCH = 500;
/** Without heartbeats the end of a request is the sign of life. */
const SINGLE_PACE: FeedPace = { heartbeatMs: 5_000, expiresMs: 10_000 };

/** Creates a durable pull consumer with explicit acknowledgements unless it exists. Safe to repeat. */
export const ensureConsumer = (nc: NatsConnection, options: ConsumerOptions): Promise<void> => {
  const { stream, durable, filterSubject, ackWaitMs } = options;
  return makeDurable(nc, { stream, durable, filterSubject, ...(ackWaitMs === undefined ? {} : { ackWaitMs }) });
};

/** Deletes a durable consumer if it exists. */
export const deleteConsumer = async (nc: NatsConnection, stream: string, durable: string): Promise<void> => {
  try {
    await (await managerOf(nc)).consumers.delete(stream, durable);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
};

const isNotFound = (error: unknown): boolean => error instanceof JetStreamApiError && error.code === CONSUMER_NOT_FOUND;

/** Looks before it creates. */
const bindConsumer = async (nc: NatsConnection, jsm: JetStreamManager, options: ConsumerOptions): Promise<void> => {
  try {
    await jsm.consumers.info(options.stream, options.durable);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await ensureConsumer(nc, options);
  }
};

const toMessage = ({ subject, data, headers, sequence, deliveries }: FeedMessage): DurableMessage => ({
  subject,
  data,
  headers: (name) => headers?.get(name) || undefined,
  sequence,
  redelivered: deliveries > 1,
});

type OnBatch = (messages: readonly DurableMessage[]) => Promise<void>;

/** Tells the server that these are still being worked on, well before it would give them out again. */
const keepAlive = (nc: NatsConnection, messages: () => readonly FeedMessage[], ackWaitMs: number): (() => void) => {
  const timer = setInterval(() => {
    if (nc.isClosed()) return;
    for (const { reply } of messages()) nc.publish(reply, '+WPI');
  }, ackWaitMs / 3);
  return () => clearInterval(timer);
};

const handleBatch = async (nc: NatsConnection, batch: readonly FeedMessage[], onBatch: OnBatch): Promise<unknown> => {
  try {
    await onBatch(batch.map(toMessage));
    for (const { reply } of batch) nc.publish(reply, '+ACK');
    return undefined;
  } catch (error) {
    // The whole batch again, later; the longer the more often it failed.
    const deliveries = Math.max(...batch.map((message) => message.deliveries));
    const nak = `-NAK {"delay": ${nanos(backoffMs(deliveries))}}`;
    if (!nc.isClosed()) for (const { reply } of batch) nc.publish(reply, nak);
    return error;
  }
};

const consumeUntilBroken = async (nc: NatsConnection, options: ConsumeOptions, onBatch: OnBatch): Promise<void> => {
  const { stream, durable, maxBatch = DEFAULT_BATCH, ackWaitMs = DEFAULT_ACK_WAIT_MS, signal, onError } = options;
  const { asksSingly = false, pace = asksSingly ? SINGLE_PACE : undefined } = options;
  const feed = new PullFeed(nc, {
    stream,
    consumer: durable,
    capacity: maxBatch,
    isGapFatal: false,
    asksSingly,
    ...(pace === undefined ? {} : { pace }),
  });
  let inHand: readonly FeedMessage[] = [];
  const stopKeeping = keepAlive(nc, () => [...inHand, ...feed.waiting], ackWaitMs);
  try {
    while (!signal.aborted) {
      inHand = await feed.next(maxBatch, signal);
      if (inHand.length === 0) continue;
      const error = await handleBatch(nc, inHand, onBatch);
      inHand = [];
      if (error !== undefined) onError?.(error);
    }
  } finally {
    stopKeeping();
    // What was fetched and not handled goes back at once, for whoever comes next.
    const untouched = await feed.drain();
    if (!nc.isClosed()) for (const { reply } of untouched) nc.publish(reply, '-NAK');
    feed.close();
  }
};

/**
 * Hands over the messages of a durable consumer, oldest first, and acknowledges a batch after `onBatch` resolved. A batch that fails is
 * given out again with backoff (100 ms doubling to 5 s). Each message comes at least once: handling must be safe to repeat.
 * Creates the consumer if it does not exist, except with `asksSingly`. Survives reconnects, restarts of the server, a consumer or a stream that
 * vanishes and comes back: it tries again, the longer the more often it failed. Resolves when `signal` aborts and the batch in hand is done.
 */
export const consumeBatches = async (nc: NatsConnection, options: ConsumeOptions, onBatch: OnBatch): Promise<void> => {
  const { signal, onError, onState } = options;
  const jsm = await managerOf(nc);
  await keepFollowing({ signal, onError, onState, isClosed: () => nc.isClosed() }, async ({ stands, moved }) => {
    if (options.asksSingly !== true) await bindConsumer(nc, jsm, options);
    stands();
    await consumeUntilBroken(nc, options, async (messages) => {
      moved();
      await onBatch(messages);
    });
  });
};
