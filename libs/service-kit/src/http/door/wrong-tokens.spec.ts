import { describe, expect, it } from '@jest/globals';
import { WrongTokens } from './wrong-tokens.js';

const limits = { burst: 3, perMinute: 60, maxDelayMs: 2_000 };
const started = () => {
  const clock = { now: 1_000_000 };
  return { clock, wrong: new WrongTokens(limits, () => clock.now) };
};

describe('WrongTokens', () => {
  it('answers the first few at once, the next ones one after the other, and no more than may wait', () => {
    const { wrong } = started();
    const delays = Array.from({ length: 7 }, (_, n) => wrong.delayMs('peer', `guess-${n}`));
    expect(delays).toEqual([0, 0, 0, 1_000, 2_000, undefined, undefined]);
  });

  it('forgives with time', () => {
    const { wrong, clock } = started();
    for (let n = 0; n < 5; n += 1) wrong.delayMs('peer', `guess-${n}`);
    clock.now += 60_000;
    expect(wrong.delayMs('peer', 'again')).toBe(0);
  });

  it('slows many peers down that guess at one name, and nobody else', () => {
    const { wrong } = started();
    const delays = Array.from({ length: 5 }, (_, n) => wrong.delayMs(`peer-${n}`, 'alice@example.org'));
    expect(delays).toEqual([0, 0, 0, 1_000, 2_000]);
    expect(wrong.delayMs('peer-9', 'bob@example.org')).toBe(0);
  });

  it('knows who guesses, also at a name at which others guess already', () => {
    const { wrong, clock } = started();
    for (let n = 0; n < 5; n += 1) wrong.delayMs('peer', 'alice@example.org');
    for (let n = 0; n < 3; n += 1) {
      expect(wrong.isGuessing('other')).toBe(false);
      wrong.delayMs('other', 'alice@example.org');
    }
    expect([wrong.isGuessing('peer'), wrong.isGuessing('other'), wrong.isGuessing('third')]).toEqual([
      true,
      true,
      false,
    ]);
    clock.now += 60_000;
    expect(wrong.isGuessing('other')).toBe(false);
  });

  it('remembers a bounded number of peers and names', () => {
    const { wrong } = started();
    for (let n = 0; n < 30_000; n += 1) wrong.delayMs(`peer-${n}`, `name-${n}`);
    expect(wrong.size).toBe(20_000);
  });
});
