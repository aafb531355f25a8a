import type { NatsConnection } from '@nats-io/nats-core';
import { STREAMS } from '@fornax/contracts';

/** Nodes write these, and may write what they like: they are always read so. */
const WRITTEN_BY_NODES: ReadonlySet<string> = new Set([STREAMS.reports, STREAMS.logs]);

const WARY_MS = 3_600_000;
const until = new WeakMap<NatsConnection, Map<string, number>>();

/**
 * Somebody wrote an empty message. Where a stream is read from another account, the server takes it for the end of an answer of many
 * messages, and sends what is left of the request to nobody; what was to be acknowledged comes again when its time is over.
 */
export const beWary = (nc: NatsConnection, stream: string): void => {
  const streams = until.get(nc) ?? new Map<string, number>();
  streams.set(stream, performance.now() + WARY_MS);
  until.set(nc, streams);
};

/** Messages of this stream are asked for one by one, here or for a while, so that an empty one ends nothing but its own request. */
export const isWary = (nc: NatsConnection, stream: string): boolean =>
  WRITTEN_BY_NODES.has(stream) || (until.get(nc)?.get(stream) ?? 0) > performance.now();
