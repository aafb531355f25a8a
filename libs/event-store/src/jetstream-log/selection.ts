import { AGGREGATES, eventSubject, type Aggregate } from '@fornax/contracts';
import { type Chosen, PartReading, type Reading, WholeReading } from '../damage/reading.js';

export const aggregateSubject = (aggregate: Aggregate): string => eventSubject(aggregate, '').concat('>');

/** The server filters by one subject only (nats-server before 2.10); everything else is filtered here, before it is parsed. */
export const serverFilter = (aggregates: readonly Aggregate[] | undefined): string | undefined =>
  aggregates?.length === 1 && aggregates[0] !== undefined ? aggregateSubject(aggregates[0]) : undefined;

const PREFIXES = AGGREGATES.map((aggregate) => eventSubject(aggregate, ''));
/** Nobody asks for these, so whoever meets one puts it aside. */
const isOfNoAggregate = (subject: string): boolean => !PREFIXES.some((prefix) => subject.startsWith(prefix));

/** The subjects of these aggregates; all subjects when undefined. */
export const wantedBy = (aggregates: readonly Aggregate[] | undefined): ((subject: string) => boolean) => {
  if (aggregates === undefined) return () => true;
  const prefixes = aggregates.map((aggregate) => eventSubject(aggregate, ''));
  return (subject) => prefixes.some((prefix) => subject.startsWith(prefix)) || isOfNoAggregate(subject);
};

/** Nearly all commits are those of tasks: who wants these, or several kinds, reads what everybody reads. */
export const isMostOfTheLog = (aggregates: readonly Aggregate[] | undefined): boolean =>
  aggregates?.length !== 1 || aggregates[0] === 'task';

/** Looks after one who reads what the server filters so, behind a position. */
export const readingOf = (filter: string | undefined, position: number, chosen: Chosen): Reading =>
  filter === undefined ? new WholeReading(position, chosen) : new PartReading(position + 1);

/** What is asked of the archive, which finds by subjects where the log does not: all when undefined. */
export const archiveSubjects = (aggregates: readonly Aggregate[] | undefined): readonly string[] | undefined =>
  aggregates?.map(aggregateSubject);
