import { createHash } from 'node:crypto';

/** The first eight bytes of a hash of the log's epoch and a subject, or all subjects of an aggregate. */
export const hashOf = (epoch: string, subject: string): string =>
  createHash('sha256').update(`${epoch}\n${subject}`).digest().readBigInt64BE(0).toString();

/** All subjects of its aggregate, as a reader asks for them. */
export const kindOf = (subject: string): string => `${subject.split('.').slice(0, 3).join('.')}.>`;
