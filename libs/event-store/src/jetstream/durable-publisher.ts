import { randomUUID } from 'node:crypto';
import { headers as newHeaders, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/nats-core';
import { LogUnavailable, OutcomeUnknown } from '../log/event-log.js';
import { isConnected, newInbox, onReconnect } from './connection.js';

/** JetStream said no, for good: repeating the same message gives the same answer. `code` is JetStream's `err_code`. */
export class PublishRejected extends Error {
  constructor(
    readonly code: number,
    description: string,
  ) {
    super(`${description} (${code})`);
    this.name = 'PublishRejected';
  }
}

export interface PublishOptions {
  /** Makes the publish repeatable within the stream's duplicate window; a random one when absent. */
  readonly msgId?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly expectLastSubjectSequence?: number;
  /** Give up after this long without an answer. Default 10 s. */
  readonly timeoutMs?: number;
  /** How much longer to ask when the message was sent and may be stored. Default 0. */
  readonly settleMs?: number;
  /** It was sent before, under this `msgId`, and not answered. */
  readonly mayBeStored?: boolean;
}

export interface Published {
  readonly seq: number;
  readonly duplicate: boolean;
}

interface Pending {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: MsgHdrs;
  readonly reply: string;
  readonly deadline: number;
  readonly settleMs: number;
  /** How often it was sent without being told that this try was not stored. */
  unanswered: number;
  /** When to send it again, unless it was answered. */
  retryAt: number;
  tries: number;
  readonly resolve: (published: Published) => void;
  readonly reject: (error: Error) => void;
}

interface Ack {
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: { readonly code: number; readonly err_code: number; readonly description: string };
}

/** How long a message is sent again that nobody answers. */
export const PUBLISH_MS = 10_000;
/** Without an answer for this long the message is sent again; a busy server that syncs each write answers well within. */
const RESEND_AFTER_MS = 2_000;
const NO_RESPONDERS_RETRY_MS = 100;
const SWEEP_MS = 50;
/** JetStream could not write: its disk is full, or was, since it refuses until it is started again. */
const STORE_FAILED = 10077;

const decoder = new TextDecoder();

const unavailable = (detail: string, mayBeStored: boolean): LogUnavailable =>
  mayBeStored ? new OutcomeUnknown(detail) : new LogUnavailable(detail);

/**
 * Publishes to JetStream and waits for the store's acknowledgement. All acknowledgements come to one inbox and are matched here,
 * which is four times as fast as a request each (69,600 against 16,500 per second at 256 in flight). A message without an answer is sent
 * again with the same id, at once after a reconnect, until its deadline.
 */
export class DurablePublisher {
  private readonly inbox: string;
  private readonly pending = new Map<string, Pending>();
  private readonly stopWatching: () => void;
  private readonly unsubscribe: () => void;
  private nextToken = 0;
  private sweep: NodeJS.Timeout | undefined;
  private closed = false;

  /** @param onStoreRefused told each time the server could not store a message, with its reason (no space, say); the message is tried again */
  constructor(
    private readonly nc: NatsConnection,
    private readonly onStoreRefused: (reason: string) => void = () => undefined,
  ) {
    this.inbox = newInbox(nc);
    const subscription = nc.subscribe(`${this.inbox}.*`, {
      callback: (error, msg) => void (error ?? this.settle(msg)),
    });
    this.unsubscribe = () => subscription.unsubscribe();
    this.stopWatching = onReconnect(nc, () => {
      for (const pending of [...this.pending.values()]) this.send(pending);
    });
    void nc.closed().then(() => this.close());
  }

  /**
   * @returns the sequence in the stream; with `duplicate`, that of the first message with this id
   * @throws PublishRejected JetStream refused it, e.g. code 10071: another last sequence than the expected
   * @throws LogUnavailable the store could not be reached in time: the message is not stored and will not be
   * @throws OutcomeUnknown it was sent and not answered in time: it may be stored, or be stored yet; repeat with the same `msgId`
   */
  publish(subject: string, data: Uint8Array, options: PublishOptions = {}): Promise<Published> {
    const { msgId = randomUUID(), headers = {}, expectLastSubjectSequence } = options;
    const { timeoutMs = PUBLISH_MS, settleMs = 0, mayBeStored = false } = options;
    if (this.closed) return Promise.reject(unavailable('the connection is closed', mayBeStored));
    const hdrs = newHeaders();
    hdrs.set('Nats-Msg-Id', msgId);
    if (expectLastSubjectSequence !== undefined) {
      hdrs.set('Nats-Expected-Last-Subject-Sequence', String(expectLastSubjectSequence));
    }
    for (const name in headers) hdrs.set(name, headers[name] ?? '');
    const token = (this.nextToken++).toString(36);
    const { promise, resolve, reject } = Promise.withResolvers<Published>();
    const pending: Pending = {
      subject,
      data,
      headers: hdrs,
      reply: `${this.inbox}.${token}`,
      deadline: performance.now() + timeoutMs,
      settleMs,
      unanswered: mayBeStored ? 1 : 0,
      retryAt: 0,
      tries: 0,
      resolve,
      reject,
    };
    this.pending.set(token, pending);
    try {
      this.send(pending);
    } catch (error) {
      this.pending.delete(token);
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    this.sweep ??= setInterval(() => this.sweepPending(), SWEEP_MS);
    return promise;
  }

  /** Rejects what waits and frees the inbox. The connection stays open. Safe to repeat. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.stopWatching();
    if (!this.nc.isClosed()) this.unsubscribe();
    clearInterval(this.sweep);
    for (const { reject, unanswered } of this.pending.values())
      reject(unavailable('the connection was closed before the store answered', unanswered > 0));
    this.pending.clear();
  }

  private send(pending: Pending): void {
    // Kept back until there is a connection: so a message that never left is known not to be stored.
    if (!isConnected(this.nc)) return;
    // Nor does it leave late: after a standstill of this process what it expects may have left the log, which the server cannot tell from never.
    if (performance.now() >= pending.deadline + (pending.unanswered > 0 ? pending.settleMs : 0)) return;
    pending.tries += 1;
    pending.unanswered += 1;
    pending.retryAt = performance.now() + RESEND_AFTER_MS;
    this.nc.publish(pending.subject, pending.data, { reply: pending.reply, headers: pending.headers });
  }

  private settle(msg: Msg): void {
    const token = msg.subject.slice(this.inbox.length + 1);
    const pending = this.pending.get(token);
    if (pending === undefined) return;
    if (msg.data.length === 0 && msg.headers?.code === 503) {
      // Nobody serves the stream: it has no leader yet, or does not exist.
      pending.unanswered -= 1;
      pending.retryAt = Math.min(pending.retryAt, performance.now() + NO_RESPONDERS_RETRY_MS);
      return;
    }
    const ack = JSON.parse(decoder.decode(msg.data)) as Ack;
    if (ack.error?.code === 503) {
      if (ack.error.err_code === STORE_FAILED) this.onStoreRefused(ack.error.description);
      pending.unanswered -= 1;
      pending.retryAt = Math.min(pending.retryAt, performance.now() + NO_RESPONDERS_RETRY_MS);
      return;
    }
    this.pending.delete(token);
    if (ack.error !== undefined) pending.reject(new PublishRejected(ack.error.err_code, ack.error.description));
    else pending.resolve({ seq: ack.seq ?? 0, duplicate: ack.duplicate === true });
  }

  private sweepPending(): void {
    const now = performance.now();
    for (const [token, pending] of this.pending) {
      const { subject, tries, unanswered, deadline, settleMs } = pending;
      if (now >= deadline + (unanswered > 0 ? settleMs : 0)) {
        this.pending.delete(token);
        const detail =
          unanswered > 0
            ? `no answer from the store for ${subject} after ${tries} tries`
            : 'the store cannot be reached';
        pending.reject(unavailable(detail, unanswered > 0));
      } else if (now >= pending.retryAt && !this.nc.isClosed()) {
        this.send(pending);
      }
    }
    if (this.pending.size === 0) {
      clearInterval(this.sweep);
      this.sweep = undefined;
    }
  }
}
