import { describe, expect, it } from '@jest/globals';
import { RebuildRefused, shortfallOf } from './shortfall.js';

const head = { epoch: 'e', sequence: 60 };
const gap = {
  id: 'gap-31-40',
  from: 31,
  through: 40,
  missing: 10,
  isGap: true,
  reason: 'sequences 31 to 40 are missing (10)',
  isGivenUp: true,
};

describe('what a log does not know of the rows that were folded from it', () => {
  it('is nothing for a whole log, a projection that never folded, and damage behind its checkpoint', () => {
    expect(shortfallOf({ epoch: 'e', sequence: 60 }, head, [])).toBeUndefined();
    expect(shortfallOf({ epoch: 'other', sequence: 0 }, head, [])).toBeUndefined();
    expect(shortfallOf({ epoch: 'e', sequence: 30 }, head, [gap])).toBeUndefined();
  });

  it.each([
    ['another log', { epoch: 'other', sequence: 7 }, [], /another log \(7 commits of epoch other/],
    [
      'a log that ends too early',
      { epoch: 'e', sequence: 65 },
      [],
      /^it ends at 60, 5 commits before their checkpoint 65$/,
    ],
    ['a gap that operators gave up', { epoch: 'e', sequence: 60 }, [gap], /^sequences 31 to 40 are missing \(10\)$/],
    [
      'a changed commit',
      { epoch: 'e', sequence: 60 },
      [{ ...gap, from: 7, isGap: false, reason: 'its checksum does not match' }],
      /^sequence 7: its checksum does not match$/,
    ],
  ])('is said: %s', (_, checkpoint, damage, words) => expect(shortfallOf(checkpoint, head, damage)).toMatch(words));

  it('is refused with what would be lost and the way to lose it', () => {
    const refused = new RebuildRefused('ledger', gap.reason, [{ table: 'ledger_line', rows: 45, left: 10 }]);
    expect(refused.message).toMatch(
      /sequences 31 to 40 are missing \(10\)\. A rebuild would leave 10 of 45 rows of ledger_line\..*rebuild ledger --force$/,
    );
  });

  it('names the tasks that would lose rows, some of many', () => {
    const refusedWith = (count: number, ids: readonly string[]) =>
      new RebuildRefused('ledger', gap.reason, [{ table: 'ledger_line', rows: 45, left: 10 }], { count, ids }).message;
    expect(refusedWith(1, ['a'])).toContain('ledger_line. It would lose rows of 1 task: a. Put the log back');
    expect(refusedWith(30, ['a', 'b'])).toContain('30 tasks: a, b, …. Put');
    expect(refusedWith(0, [])).not.toContain('It would lose');
  });
});
