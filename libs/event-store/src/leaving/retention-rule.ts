import { LEAST_GRACE_MS } from './grace.js';

const RULE = /^([1-9]\d{0,4})([smhd])$/;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** What `FORNAX_LOG_RETENTION` may be. */
export const RETENTION_TEXT = 'must be off, or an age like 12h or 90d (s, m, h, d)';

/** Seconds for which what has left stays nevertheless. */
export const RETENTION_GRACE_S = { least: Math.ceil(LEAST_GRACE_MS / 1_000), most: 86_400 };

/** How long what has left stays in the event log nevertheless, in milliseconds, of what `FORNAX_LOG_RETENTION_GRACE_S` says. @throws Error */
export const retentionGraceOf = (text: string): number => {
  const seconds = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds >= RETENTION_GRACE_S.least && seconds <= RETENTION_GRACE_S.most))
    throw new Error(
      `FORNAX_LOG_RETENTION_GRACE_S must be a number of seconds from ${RETENTION_GRACE_S.least} to ${RETENTION_GRACE_S.most}`,
    );
  return seconds * 1_000;
};

/** Whether a text is a rule. */
export const isRetention = (text: string): boolean => text === 'off' || RULE.test(text);

/** How old what leaves the event log is at least, in milliseconds; undefined where nothing leaves. @throws Error */
export const retentionOf = (text: string): number | undefined => {
  if (text === 'off') return undefined;
  const [, count, unit = ''] = RULE.exec(text) ?? [];
  const unitMs = UNIT_MS[unit];
  if (count === undefined || unitMs === undefined) throw new Error(`FORNAX_LOG_RETENTION ${RETENTION_TEXT}`);
  return Number(count) * unitMs;
};
