import { connect } from '@nats-io/transport-node';
import { createInbox, type Auth, type NatsConnection } from '@nats-io/nats-core';
import type { Nkey } from '../nkeys/nkeys.js';
import { delay, backoffMs } from '@fornax/base';

/** A connection to NATS, for those who only hand it on. */
export type Nats = NatsConnection;

export interface ConnectNatsOptions {
  /** One or more servers, comma-separated. */
  readonly url: string;
  readonly user?: string;
  readonly password?: string;
  /** Instead of user and password: a key that signs the server's nonce. Asked for at every connect, so it may change in between. */
  readonly credentials?: () => NatsKey;
  /**
   * Told each time the server refuses these credentials. With it a connection waits and tries again for ever, more and more slowly;
   * without it the first connect gives up.
   */
  readonly onRefused?: (error: Error) => void;
  /** Shown in the server's monitoring. */
  readonly name: string;
  /** Prefix of all reply inboxes of this connection; agents may read no other. Default `_INBOX`. */
  readonly inboxPrefix?: string;
  /** Aborts the first connect, which otherwise waits for the server for ever. */
  readonly signal?: AbortSignal;
}

/** Who connects, and the key that proves it. */
export interface NatsKey {
  readonly user: string;
  readonly key: Nkey;
}

interface Shared {
  readonly inboxPrefix: string;
  readonly reconnected: Set<() => void>;
  isConnected: boolean;
}

const sharedByConnection = new WeakMap<NatsConnection, Shared>();

const RECONNECT_MS = 250;
const SLOWEST_RECONNECT_MS = 10_000;

const wordsOf = ({ name, message }: Error): string => `${name} ${message}`;

/** Whether the server does not know these credentials. That it had no time to look at them says nothing about them: it is busy, or we were. */
export const isRefusal = (error: unknown): error is Error =>
  error instanceof Error && /authorization|authentication/i.test(wordsOf(error)) && !/timeout/i.test(error.message);

/** How often in a row the server has refused, and what follows from it. */
class Refusals {
  private count = 0;

  constructor(private readonly onRefused: ((error: Error) => void) | undefined) {}

  note(error: Error): void {
    this.count += 1;
    this.onRefused?.(error);
  }

  end(): void {
    this.count = 0;
  }

  /** Doubles with each refusal; servers that are merely away are asked at a steady pace. */
  get delayMs(): number {
    const patience = this.onRefused ? Math.min(this.count, 10) : 0;
    return backoffMs(patience + 1, { firstMs: RECONNECT_MS, longestMs: SLOWEST_RECONNECT_MS });
  }
}

const watchStatus = async (nc: NatsConnection, shared: Shared, refusals?: Refusals): Promise<void> => {
  for await (const status of nc.status()) {
    if (status.type === 'error' && isRefusal(status.error)) refusals?.note(status.error);
    if (status.type === 'disconnect') shared.isConnected = false;
    if (status.type !== 'reconnect') continue;
    shared.isConnected = true;
    refusals?.end();
    for (const listener of [...shared.reconnected]) listener();
  }
};

const share = (nc: NatsConnection, inboxPrefix: string, refusals?: Refusals): Shared => {
  const shared: Shared = { inboxPrefix, reconnected: new Set(), isConnected: true };
  sharedByConnection.set(nc, shared);
  void watchStatus(nc, shared, refusals);
  return shared;
};

const signNonce =
  (credentials: () => NatsKey) =>
  (nonce?: string): Auth => {
    const { user, key } = credentials();
    return { user, nkey: key.publicKey, sig: key.sign(Buffer.from(nonce ?? '')).toString('base64url') };
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

/**
 * False from the end of a connection to the next one. What is published meanwhile would wait in the client and reach the server whenever that
 * comes back, long after whoever published it was told that it did not.
 */
export const isConnected = (nc: NatsConnection): boolean => !nc.isClosed() && sharedOf(nc).isConnected;

const isWorthRetrying = (error: unknown): boolean =>
  error instanceof Error && !isRefusal(error) && !/invalid/i.test(wordsOf(error));

/**
 * Connects and stays connected: it waits for a server that is not there yet, and reconnects for ever, every 250 ms.
 * @throws Error the credentials or the url are wrong, or `signal` aborted before the first connect
 */
export const connectNats = async (options: ConnectNatsOptions): Promise<NatsConnection> => {
  const { url, user, password, credentials, onRefused, name, inboxPrefix = '_INBOX', signal } = options;
  const refusals = new Refusals(onRefused);
  for (;;) {
    signal?.throwIfAborted();
    try {
      const nc = await connect({
        servers: url.split(','),
        name,
        inboxPrefix,
        ...(user === undefined ? {} : { user, pass: password ?? '' }),
        ...(credentials === undefined ? {} : { authenticator: signNonce(credentials) }),
        noAsyncTraces: true,
        maxReconnectAttempts: -1,
        reconnectDelayHandler: () => refusals.delayMs,
        // The server restarting with its users not loaded yet must not end the client.
        ignoreAuthErrorAbort: true,
        pingInterval: 5_000,
        maxPingOut: 2,
        timeout: 5_000,
      });
      refusals.end();
      share(nc, inboxPrefix, refusals);
      return nc;
    } catch (error) {
      if (onRefused && isRefusal(error)) refusals.note(error);
      else if (!isWorthRetrying(error)) throw error;
      await delay(refusals.delayMs, signal);
    }
  }
};
