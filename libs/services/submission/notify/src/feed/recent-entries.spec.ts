import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FeedEntry } from './feed-entry.js';
import { RecentEntries } from './recent-entries.js';

const entry = (sequence: number, chars = 10): FeedEntry => ({
  sequence,
  taskId: 't',
  owner: 'ada',
  isInStatus: true,
  events: [],
  chars,
});
const MB = 1024 * 1024;

describe('the newest entries of the log', () => {
  it('give a reader from any covered place everything after it, once, in order', () =>
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 101, max: 2_000 }), { maxLength: 900 }),
        fc.nat(2_100),
        (places, from) => {
          const recent = new RecentEntries(100);
          const sequences = places.toSorted((a, b) => a - b);
          recent.add(sequences.map((sequence) => entry(sequence)));
          recent.moveTo(2_050);
          if (!recent.covers(from)) return from < 100;
          const got: number[] = [];
          for (let position = from; position < recent.position;) {
            const batch = recent.after(position);
            got.push(...batch.entries.map(({ sequence }) => sequence));
            position = batch.sequence;
          }
          expect(got).toEqual(sequences.filter((sequence) => sequence > from));
          return true;
        },
      ),
    ));

  it('are bounded in size, and say what they do not cover any more', () => {
    const recent = new RecentEntries(0);
    for (let sequence = 1; sequence <= 40; sequence += 1) recent.add([entry(sequence, MB)]);
    recent.moveTo(40);
    expect(recent.covers(0)).toBe(false);
    expect(recent.covers(24)).toBe(true);
    expect(recent.covers(23)).toBe(false);
    expect(recent.after(24).entries.map(({ sequence }) => sequence)).toEqual([25]);
  });

  it('do not show what has not been reached', () => {
    const recent = new RecentEntries(0);
    recent.add([entry(1), entry(2)]);
    recent.moveTo(1);
    expect(recent.after(0)).toMatchObject({ sequence: 1, entries: [{ sequence: 1 }] });
  });
});
