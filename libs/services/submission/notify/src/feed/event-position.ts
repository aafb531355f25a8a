import type { LogHead } from '@fornax/event-store';
import { Invalid } from '@fornax/base';

/** How far somebody has read: up to an event of a commit, or (`index` null) up to and with the whole commit. */
export interface EventPosition {
  readonly sequence: number;
  readonly index: number | null;
  /** Beginning of the epoch of the log that it was counted in; null when not said. */
  readonly log: string | null;
}

const ID = /^(\d{1,15})(?:\.(\d{1,6}))?(?:@([0-9a-zA-Z-]{1,40}))?$/;
const LOG_CHARS = 8;

/** `<sequence>[.<index>]@<log>`: what a client sends back as `Last-Event-ID`. */
export const eventId = (epoch: string, sequence: number, index?: number): string =>
  `${sequence}${index === undefined ? '' : `.${index}`}@${epoch.slice(0, LOG_CHARS)}`;

/** @throws Invalid not an id of ours; a bare sequence is one */
export const parseEventId = (text: string): EventPosition => {
  const [, sequence, index, log] = ID.exec(text.trim()) ?? [];
  if (sequence === undefined)
    throw new Invalid('Last-Event-ID must be an id that this stream has sent, or a sequence of the log', {
      code: 'bad-event-id',
    });
  return { sequence: Number(sequence), index: index === undefined ? null : Number(index), log: log ?? null };
};

/** Why a position means nothing in the log as it is now; undefined when it does. */
export const goneReason = ({ sequence, log }: EventPosition, head: LogHead): string | undefined => {
  if (log !== null && !head.epoch.startsWith(log)) return 'the event log is another one';
  if (sequence > head.sequence) return `the event log ends at ${head.sequence}`;
  return undefined;
};
