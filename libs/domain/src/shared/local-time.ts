import type { InstantMs } from './time.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A day of the calendar, `YYYY-MM-DD`. */
export type CalendarDay = string;

const formatOf = (timeZone: string): Intl.DateTimeFormat =>
  new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });

/** Whether the time zone database knows a name, such as `Europe/Zurich`. */
export const isTimeZone = (name: string): boolean => {
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
};

/** What the clocks of a zone show, as if it were UTC, to the second. */
const wallClock = (format: Intl.DateTimeFormat, at: InstantMs): number => {
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const read = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type) ?? 0);
  return Date.UTC(read('year'), read('month') - 1, read('day'), read('hour'), read('minute'), read('second'));
};

/** The first instant of (`before`, `after`] at which the clocks of a zone have reached a time. */
const firstAt = (format: Intl.DateTimeFormat, wall: number, before: InstantMs, after: InstantMs): InstantMs => {
  let [low, high] = [before, after];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (wallClock(format, middle) >= wall) high = middle;
    else low = middle;
  }
  return high;
};

/**
 * The instant at which a day begins in a time zone. Where clocks are set forward over midnight it is the moment of that; where midnight comes twice it is
 * the first one. So days, and months of days, follow each other without a gap and without an overlap.
 */
export const startOfDay = (day: CalendarDay, timeZone: string): InstantMs => {
  const format = formatOf(timeZone);
  const wall = Date.parse(`${day}T00:00:00Z`);
  const offsets = new Set([wall - DAY_MS, wall, wall + DAY_MS].map((at) => wallClock(format, at) - at));
  const midnights = [...offsets].map((offset) => wall - offset).filter((at) => wallClock(format, at) === wall);
  return midnights.length > 0 ? Math.min(...midnights) : firstAt(format, wall, wall - DAY_MS, wall + DAY_MS);
};

/** The day that the calendar of a time zone shows. */
export const dayIn = (at: InstantMs, timeZone: string): CalendarDay =>
  new Date(wallClock(formatOf(timeZone), at)).toISOString().slice(0, 10);

/** The day so many days after another one. */
export const daysAfter = (day: CalendarDay, days: number): CalendarDay =>
  new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);

/** The first day of the month so many months after that of a day. */
export const monthsAfter = (day: CalendarDay, months: number): CalendarDay =>
  new Date(Date.UTC(Number(day.slice(0, 4)), Number(day.slice(5, 7)) - 1 + months, 1)).toISOString().slice(0, 10);
