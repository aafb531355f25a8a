import { EVENT_HEADERS, LEFT_ID, STREAMS, decodeCommit, eventSubject } from '@fornax/contracts';
import { logPrefixDecider, type LogPrefix } from '@fornax/domain';
import type { NatsConnection } from '@nats-io/nats-core';
import { checkCommit } from '../damage/commit-checksum.js';
import { type StoredMessage, StoredMessages } from './stored-messages.js';

/** Holds the commits that say what has left the log: the last one counts. */
const LEFT_SUBJECT = eventSubject('log-archive', LEFT_ID);

/** How long an answer is used for what begins. */
const FRESH_MS = 5_000;
/**
 * How long after it was asked for an answer holds for what ends. Whoever takes commits out of the log does it much later than they were said to have left
 * (`GRACE_MS`), so what was read from the log in this time was read whole.
 */
export const HOLDS_MS = 10_000;
export const GRACE_MS = 900_000;

/** What has left the log, as somebody was told. */
export interface Left extends LogPrefix {
  /** When the log took that one, in milliseconds. */
  readonly lastAt: number;
  /** The commit that says so; undefined for none. */
  readonly said: number | undefined;
}

/** Of a log that is whole. */
export const NOTHING: Left = { ...logPrefixDecider.initial, lastAt: 0, said: undefined };

const eventIn = ({ subject, sequence, data, header }: StoredMessage) => {
  const msgId = header('Nats-Msg-Id');
  checkCommit({ subject, msgId, checksum: header(EVENT_HEADERS.checksum), data });
  const commitId = msgId.slice(subject.length + 1);
  return decodeCommit(data, { sequence, aggregate: 'log-archive', aggregateId: LEFT_ID, commitId }).events.at(-1);
};

/** What has left the log, as the log says now. @throws UnreadableCommit @throws ChecksumMismatch */
export const leftNow = async (stored: StoredMessages): Promise<Left> => {
  const message = await stored.last(LEFT_SUBJECT);
  if (message === undefined) return NOTHING;
  const event = eventIn(message);
  if (event?.type !== 'LogPrefixLeft') throw new Error(`commit ${message.sequence} does not say what has left the log`);
  const { to, number, hash, lastAt } = event;
  return { to, number, hash, lastAt, said: message.sequence };
};

export interface LeftTimes {
  readonly freshMs?: number;
  readonly holdsMs?: number;
}

/** Knows what has left the log, and whether that still held while something was read. */
export class LeftPrefix {
  private readonly stored: StoredMessages;
  private known: Left & { readonly askedAt: number } = { ...NOTHING, askedAt: Number.NEGATIVE_INFINITY };

  constructor(
    nc: NatsConnection,
    private readonly times: LeftTimes = {},
  ) {
    this.stored = new StoredMessages(nc, STREAMS.events);
  }

  /** Good for what begins now. */
  async current(): Promise<Left> {
    const { freshMs = FRESH_MS } = this.times;
    return performance.now() - this.known.askedAt < freshMs ? this.known : this.look();
  }

  /** Asks the log. */
  async look(): Promise<Left> {
    const askedAt = performance.now();
    this.known = { ...(await leftNow(this.stored)), askedAt };
    return this.known;
  }

  /** Another server may hold another log. */
  forget(): void {
    this.known = { ...NOTHING, askedAt: Number.NEGATIVE_INFINITY };
  }

  /** Whether everything behind `left` was in the log until now: otherwise what was read has to be read again. */
  async stillHolds(left: Left): Promise<boolean> {
    const { holdsMs = HOLDS_MS } = this.times;
    if (this.known.to === left.to && performance.now() - this.known.askedAt < holdsMs) return true;
    return (await this.look()).to === left.to;
  }
}
