import { ValidationFailed } from '@fornax/base';
import type { EventLog } from '@fornax/event-store';

/** A moment of the past: a place in the log, or a time by the clocks of those who decided. */
export type AsOf = { readonly sequence: number } | { readonly instant: number };

const SEQUENCE = /^\d{1,15}$/;
/** RFC 3339; a plus sign that nobody escaped arrives as a space. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+ -]\d\d:\d\d)$/i;

/** @param field what the parameter is called, for the error @throws ValidationFailed */
export const parseAsOf = (text: string, field = 'asOf'): AsOf => {
  if (SEQUENCE.test(text)) return { sequence: Number(text) };
  const instant = INSTANT.test(text) ? Date.parse(text.replace(' ', '+')) : Number.NaN;
  if (Number.isNaN(instant))
    throw new ValidationFailed({
      [field]: ['must be a sequence of the log or an instant such as 2026-01-31T12:00:00Z'],
    });
  return { instant };
};

/** Is a commit at or before that moment? */
export const isUpTo = (asOf: AsOf, commit: { readonly sequence: number; readonly at: number }): boolean =>
  'sequence' in asOf ? commit.sequence <= asOf.sequence : commit.at <= asOf.instant;

/** @throws ValidationFailed a sequence that the log has not reached */
export const checkReached = async (log: Pick<EventLog, 'head'>, asOf: AsOf): Promise<void> => {
  if (!('sequence' in asOf)) return;
  const { sequence } = await log.head();
  if (asOf.sequence > sequence)
    throw new ValidationFailed({ asOf: [`is beyond the end of the log, which is at ${sequence}`] });
};
