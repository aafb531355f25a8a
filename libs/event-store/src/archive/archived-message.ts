import type { FeedMessage } from '../jetstream/pull-feed.js';

/** A message of the event log as the archive keeps it. */
export interface ArchivedMessage {
  readonly sequence: number;
  /** When the stream took it, in nanoseconds. */
  readonly timeNs: bigint;
  readonly subject: string;
  /** In their order, without those that only said how the message came. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly data: Uint8Array;
}

/**
 * Says which messages came together (ADR 0012), which a server takes for the beginning of a batch when the message is sent again, or where in the stream
 * the message was wanted, as is said when a log is put back.
 */
const OF_TRANSPORT = /^Nats-(?:Batch-.*|Expected-Last-Sequence)$/i;

export const archivedMessage = ({ sequence, sentNs, subject, headers, data }: FeedMessage): ArchivedMessage => ({
  sequence,
  timeNs: sentNs,
  subject,
  headers: [...(headers ?? [])].flatMap(([name, values]) =>
    OF_TRANSPORT.test(name) ? [] : values.map((value) => [name, value] as const),
  ),
  data,
});

/** The value of the first header of that name; empty when there is none. */
export const headerOf = ({ headers }: ArchivedMessage, name: string): string =>
  headers.find(([known]) => known === name)?.[1] ?? '';

const textOfHeaders = (headers: ArchivedMessage['headers']): string =>
  headers.map(([name, value]) => `${name}:${value}\n`).join('');

const headersIn = (text: string): ArchivedMessage['headers'] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at), line.slice(at + 1)] as const;
    });

/** Whether two are the same message; when the stream took it is the server's to say, and another time after a restore. */
export const isSameMessage = (one: ArchivedMessage, other: ArchivedMessage): boolean =>
  one.sequence === other.sequence &&
  one.subject === other.subject &&
  textOfHeaders(one.headers) === textOfHeaders(other.headers) &&
  Buffer.compare(one.data, other.data) === 0;

const EXPECTED = 'Nats-Expected-Last-Subject-Sequence';

/**
 * A message as a log has it that was put back and begins at `first`: it does not say what it was decided on where that has left the log, because the server
 * would look for it.
 */
export const withoutLeft = (message: ArchivedMessage, first: number): ArchivedMessage => {
  const previous = Number(headerOf(message, EXPECTED));
  if (!(previous > 0 && previous < first)) return message;
  return { ...message, headers: message.headers.filter(([name]) => name !== EXPECTED) };
};

/** sequence (8 bytes), time (8), length of the subject (2), of the headers (4) and of the data (4), in big-endian order; then these three. */
const FIXED = 26;

export const encodeRecord = (message: ArchivedMessage): Buffer => {
  const subject = Buffer.from(message.subject);
  const headers = Buffer.from(textOfHeaders(message.headers));
  const fixed = Buffer.alloc(FIXED);
  fixed.writeBigUInt64BE(BigInt(message.sequence), 0);
  fixed.writeBigInt64BE(message.timeNs, 8);
  fixed.writeUInt16BE(subject.length, 16);
  fixed.writeUInt32BE(headers.length, 18);
  fixed.writeUInt32BE(message.data.length, 22);
  return Buffer.concat([fixed, subject, headers, message.data]);
};

/** @throws RangeError the bytes end within a record */
export function* decodeRecords(bytes: Buffer): Generator<ArchivedMessage> {
  for (let at = 0; at < bytes.length;) {
    const subjectAt = at + FIXED;
    const headersAt = subjectAt + bytes.readUInt16BE(at + 16);
    const dataAt = headersAt + bytes.readUInt32BE(at + 18);
    const end = dataAt + bytes.readUInt32BE(at + 22);
    if (end > bytes.length) throw new RangeError('the bytes end within a record');
    yield {
      sequence: Number(bytes.readBigUInt64BE(at)),
      timeNs: bytes.readBigInt64BE(at + 8),
      subject: bytes.toString('utf8', subjectAt, headersAt),
      headers: headersIn(bytes.toString('utf8', headersAt, dataAt)),
      data: bytes.subarray(dataAt, end),
    };
    at = end;
  }
}
