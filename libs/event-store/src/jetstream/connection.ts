import { connect } from '@nats-io/transport-node';
import { createInbox, type NatsConnection } from '@nats-io/nats-core';
import { delay } from '../wait.js';

export interface ConnectNatsOptions {
  /** One or more servers, comma-separated. */
  readonly url: string;
  readonly user?: string;
  readonly password?: string;
  /** Shown in the server's monitoring. */
  readonly name: string;
  /** Prefix of all reply inboxes of this connection; agents may read no other. Default `_INBOX`. */
  readonly inboxPrefix?: string;
  /** Aborts the first connect, which otherwise waits for the server for ever. */
  readonly signal?: AbortSignal;
}

interface Shared {
  readonly inboxPrefix: string;
  readonly reconnected: Set<() => void>;
}

const sharedByConnection = new WeakMap<NatsConnection, Shared>();

const watchStatus = async (nc: NatsConnection, reconnected: ReadonlySet<() => void>): Promise<void> => {
  for await (const status of nc.status()) {
    if (status.type === 'reconnect') for (const listener of [...reconnected]) listener();
  }
};

const share = (nc: NatsConnection, inboxPrefix: string): Shared => {
  const shared: Shared = { inboxPrefix, reconnected: new Set() };
  sharedByConnection.set(nc, shared);
  void watchStatus(nc, shared.reconnected);
  return shared;
};

const sharedOf = (nc: NatsConnection): Shared => sharedByConnection.get(nc) ?? share(nc, '_INBOX');

/** A new reply inbox under this connection's prefix. */
export const newInbox = (nc: NatsConnection): string => createInbox(sharedOf(nc).inboxPrefix);

/** Calls `listener` each time the connection came back. @returns how to stop that */
export const onReconnect = (nc: NatsConnection, listener: () => void): (() => void) => {
  const { reconnected } = sharedOf(nc);
  reconnected.add(listener);
  return () => void reconnected.delete(listener);
};

const isWorthRetrying = (error: unknown): boolean =>
  error instanceof Error && !/authorization|authentication|invalid/i.test(`${error.name} ${error.message}`);

/**
 * Connects and stays connected: it waits for a server that is not there yet, and reconnects for ever, every 250 ms.
 * @throws Error the credentials or the url are wrong, or `signal` aborted before the first connect
 */
export const connectNats = async (options: ConnectNatsOptions): Promise<NatsConnection> => {
  const { url, user, password, name, inboxPrefix = '_INBOX', signal } = options;
  for (;;) {
    signal?.throwIfAborted();
    try {
      const nc = await connect({
        servers: url.split(','),
        name,
        inboxPrefix,
        ...(user === undefined ? {} : { user, pass: password ?? '' }),
        noAsyncTraces: true,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 250,
        reconnectJitter: 50,
        // The server restarting with its users not loaded yet must not end the client.
        ignoreAuthErrorAbort: true,
        pingInterval: 5_000,
        maxPingOut: 2,
        timeout: 5_000,
      });
      share(nc, inboxPrefix);
      return nc;
    } catch (error) {
      if (!isWorthRetrying(error)) throw error;
      await delay(250, signal);
    }
  }
};
