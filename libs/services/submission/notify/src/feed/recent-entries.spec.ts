import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FeedEntry } from './feed-entry.js';
import { RecentEntries } from './recent-entries.js';

const entry = (sequence: number, chars = 10): FeedEntry => ({
  sequence,
  about: 't',
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
    // 8 MB at least, 16 MB at most.
    expect(recent.covers(40 - 16 - 1)).toBe(false);
    expect(recent.covers(40 - 8)).toBe(true);
    expect(recent.after(40 - 8).entries.map(({ sequence }) => sequence)).toEqual([33]);
  });

  it('do not show what has not been reached', () => {
    const recent = new RecentEntries(0);
    recent.add([entry(1), entry(2)]);
    recent.moveTo(1);
    expect(recent.after(0)).toMatchObject({ sequence: 1, entries: [{ sequence: 1 }] });
  });

  it('give as much at once as one batch holds, and go on behind it', () => {
    const recent = new RecentEntries(0);
    recent.add(Array.from({ length: 201 }, (_, index) => entry(index + 1)));
    recent.moveTo(500);
    expect(recent.after(0)).toMatchObject({ sequence: 200 });
    expect(recent.after(200)).toMatchObject({ sequence: 500, entries: [{ sequence: 201 }] });
  });
});
