import { LEADER_BUCKET } from '@fornax/contracts';
import type { NatsConnection } from '@nats-io/nats-core';
import { connectNats, type ConnectNatsOptions } from './jetstream/connection.js';
import { makeConsumersFor } from './jetstream/consumer-maker.js';
import { ensureStreams, managerOf, type EnsureStreamsOptions } from './jetstream/streams.js';
import { openElections } from './leadership/leader-election.js';

const LEADER_STREAM = `KV_${LEADER_BUCKET}`;

/** Makes all that services need and may not make themselves: streams, and the bucket of elections. Safe to repeat. */
export const provision = async (nc: NatsConnection, options: EnsureStreamsOptions = {}): Promise<void> => {
  await ensureStreams(nc, options);
  await openElections(nc, options.replicas);
  // A bucket lets whoever writes one key sweep away all others with a header of its message.
  const jsm = await managerOf(nc);
  const { config } = await jsm.streams.info(LEADER_STREAM);
  if (config.allow_rollup_hdrs) await jsm.streams.update(LEADER_STREAM, { allow_rollup_hdrs: false });
};

/** The same with a connection of its own, as whoever may make streams. */
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

/** Makes consumers for the services, who may not, until the connection that it returns is closed. Survives restarts of the server. */
export const serveConsumersAs = async (
  who: Pick<ConnectNatsOptions, 'url' | 'user' | 'password' | 'signal'>,
): Promise<NatsConnection> => {
  const nc = await connectNats({ ...who, name: 'fornax-consumer-maker' });
  await makeConsumersFor(nc);
  return nc;
};
