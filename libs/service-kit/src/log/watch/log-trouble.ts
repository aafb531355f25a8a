import type { LogHead } from '@fornax/event-store';
import type { WriteStop } from '../../core/write-stops.js';
import type { LogMark } from './log-mark.js';

/** How the log is not the one that is known: it ends earlier, it is another one, it went another way from some point on, or it is not there. */
export type TroubleKind = 'went-back' | 'replaced' | 'forked' | 'gone';

export interface LogTrouble {
  readonly kind: TroubleKind;
  /** What was known of the log. */
  readonly known: LogMark;
  /** What it is now; undefined when there is none. */
  readonly head: LogHead | undefined;
}

/**
 * Compares the log with what is known of it.
 * @param messageIdAt id of the message at a sequence of the log as it is now; undefined when it holds none there
 */
export const troubleWith = async (
  head: LogHead | undefined,
  known: LogMark,
  messageIdAt: (sequence: number) => Promise<string | undefined>,
): Promise<LogTrouble | undefined> => {
  if (head === undefined) return { kind: 'gone', known, head };
  if (head.epoch !== known.epoch) return { kind: 'replaced', known, head };
  if (head.sequence < known.sequence) return { kind: 'went-back', known, head };
  if (known.messageId === undefined) return undefined;
  // A message that is missing is a gap, which somebody else looks for.
  const found = await messageIdAt(known.sequence);
  return found === undefined || found === known.messageId ? undefined : { kind: 'forked', known, head };
};

/** Names a log as it is now, for `fornax log accept`: what was looked at is what is accepted. */
export const nameOf = ({ epoch, sequence }: LogHead): string => `${epoch}/${sequence}`;

/** What a process says that is asked to accept the log that it knows. */
export const NOTHING_TO_ACCEPT = 'The event log is the right one: there is nothing to accept';

/** What is wrong, for clients, too. */
export const messageOf = ({ kind, known, head }: LogTrouble): string => {
  switch (kind) {
    case 'went-back':
      return `The event log went back: it ends at ${head?.sequence ?? 0}, but was read up to ${known.sequence}. So ${known.sequence - (head?.sequence ?? 0)} commits are missing`;
    case 'forked':
      return `The event log went back and went on another way: its commit ${known.sequence} is not the one that was read`;
    case 'replaced':
      return `The event log is another one: it was wiped or replaced${head?.sequence === 0 ? ', and is empty' : ''}`;
    case 'gone':
      return 'The event log is gone: its stream does not exist';
  }
};

const RESTORE =
  'Put the newer copy of the NATS folder back (with nats-server stopped) and start again: nothing is lost, and this goes away by itself';
const REFILL =
  'Put the log back from its archive: fornax log restore. What was written in the last minute before it was lost may be missing then';
/** For a log that is there, and is not what it was: its archive fills an empty one alone. */
export const REFILL_ASIDE =
  'Put back from its archive all but the last minute: stop, move the folder nats/store of the data folder aside (keep it), start, fornax log restore';
const COPY =
  'First make a copy of the whole data folder with everything stopped: the rows in Postgres are the last copy of what happened';
const RESTART = 'Start everything again: the launcher makes an empty log where there is none, and then this says so';

/** What an operator can do about it. */
export const waysOutOf = ({ kind, head }: LogTrouble): readonly string[] => {
  if (head === undefined) return [RESTORE, REFILL, RESTART];
  const look = `fornax log accept ${nameOf(head)}`;
  const accept = `${look} names what will be lost; with --yes it accepts the log as it is and folds all read models anew`;
  return kind === 'replaced'
    ? [RESTORE, `${COPY}. Then ${accept}`, ...(head.sequence === 0 ? [REFILL] : [])]
    : [RESTORE, REFILL_ASIDE, `Accept the log as it is: ${accept}. What is missing in it is lost then`];
};

export const stopFor = (trouble: LogTrouble): Omit<WriteStop, 'name'> => ({
  status: 503,
  message: messageOf(trouble),
  ways: waysOutOf(trouble),
});
