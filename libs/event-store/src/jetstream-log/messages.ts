import {
  EVENT_HEADERS,
  decodeCommit,
  encodeCommit,
  eventSubject,
  parseEventSubject,
  type RecordedCommit,
} from '@fornax/contracts';
import { type ArchivedMessage, headerOf } from '../archive/archived-message.js';
import { checkCommit, checksumOf } from '../damage/commit-checksum.js';
import { reasonOf } from '../quarantine/fold-guard.js';
import type { FeedMessage } from '../jetstream/pull-feed.js';
import type { StoredMessage } from '../jetstream/stored-messages.js';

export const MSG_ID = 'Nats-Msg-Id';
const EXPECTED_LAST = 'Nats-Expected-Last-Subject-Sequence';

/** A message of the stream, however it was read. */
export interface LogMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly data: Uint8Array;
  readonly msgId: string;
  readonly checksum: string;
  /** The sequence of the commit of its aggregate that it was decided on. */
  readonly previous: number | undefined;
}

/** Commit ids come from commands, and one command may reach several aggregates: the server's duplicate check needs both. */
export const messageId = (subject: string, commitId: string): string => `${subject}/${commitId}`;
const commitIdOf = (subject: string, id: string): string => id.slice(subject.length + 1);

const sequenceIn = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;

/** Headers are looked up by going through them all, and everybody who follows the log is given the same messages. */
const known = new WeakMap<FeedMessage, LogMessage>();

export const messageOf = (message: FeedMessage): LogMessage => {
  const read = known.get(message);
  if (read !== undefined) return read;
  const { subject, sequence, data, headers } = message;
  const made: LogMessage = {
    subject,
    sequence,
    data,
    msgId: headers?.get(MSG_ID) ?? '',
    checksum: headers?.get(EVENT_HEADERS.checksum) ?? '',
    previous: sequenceIn(headers?.get(EXPECTED_LAST)),
  };
  known.set(message, made);
  return made;
};

export const storedMessage = ({ subject, sequence, data, header }: StoredMessage): LogMessage => ({
  subject,
  sequence,
  data,
  msgId: header(MSG_ID),
  checksum: header(EVENT_HEADERS.checksum),
  previous: sequenceIn(header(EXPECTED_LAST)),
});

/** A message of the archive as the stream would give it. */
export const storedAs = (message: ArchivedMessage): StoredMessage => ({
  subject: message.subject,
  sequence: message.sequence,
  data: message.data,
  storedAt: new Date(Number(message.timeNs / 1_000_000n)).toISOString(),
  headers: message.headers,
  header: (name) => headerOf(message, name),
});

/** Up to where a message of the archive says that the log has left it. @throws UnreadableCommit */
export const leftIn = (message: ArchivedMessage): number => {
  const event = commitOf(storedMessage(storedAs(message))).events.at(-1);
  return event?.type === 'LogPrefixLeft' ? event.to : 0;
};

/** @throws UnreadableCommit this is no commit that this version can read */
const decode = (subject: string, sequence: number, data: Uint8Array, msgId: string): RecordedCommit => {
  const { aggregate, id } = parseEventSubject(subject);
  return decodeCommit(data, { sequence, aggregate, aggregateId: id, commitId: commitIdOf(subject, msgId) });
};

/** @throws ChecksumMismatch @throws UnreadableCommit */
export const commitOf = (message: LogMessage): RecordedCommit => {
  checkCommit(message);
  return decode(message.subject, message.sequence, message.data, message.msgId);
};

/** The message that a commit is appended as, at a place in the log. */
export const appendedMessage = (
  { aggregate, aggregateId, sequence, ...commit }: RecordedCommit,
  previous: number,
): ArchivedMessage => {
  const subject = eventSubject(aggregate, aggregateId);
  const data = encodeCommit(commit, aggregate, aggregateId);
  const msgId = messageId(subject, commit.id);
  const headers: ArchivedMessage['headers'] = [
    [MSG_ID, msgId],
    [EXPECTED_LAST, String(previous)],
    [EVENT_HEADERS.checksum, checksumOf({ subject, msgId, data })],
  ];
  return { sequence, timeNs: BigInt(commit.at) * 1_000_000n, subject, headers, data };
};

/** The sequence of the commit of its aggregate that an archived message was decided on; 0 for none. */
export const previousOf = (message: ArchivedMessage): number => sequenceIn(headerOf(message, EXPECTED_LAST)) ?? 0;

const aggregateOf = (subject: string): ReturnType<typeof parseEventSubject> | undefined => {
  try {
    return parseEventSubject(subject);
  } catch {
    return undefined;
  }
};

/** What the quarantine keeps of a message that nobody can take. */
export const foundIn = ({ subject, sequence, data }: LogMessage, error: unknown) => {
  const place = aggregateOf(subject);
  return {
    sequence,
    subject,
    aggregate: place?.aggregate ?? null,
    aggregateId: place?.id ?? null,
    reason: reasonOf(error),
    sizeBytes: data.length,
  };
};
