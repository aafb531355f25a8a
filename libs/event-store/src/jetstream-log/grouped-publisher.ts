import { randomUUID } from 'node:crypto';
import { soon } from '@fornax/base';
import { headers as newHeaders, type Msg, type NatsConnection } from '@nats-io/nats-core';
import { isConnected, newInbox, onReconnect } from '../jetstream/connection.js';
import type { DurablePublisher, Published } from '../jetstream/durable-publisher.js';

export interface GuardedMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly msgId: string;
  readonly expectLastSubjectSequence: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** As in `PublishOptions`. */
  readonly timeoutMs?: number;
  readonly settleMs: number;
}

interface Waiting extends GuardedMessage {
  readonly resolve: (published: Published | PromiseLike<Published>) => void;
}

interface Ack {
  readonly seq?: number;
  readonly count?: number;
  readonly error?: unknown;
}

/** A server takes up to 1,000 messages in a batch; what a group saves is saved with fewer. */
const MAX_GROUP = 256;
const MAX_GROUP_BYTES = 4 * 1024 * 1024;
/** Groups under way at once; what comes meanwhile gathers for the next one. A stream takes 50, from all processes together. */
const MAX_GROUPS = 4;
/** Without an answer for this long the messages are sent one by one. */
export const ANSWER_MS = 2_000;

const decoder = new TextDecoder();

/** Messages that nobody answers hold those behind them up for no longer than an answer takes. */
const withinAnswerTime = (sent: readonly Promise<Published>[]): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ANSWER_MS);
  let left = sent.length;
  const settled = (): void => {
    left -= 1;
    if (left > 0) return;
    clearTimeout(timer);
    resolve();
  };
  for (const one of sent) one.then(settled, settled);
  return promise;
};

/**
 * Publishes messages that are asked for together as one atomic batch (nats-server 2.12 or later, a stream with `allow_atomic`): the server
 * flushes once for all of them, which is what bounds it (26,000 against 6,000 per second on two cores; ADR 0012). Each message is still a
 * commit of its own to everybody who reads. A batch is taken whole or not at all; one that is not is sent message by message under the same
 * ids, so that only those fail which have a reason to, and those that were stored after all are found to be duplicates.
 */
export class GroupedPublisher {
  private readonly inbox: string;
  private readonly answers = new Map<string, (ack: Ack | undefined) => void>();
  private readonly unsubscribe: () => void;
  private readonly stopWatching: () => void;
  private queue: Waiting[] = [];
  private underWay = 0;
  private isScheduled = false;
  private nextToken = 0;

  constructor(
    private readonly nc: NatsConnection,
    private readonly single: DurablePublisher,
  ) {
    this.inbox = newInbox(nc);
    const subscription = nc.subscribe(`${this.inbox}.*`, {
      callback: (error, msg) => void (error ?? this.settle(msg)),
    });
    this.unsubscribe = () => subscription.unsubscribe();
    this.stopWatching = onReconnect(nc, () => this.giveUpWaiting());
  }

  /** As `DurablePublisher.publish`. */
  publish(message: GuardedMessage): Promise<Published> {
    const { promise, resolve } = Promise.withResolvers<Published>();
    this.queue.push({ ...message, resolve });
    this.schedule();
    return promise;
  }

  /** What waits is handed to the single publisher, which is closed next. */
  close(): void {
    this.stopWatching();
    if (!this.nc.isClosed()) this.unsubscribe();
    this.giveUpWaiting();
    for (const waiting of this.queue.splice(0)) void this.alone(waiting, false);
  }

  /** What is asked for together goes together. */
  private schedule(): void {
    if (this.isScheduled || this.queue.length === 0 || this.underWay >= MAX_GROUPS) return;
    this.isScheduled = true;
    soon(this.underWay === 0, () => {
      this.isScheduled = false;
      while (this.queue.length > 0 && this.underWay < MAX_GROUPS) void this.send(this.nextGroup());
    });
  }

  /** One message of a subject at most: what the second one expects is not known before the first one is stored. */
  private nextGroup(): readonly Waiting[] {
    const group: Waiting[] = [];
    const later: Waiting[] = [];
    const subjects = new Set<string>();
    let bytes = 0;
    for (const waiting of this.queue) {
      const fits = group.length < MAX_GROUP && (group.length === 0 || bytes + waiting.data.length <= MAX_GROUP_BYTES);
      if (!fits || subjects.has(waiting.subject)) {
        later.push(waiting);
        continue;
      }
      subjects.add(waiting.subject);
      bytes += waiting.data.length;
      group.push(waiting);
    }
    this.queue = later;
    return group;
  }

  private async send(group: readonly Waiting[]): Promise<void> {
    this.underWay += 1;
    try {
      const isBatch = group.length > 1 && isConnected(this.nc);
      const ack = isBatch ? await this.sendBatch(group) : undefined;
      if (ack?.seq !== undefined && ack.error === undefined && ack.count === group.length) {
        const first = ack.seq - group.length + 1;
        group.forEach(({ resolve }, index) => resolve({ seq: first + index, duplicate: false }));
        return;
      }
      // Refused is refused as a whole; without an answer it may have been taken.
      const mayBeStored = isBatch && ack === undefined;
      await withinAnswerTime(group.map((waiting) => this.alone(waiting, mayBeStored)));
    } finally {
      this.underWay -= 1;
      this.schedule();
    }
  }

  private alone({ subject, data, resolve, ...options }: Waiting, mayBeStored: boolean): Promise<Published> {
    const published = this.single.publish(subject, data, { ...options, mayBeStored });
    resolve(published);
    return published;
  }

  /** @returns undefined when no answer came */
  private async sendBatch(group: readonly Waiting[]): Promise<Ack | undefined> {
    const batch = randomUUID();
    const token = (this.nextToken++).toString(36);
    const { promise, resolve } = Promise.withResolvers<Ack | undefined>();
    this.answers.set(token, resolve);
    const timer = setTimeout(() => resolve(undefined), ANSWER_MS);
    try {
      group.forEach((message, index) => {
        const headers = newHeaders();
        for (const name in message.headers) headers.set(name, message.headers[name] ?? '');
        headers.set('Nats-Msg-Id', message.msgId);
        headers.set('Nats-Expected-Last-Subject-Sequence', String(message.expectLastSubjectSequence));
        headers.set('Nats-Batch-Id', batch);
        headers.set('Nats-Batch-Sequence', String(index + 1));
        const isLast = index === group.length - 1;
        if (isLast) headers.set('Nats-Batch-Commit', '1');
        this.nc.publish(message.subject, message.data, {
          headers,
          ...(isLast ? { reply: `${this.inbox}.${token}` } : {}),
        });
      });
      return await promise;
    } catch {
      return undefined; // the connection is closed: the single publisher says so
    } finally {
      clearTimeout(timer);
      this.answers.delete(token);
    }
  }

  private settle(msg: Msg): void {
    const answer = this.answers.get(msg.subject.slice(this.inbox.length + 1));
    if (answer === undefined) return;
    // Nobody serves the stream just now: the single publisher knows how to wait for it.
    answer(msg.data.length === 0 ? { error: 'no responders' } : (JSON.parse(decoder.decode(msg.data)) as Ack));
  }

  /** What was on its way when the connection broke may never be answered. */
  private giveUpWaiting(): void {
    for (const answer of [...this.answers.values()]) answer(undefined);
  }
}
