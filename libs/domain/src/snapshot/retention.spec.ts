import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { prunable, type SnapshotRetention, type TakenSnapshot } from './retention.js';

const HOUR = 3_600_000;
const taken = (at: number, isNeeded = false): TakenSnapshot => ({ snapshotId: `s${at}`, at, isNeeded });
/** Every half hour, three days long. */
const days = Array.from({ length: 144 }, (_, n) => taken((n * HOUR) / 2));
const kept = (rule: SnapshotRetention, all: readonly TakenSnapshot[] = days): readonly number[] => {
  const gone = new Set(prunable(rule, all));
  return all.filter(({ snapshotId }) => !gone.has(snapshotId)).map(({ at }) => at / HOUR);
};

describe('retention of snapshots', () => {
  it('keeps the last ones', () => expect(kept({ last: 3 })).toEqual([70.5, 71, 71.5]));

  it('keeps the latest of each of the latest hours, and of days', () => {
    expect(kept({ hourly: 3 })).toEqual([69.5, 70.5, 71.5]);
    expect(kept({ daily: 2 })).toEqual([47.5, 71.5]);
  });

  it('keeps what any of its parts keeps', () =>
    expect(kept({ last: 2, hourly: 2, daily: 2 })).toEqual([47.5, 70.5, 71, 71.5]));

  it('counts hours and days that have one, however long ago they are', () =>
    expect(kept({ daily: 2 }, [taken(0), taken(24 * HOUR), taken(500 * HOUR)])).toEqual([24, 500]));

  it('goes by the order of the log, whatever the clock said', () =>
    expect(kept({ last: 2 }, [taken(9 * HOUR), taken(8 * HOUR), taken(2 * HOUR), taken(3 * HOUR)])).toEqual([2, 3]));

  it('keeps the latest state of every instance that may begin anew, whatever it says', () =>
    expect(kept({ last: 1 }, [taken(0, true), taken(HOUR), taken(2 * HOUR)])).toEqual([0, 2]));

  it('always keeps the latest, changes nothing when it is asked again, and never lets go what more would keep', () => {
    const rules = fc.record({ last: fc.nat(4), hourly: fc.nat(4), daily: fc.nat(3) });
    const all = fc
      .uniqueArray(fc.record({ at: fc.nat(90).map((n) => n * (HOUR / 3)), isNeeded: fc.boolean() }), {
        selector: ({ at }) => at,
      })
      .map((some) => some.map(({ at, isNeeded }) => taken(at, isNeeded)));
    fc.assert(
      fc.property(rules, all, (rule, some) => {
        const gone = prunable(rule, some);
        const left = some.filter(({ snapshotId }) => !gone.includes(snapshotId));
        expect(prunable(rule, left)).toEqual([]);
        const latest = some.at(-1);
        if (latest) expect(gone).not.toContain(latest.snapshotId);
        const more = { last: rule.last + 1, hourly: rule.hourly + 1, daily: rule.daily + 1 };
        expect(gone).toEqual(expect.arrayContaining([...prunable(more, some)]));
      }),
    );
  });
});
