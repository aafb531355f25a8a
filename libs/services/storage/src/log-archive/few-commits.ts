import type { Aggregate } from '@fornax/contracts';
import { decodeRecords, encodeRecord, type ArchivedMessage, type ArchivedRange } from '@fornax/event-store';
import type { EntityManager } from 'typeorm';
import { hashOf, kindOf } from './subject-hash.js';

/** Kinds of aggregates that have few commits, whatever has run, and that services read from the first commit on when they start. */
const FEW: ReadonlySet<string> = new Set<Aggregate>([
  'account',
  'master-key',
  'node',
  'node-token',
  'pricing',
  'profile',
  'spending',
  'webhook',
]);

const isOfFew = (subject: string): boolean => FEW.has(subject.split('.')[2] ?? '');

/** Whether all that is asked for are commits of which there are few. */
export const areFew = (subjects: readonly string[] | undefined): subjects is readonly string[] =>
  subjects?.every(isOfFew) === true;

type Database = Pick<EntityManager, 'query'>;

/** Bytes that one statement keeps, unless one message has more: what it says is text, and twice as long. */
const KEPT_BYTES = 4 * 1024 * 1024;

/** Some messages, in parts of so many bytes. */
const inParts = (messages: readonly ArchivedMessage[]): ArchivedMessage[][] => {
  const parts: ArchivedMessage[][] = [];
  let bytes = Infinity;
  for (const message of messages) {
    bytes += message.data.length;
    if (bytes > KEPT_BYTES) {
      parts.push([]);
      bytes = message.data.length;
    }
    parts.at(-1)?.push(message);
  }
  return parts;
};

/** Keeps those of a segment's messages of which there are few, and nothing else of its range, so that nobody has to look for them in all segments of the archive. */
export const keepFew = async (
  db: Database,
  epoch: string,
  { from, to }: { readonly from: number; readonly to: number },
  messages: readonly ArchivedMessage[],
): Promise<void> => {
  // What was kept of a log that went another way.
  await db.query('DELETE FROM archived_message WHERE epoch = $1 AND sequence BETWEEN $2 AND $3', [epoch, from, to]);
  for (const few of inParts(messages.filter(({ subject }) => isOfFew(subject))))
    await db.query(
      `INSERT INTO archived_message (epoch, sequence, kind, subject, record)
       SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[]) ON CONFLICT DO NOTHING`,
      [
        epoch,
        few.map(({ sequence }) => sequence),
        few.map(({ subject }) => hashOf(epoch, kindOf(subject))),
        few.map(({ subject }) => hashOf(epoch, subject)),
        few.map(encodeRecord),
      ],
    );
};

/** Forgets all of a log. */
export const forgetFew = async (db: Database, epoch: string): Promise<void> => {
  await db.query('DELETE FROM archived_message WHERE epoch = $1', [epoch]);
};

/** No more messages, and no more bytes than the last one of them brings. */
export interface Most {
  readonly messages: number;
  readonly bytes: number;
}

/** The first of those that are asked for, in order, and whether there may be more. */
export const readFew = async (
  db: Database,
  epoch: string,
  { from, to, subjects = [] }: ArchivedRange,
  most: Most,
): Promise<{ readonly messages: readonly ArchivedMessage[]; readonly isCut: boolean }> => {
  const hashes = subjects.map((subject) => hashOf(epoch, subject));
  const rows = await db.query<{ readonly record: Buffer; readonly count: string }[]>(
    `WITH counted AS (
       SELECT sequence, record, sum(octet_length(record)) OVER (ORDER BY sequence) - octet_length(record) AS before FROM (
         SELECT sequence, record FROM archived_message
         WHERE epoch = $1 AND sequence BETWEEN $2 AND $3 AND (kind = ANY ($4::bigint[]) OR subject = ANY ($4::bigint[]))
         ORDER BY sequence LIMIT $5
       ) AS first
     ) SELECT record, (SELECT count(*) FROM counted) AS count FROM counted WHERE before < $6 ORDER BY sequence`,
    [epoch, from, to, hashes, most.messages, most.bytes],
  );
  const found = Number(rows[0]?.count ?? 0);
  return {
    messages: rows.flatMap(({ record }) => [...decodeRecords(record)]),
    isCut: found > rows.length || found === most.messages,
  };
};
