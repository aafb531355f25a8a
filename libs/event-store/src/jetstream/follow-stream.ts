import type { NatsConnection } from '@nats-io/nats-core';
import { type OnFollowing, keepFollowing } from '../log/keep-following.js';
import { type FeedMessage, type FeedPace, PullFeed } from './pull-feed.js';

export interface FollowStreamOptions {
  readonly stream: string;
  /** Makes a consumer without acknowledgements that begins behind what was handled. @returns its name */
  readonly begin: () => Promise<string>;
  /** Messages handed over at once at most; twice as many are on their way. */
  readonly maxBatch: number;
  readonly maxBytes?: number;
  readonly signal: AbortSignal;
  readonly onError?: (error: unknown) => void;
  readonly onState?: OnFollowing;
  readonly pace?: FeedPace;
}

/**
 * Hands over the messages of a stream in its order, each once, with a consumer that is made anew whenever something is missing: nothing is
 * skipped and no order is lost. `onBatch` is awaited; after an error of it, too, it begins behind what was handled.
 */
export const followStream = (
  nc: NatsConnection,
  options: FollowStreamOptions,
  onBatch: (batch: readonly FeedMessage[]) => Promise<void>,
): Promise<void> => {
  const { stream, begin, maxBatch, maxBytes, signal, onError, onState, pace } = options;
  const isClosed = (): boolean => nc.isClosed();
  return keepFollowing({ signal, onError, onState, isClosed }, async ({ stands, moved }) => {
    const consumer = await begin();
    const feed = new PullFeed(nc, {
      stream,
      consumer,
      capacity: 2 * maxBatch,
      isGapFatal: true,
      ...(maxBytes === undefined ? {} : { maxBytes }),
      ...(pace === undefined ? {} : { pace }),
    });
    try {
      stands();
      while (!signal.aborted) {
        const batch = await feed.next(maxBatch, signal);
        if (batch.length === 0) continue;
        await onBatch(batch);
        moved();
      }
    } finally {
      feed.close();
    }
  });
};
