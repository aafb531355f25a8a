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
  'spending',
  'webhook',
]);

const isOfFew = (subject: string): boolean => FEW.has(subject.split('.')[2] ?? '');

/** Whether all that is asked for are commits of which there are few. */
export const areFew = (subjects: readonly string[] | undefined): subjects is readonly string[] =>
  subjects?.every(isOfFew) === true;

type Database = Pick<EntityManager, 'query'>;

/** Keeps those of some messages of which there are few, so that nobody has to look for them in all segments of the archive. */
export const keepFew = async (db: Database, epoch: string, messages: readonly ArchivedMessage[]): Promise<void> => {
  const few = messages.filter(({ subject }) => isOfFew(subject));
  if (few.length === 0) return;
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

/** The first of those that are asked for, in order, no more than `most`. */
export const readFew = async (
  db: Database,
  epoch: string,
  { from, to, subjects = [] }: ArchivedRange,
  most: number,
): Promise<readonly ArchivedMessage[]> => {
  const hashes = subjects.map((subject) => hashOf(epoch, subject));
  const rows = await db.query<{ readonly record: Buffer }[]>(
    `SELECT record FROM archived_message WHERE epoch = $1 AND sequence BETWEEN $2 AND $3 AND (kind = ANY ($4::bigint[]) OR subject = ANY ($4::bigint[]))
     ORDER BY sequence LIMIT $5`,
    [epoch, from, to, hashes, most],
  );
  return rows.flatMap(({ record }) => [...decodeRecords(record)]);
};
