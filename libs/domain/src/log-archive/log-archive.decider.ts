import { accept, type Decider, reject } from '../shared/decider.js';
import type { InstantMs } from '../shared/time.js';

/** What is known of one segment of the archive of the event log: a part of the log in an object, chained to the one before by its hash. */
export interface ArchivedSegment {
  /** Counted from 1, without a gap. */
  readonly number: number;
  /** First and last sequence of the log in it, both included. */
  readonly from: number;
  readonly to: number;
  /** Messages in it: fewer than sequences where some were given up before. */
  readonly messages: number;
  /** SHA-256 of the segment before, in hex; 64 zeros for the first. */
  readonly previous: string;
  /** SHA-256 that covers every byte of the object, and by `previous` every byte of the segments before; in hex. */
  readonly hash: string;
  readonly sizeBytes: number;
  /** Where the object lies in the archive. */
  readonly key: string;
}

/** A closed part of the log lies in the archive: the index of the archive, in the log itself. */
export interface LogSegmentArchived extends ArchivedSegment {
  readonly type: 'LogSegmentArchived';
  readonly at: InstantMs;
}

export interface RecordSegment extends ArchivedSegment {
  readonly type: 'RecordSegment';
  readonly at: InstantMs;
}

/** The end of the archive. */
export interface ArchiveEnd {
  readonly number: number;
  readonly to: number;
  readonly hash: string;
}

/** What the first segment is chained to. */
export const ARCHIVE_ROOT: ArchiveEnd = { number: 0, to: 0, hash: '0'.repeat(64) };

/** The index of the archive of the log: each segment begins where the one before ended, and carries its hash. */
export const logArchiveDecider: Decider<ArchiveEnd, RecordSegment, LogSegmentArchived> = {
  initial: ARCHIVE_ROOT,
  decide: (end, { type: _, ...segment }) => {
    const { number, from, previous, hash } = segment;
    // Whoever recorded it died before it heard that it had.
    if (number === end.number && hash === end.hash) return accept();
    if (number !== end.number + 1 || from !== end.to + 1 || previous !== end.hash)
      return reject(
        'conflict',
        'segment-does-not-follow',
        `Segment ${number} of the archive does not follow segment ${end.number}, which ends at sequence ${end.to}`,
      );
    return accept({ type: 'LogSegmentArchived', ...segment });
  },
  evolve: (_, { number, to, hash }) => ({ number, to, hash }),
};

/**
 * What proves a range of the log: the hash of the last segment that it reaches into covers every byte of it, as far as it is archived. Nothing of it is
 * where `segment` is 0.
 */
export interface RangeProof {
  readonly from: number;
  readonly to: number;
  /** The last sequence of the range that lies in the archive: `to` where all of it does, the one before `from` where nothing does. */
  readonly archivedTo: number;
  /** The last segment that the range reaches into, and its hash. */
  readonly segment: number;
  readonly hash: string;
}

/**
 * Says what proves that a range of the log is as it was when something, a statement say, was folded from it.
 * @param segments the index, in order; those whose end lies before `from` may be left out, but the last of them
 */
export const proofOfRange = (
  segments: readonly Pick<ArchivedSegment, 'number' | 'to' | 'hash'>[],
  from: number,
  to: number,
): RangeProof => {
  const last = segments.find((segment) => segment.to >= to) ?? segments.at(-1);
  if (last === undefined || last.to < from || to < from)
    return { from, to, archivedTo: from - 1, segment: ARCHIVE_ROOT.number, hash: ARCHIVE_ROOT.hash };
  return { from, to, archivedTo: Math.min(to, last.to), segment: last.number, hash: last.hash };
};
