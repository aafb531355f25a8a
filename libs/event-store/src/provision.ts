import type { NatsConnection } from '@nats-io/nats-core';
import { connectNats, type ConnectNatsOptions } from './jetstream/connection.js';
import { ensureStreams, type EnsureStreamsOptions } from './jetstream/streams.js';
import { openElections } from './leadership/leader-election.js';

/** Makes all that services need and may not make themselves: streams, and the bucket of elections. Safe to repeat. */
export const provision = async (nc: NatsConnection, options: EnsureStreamsOptions = {}): Promise<void> => {
  await ensureStreams(nc, options);
  await openElections(nc, options.replicas);
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
