import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { dayIn, daysAfter, isTimeZone, monthsAfter, startOfDay } from './local-time.js';

const HOUR_MS = 3_600_000;
/** Clocks set at night, over midnight, by half an hour, never; one that skipped a day; offsets of quarters. */
const ZONES = [
  'UTC',
  'Europe/Zurich',
  'America/New_York',
  'America/Sao_Paulo',
  'Africa/Cairo',
  'America/Havana',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Pacific/Apia',
  'Pacific/Kiritimati',
];
const aZone = fc.constantFrom(...ZONES);
const aDay = fc
  .integer({ min: Date.UTC(2005, 0, 1) / 86_400_000, max: Date.UTC(2045, 0, 1) / 86_400_000 })
  .map((days) => new Date(days * 86_400_000).toISOString().slice(0, 10));

describe('days of a time zone', () => {
  it.each([
    ['2026-03-29', 'Europe/Zurich', '2026-03-28T23:00:00.000Z', 23],
    ['2026-10-25', 'Europe/Zurich', '2026-10-24T22:00:00.000Z', 25],
    ['2026-06-01', 'Asia/Kathmandu', '2026-05-31T18:15:00.000Z', 24],
    ['2028-02-29', 'America/New_York', '2028-02-29T05:00:00.000Z', 24],
    // Clocks went from 00:00 to 01:00: the day begins at one.
    ['2018-11-04', 'America/Sao_Paulo', '2018-11-04T03:00:00.000Z', 23],
    // Clocks went from 01:00 back to 00:00: midnight came twice.
    ['2025-11-02', 'America/Havana', '2025-11-02T04:00:00.000Z', 25],
    // There was no such day.
    ['2011-12-30', 'Pacific/Apia', '2011-12-30T10:00:00.000Z', 0],
    ['2026-04-05', 'Australia/Lord_Howe', '2026-04-04T13:00:00.000Z', 24.5],
  ])('%s in %s begins at %s and has %d hours', (day, zone, start, hours) => {
    expect(new Date(startOfDay(day, zone)).toISOString()).toBe(start);
    expect((startOfDay(daysAfter(day, 1), zone) - startOfDay(day, zone)) / HOUR_MS).toBe(hours);
  });

  it('follow each other without a gap, and hold what the calendar shows as them', () => {
    fc.assert(
      fc.property(aDay, aZone, fc.double({ min: 0, max: 1, noNaN: true }), (day, zone, share) => {
        const [start, end] = [startOfDay(day, zone), startOfDay(daysAfter(day, 1), zone)];
        expect(end).toBeGreaterThanOrEqual(start);
        if (end === start) return;
        expect(dayIn(start, zone)).toBe(day);
        expect(dayIn(start + Math.floor(share * (end - start - 1)), zone)).toBe(day);
        expect(dayIn(start - 1, zone) < day).toBe(true);
      }),
    );
  });

  it('make up months, leap days included', () => {
    fc.assert(
      fc.property(aDay, aZone, (day, zone) => {
        const first = monthsAfter(day, 0);
        const days: string[] = [];
        for (let each = first; each < monthsAfter(day, 1); each = daysAfter(each, 1)) days.push(each);
        const length = days.reduce((sum, one) => sum + startOfDay(daysAfter(one, 1), zone) - startOfDay(one, zone), 0);
        expect(length).toBe(startOfDay(monthsAfter(day, 1), zone) - startOfDay(first, zone));
        if (first.endsWith('-02-01')) expect(days).toHaveLength(Number(first.slice(0, 4)) % 4 === 0 ? 29 : 28);
      }),
    );
  });

  it('are those of names that the database of time zones has', () => {
    expect([isTimeZone('Europe/Zurich'), isTimeZone('Europe/Atlantis'), isTimeZone('')]).toEqual([true, false, false]);
  });
});
