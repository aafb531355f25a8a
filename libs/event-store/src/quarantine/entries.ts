import type { QuarantineRecord, StoppedRecord, UnreadableRecord } from '@fornax/contracts';
import type { Gap } from '../damage/gaps.js';
import type { DamagedPlace } from '../log/event-log.js';

/** open: nobody has decided yet. retrying: an operator asked for it, the answer is on its way. dropped, retried: over. */
export type QuarantineState = 'open' | 'retrying' | 'dropped' | 'retried';

/** Who decided what, when, and why. */
export interface QuarantineDecision {
  readonly by: string;
  readonly at: number;
  readonly reason: string | null;
}

export interface QuarantineEntry {
  readonly id: string;
  readonly state: QuarantineState;
  /** Without a body: it may be large, and `show` reads it. */
  readonly what: UnreadableRecord | StoppedRecord;
  /** The last one. */
  readonly decision: QuarantineDecision | null;
}

/** Waits for an operator. */
export const isUndecided = ({ state }: QuarantineEntry): boolean => state === 'open' || state === 'retrying';

/** A message of a stream that only passes messages on, as nodes send them; no state depends on it. */
export const isOfWork = ({ what }: QuarantineEntry): boolean => what.kind === 'unreadable' && what.epoch === null;

/** `events-17`: one message of the event log; another epoch of the log takes the place. */
export const eventEntryId = (sequence: number): string => `events-${sequence}`;

/** `gap-31-60`: commits that the event log has lost. */
export const gapEntryId = ({ from, through }: Gap): string => `gap-${from}-${through}`;

/** Of the event log itself, whatever was decided about it. */
export const isDamageEntry = ({ what }: QuarantineEntry): boolean =>
  what.kind === 'unreadable' && what.damage !== undefined;

/** @returns undefined for an entry that is no damage, or none any more */
export const damagedPlaceOf = ({ id, what, state }: QuarantineEntry): DamagedPlace | undefined => {
  if (what.kind !== 'unreadable' || what.damage === undefined || state === 'retried') return undefined;
  const { sequence: from, reason, damage } = what;
  return { id, from, ...damage, isGap: id.startsWith('gap-'), reason, isGivenUp: state === 'dropped' };
};

/** Waits for an operator, and everybody with it. */
export const isDamage = (entry: QuarantineEntry): boolean => damagedPlaceOf(entry)?.isGivenUp === false;

/** `fold-tasks-17`: what the fold `tasks` makes of an aggregate stands before message 17. */
export const stopEntryId = (follower: string, sequence: number): string => `fold-${follower}-${sequence}`;

const withoutBody = (record: UnreadableRecord | StoppedRecord): UnreadableRecord | StoppedRecord =>
  record.kind === 'unreadable' ? { ...record, body: null } : record;

const decisionOf = ({ by, at, reason }: QuarantineDecision): QuarantineDecision => ({ by, at, reason });

/** What was tried again has failed again; and a copy of the log that was good once may be damaged once more. */
const opensAgain = ({ state }: QuarantineEntry, { damage }: UnreadableRecord): boolean =>
  state === 'retrying' || (damage !== undefined && state === 'retried');

/**
 * The fold of one entry. What is over stays over when the same thing is found once more; it opens again when it is another thing
 * (another epoch of the log), or when what was tried again has failed again.
 */
export const foldEntry = (
  before: QuarantineEntry | undefined,
  id: string,
  record: QuarantineRecord,
): QuarantineEntry | undefined => {
  switch (record.kind) {
    case 'unreadable':
      if (before !== undefined && before.what.epoch === record.epoch && !opensAgain(before, record)) return before;
      return { id, state: 'open', what: withoutBody(record), decision: before?.decision ?? null };
    case 'stopped':
      if (
        before !== undefined &&
        before.what.epoch === record.epoch &&
        before.state !== 'retrying' &&
        before.state !== 'retried'
      )
        return before;
      return { id, state: 'open', what: record, decision: before?.decision ?? null };
    case 'dropped':
      return before && { ...before, state: 'dropped', decision: decisionOf(record) };
    case 'retry-asked':
      return before && { ...before, state: 'retrying', decision: decisionOf(record) };
    case 'retried':
      return (
        before && {
          ...before,
          state: 'retried',
          decision: decisionOf({ ...record, reason: before.decision?.reason ?? record.reason }),
        }
      );
  }
};
