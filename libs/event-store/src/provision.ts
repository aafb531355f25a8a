import { LEADER_BUCKET, STREAMS, streamDeletionsSubject } from '@fornax/contracts';
import type { NatsConnection } from '@nats-io/nats-core';
import { connectNats, type ConnectNatsOptions } from './jetstream/connection.js';
import { makeConsumersFor } from './jetstream/consumer-maker.js';
import {
  ensureStreams,
  ensureWorkingStreams,
  knowOffline,
  managerOf,
  type EnsureStreamsOptions,
} from './jetstream/streams.js';
import { Leaving, serveLeaving } from './leaving/leaving.js';
import { RestoredStream, serveRestores } from './archive/restored-stream.js';
import { openElections } from './leadership/leader-election.js';
import { backoffMs, delay } from '@fornax/base';

const LEADER_STREAM = `KV_${LEADER_BUCKET}`;

const ensureElections = async (nc: NatsConnection, { replicas }: EnsureStreamsOptions): Promise<void> => {
  await openElections(nc, replicas).catch(knowOffline(LEADER_STREAM));
  // A bucket lets whoever writes one key sweep away all others with a header of its message.
  const jsm = await managerOf(nc);
  const { config } = await jsm.streams.info(LEADER_STREAM);
  if (config.allow_rollup_hdrs) await jsm.streams.update(LEADER_STREAM, { allow_rollup_hdrs: false });
};

/** Makes all that services need and may not make themselves: streams, and the bucket of elections. Safe to repeat. */
export const provision = async (nc: NatsConnection, options: EnsureStreamsOptions = {}): Promise<void> => {
  await ensureStreams(nc, options);
  await ensureElections(nc, options);
};

/**
 * Makes a working stream, or the bucket of elections, again as soon as somebody deleted it: services may not, and would wait for ever. The
 * event log is not made again: an empty one in its place would take commands as if nothing had been before.
 */
const remakeWhatIsDeleted = (nc: NatsConnection, options: EnsureStreamsOptions = {}): void => {
  let remaking: Promise<void> = Promise.resolve();
  const remake = async (): Promise<void> => {
    for (let failures = 1; !nc.isClosed(); failures += 1) {
      try {
        await ensureWorkingStreams(nc, options);
        await ensureElections(nc, options);
        return;
      } catch {
        await delay(backoffMs(failures)); // the server may be on its way down or up
      }
    }
  };
  nc.subscribe(streamDeletionsSubject, { callback: () => void (remaking = remaking.then(remake)) });
};

/** Provisions with a connection of its own, as whoever may make streams. */
export const provisionAs = async (
  who: Pick<ConnectNatsOptions, 'url' | 'user' | 'password' | 'signal'>,
  options: EnsureStreamsOptions = {},
): Promise<void> => {
  const nc = await connectNats({ ...who, name: 'fornax-provisioner' });
  try {
    await provision(nc, options);
  } finally {
    await nc.close();
  }
};

export interface ServeOptions extends EnsureStreamsOptions {
  /** How old what leaves the log is at least, in milliseconds. Default: nothing leaves. */
  readonly retentionMs?: number | undefined;
  /** How long what was said to have left stays in the log nevertheless, in milliseconds. */
  readonly graceMs?: number | undefined;
}

/**
 * Makes consumers, streams that were deleted, and a log that is put back, and takes out of the log what has left it, for the services, who may not, until
 * the connection that it returns is closed. Survives restarts of the server.
 */
export const serveConsumersAs = async (
  who: Pick<ConnectNatsOptions, 'url' | 'user' | 'password' | 'signal'>,
  options: ServeOptions = {},
): Promise<NatsConnection> => {
  const nc = await connectNats({ ...who, name: 'fornax-consumer-maker' });
  remakeWhatIsDeleted(nc, options);
  await makeConsumersFor(nc);
  serveRestores(nc, new RestoredStream(nc, options));
  serveLeaving(nc, new Leaving(nc, { olderThanMs: options.retentionMs, graceMs: options.graceMs }));
  return nc;
};

/** The names of the consumers that the server has, by stream. */
export const consumersAs = async (
  who: Pick<ConnectNatsOptions, 'url' | 'user' | 'password' | 'signal'>,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> => {
  const nc = await connectNats({ ...who, name: 'fornax-consumers' });
  try {
    const jsm = await managerOf(nc);
    const consumers = new Map<string, ReadonlySet<string>>();
    for (const stream of [...Object.values(STREAMS), LEADER_STREAM]) {
      const names = new Set<string>();
      for await (const { name } of jsm.consumers.list(stream)) names.add(name);
      consumers.set(stream, names);
    }
    return consumers;
  } finally {
    await nc.close();
  }
};
