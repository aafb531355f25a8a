import { describe, expect, it } from '@jest/globals';
import { RequestBudget } from './request-budget.js';

const START = 1_700_000_000_000;

describe('the requests of an account', () => {
  const budget = (perS: number) => {
    const clock = { now: START };
    const requests = new RequestBudget(perS, () => clock.now);
    /** How many of so many attempts pass. */
    const passing = (account: string, attempts: number): number =>
      Array.from({ length: attempts }, () => requests.take(account)).filter(Boolean).length;
    return { clock, passing };
  };

  it.each([1, 3, 7, 1_000])('are %s a second, and four seconds of them at once', (perS) => {
    const { clock, passing } = budget(perS);
    expect(passing('ada', 10 * perS)).toBe(4 * perS);
    clock.now += 1_000;
    expect(passing('ada', 10 * perS)).toBe(perS);
    clock.now += 3_600_000;
    expect(passing('ada', 10 * perS)).toBe(4 * perS);
  });

  it('are no longer refused for those that were', () => {
    const { clock, passing } = budget(10);
    passing('ada', 1_000_000);
    clock.now += 100;
    expect(passing('ada', 2)).toBe(1);
  });

  it('are theirs alone', () => {
    const { passing } = budget(1);
    expect(passing('ada', 100)).toBe(4);
    expect(passing('eve', 3)).toBe(3);
  });

  it('are any number where there is no limit', () => expect(budget(0).passing('ada', 100_000)).toBe(100_000));

  it('do not fill memory, and those who are busy are remembered', () => {
    const { passing } = budget(1);
    expect(passing('ada', 4)).toBe(4);
    for (let at = 0; at < 5_000; at += 1) passing(`stranger-${at}`, 1);
    expect(passing('ada', 1)).toBe(0);
    for (let at = 0; at < 10_000; at += 1) passing(`other-${at}`, 1);
    expect(passing('ada', 1)).toBe(1);
  });
});
