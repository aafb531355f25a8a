/** What stands for "no date" where a client cannot take null (contract, section 1.5). */
export const NO_DATE = '0001-01-01T00:00:00Z';

/** An instant as clients read it: UTC, `Z`, at most three fractional digits. @param at milliseconds since the epoch */
export const wireDate = (at: number | null | undefined): string =>
  at === null || at === undefined ? NO_DATE : new Date(at).toISOString().replace('.000Z', 'Z');

const DATE = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?)?\s*(Z|[+-]\d{2}:?\d{2})?$/i;

/** 2026-02-30 is no date, though the language's own reader takes it for the second of March. No client and no database has a year 0. */
const exists = (year: number, month: number, day: number): boolean => {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
  return year >= 1 && days !== undefined && day >= 1 && day <= days;
};

/** Reads an ISO 8601 date; one without offset is UTC. @returns milliseconds since the epoch, or undefined when there is no such date */
export const parseWireDate = (text: string): number | undefined => {
  const match = DATE.exec(text.trim());
  if (!match) return undefined;
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', offset = 'Z'] = match;
  if (!exists(Number(year), Number(month), Number(day))) return undefined;
  const zone = /^[+-]\d{4}$/.test(offset) ? `${offset.slice(0, 3)}:${offset.slice(3)}` : offset.toUpperCase();
  const at = Date.parse(
    `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.slice(0, 3).padEnd(3, '0')}${zone}`,
  );
  return Number.isNaN(at) ? undefined : at;
};

const two = (value: number): string => String(value).padStart(2, '0');

/** A .NET TimeSpan in whole seconds, `[d.]hh:mm:ss`: clients misread fractions (contract, 5.39). @param ms milliseconds, not negative */
export const wireDuration = (ms: number): string => {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const days = Math.floor(seconds / 86_400);
  const clock = `${two(Math.floor(seconds / 3_600) % 24)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return days > 0 ? `${days}.${clock}` : clock;
};

const SPAN = /^(-)?(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?$/;

/** Reads a .NET TimeSpan, or a number of seconds. @returns milliseconds, or undefined when it is neither */
export const parseWireDuration = (value: string | number): number | undefined => {
  if (typeof value === 'number') return Number.isFinite(value) ? value * 1_000 : undefined;
  const match = SPAN.exec(value.trim());
  if (!match) return undefined;
  const [, sign, days = '0', hours, minutes, seconds = '0', fraction = ''] = match;
  if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) return undefined;
  const whole = ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
  const ms = whole * 1_000 + Number(`0.${fraction || '0'}`) * 1_000;
  return sign ? -ms : ms;
};
