import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CautiousClock } from './cautious-clock.js';
import { START, worldOf } from './set-time.fixture.js';

const HOUR = 3_600_000;
const world = () => worldOf((wall, steady) => new CautiousClock(wall, steady));

describe('a cautious clock', () => {
  it('tells the time of day while nobody sets it', () => {
    const { pass } = world();
    expect(pass(HOUR)).toBe(START + HOUR);
  });

  it('does not follow at once when the clock is set forward, and is right again after as long', () => {
    const { pass, set, at } = world();
    pass(10_000);
    expect(set(HOUR)).toBe(START + 10_000);
    expect(pass(HOUR / 2)).toBe(START + 10_000 + HOUR);
    expect(pass(HOUR / 2)).toBe(at.time);
    expect(pass(HOUR)).toBe(at.time);
  });

  it('follows when the clock is set back, and forgets a step that was taken back', () => {
    const { pass, set, at } = world();
    expect(set(-HOUR)).toBe(START - HOUR);
    expect(pass(5)).toBe(at.time);
    set(26 * HOUR);
    expect(set(-26 * HOUR)).toBe(at.time);
  });

  it('is never ahead of the time of day, and never runs more than twice as fast as time passes', () => {
    const step = fc.record({ passes: fc.nat(HOUR), isSet: fc.integer({ min: -26 * HOUR, max: 26 * HOUR }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { pass, set, at } = world();
        let last = START;
        for (const { passes, isSet } of steps) {
          const [before, now] = [last, pass(passes)];
          expect(now).toBeLessThanOrEqual(at.time);
          expect(now - before).toBeLessThanOrEqual(2 * passes);
          last = set(isSet);
          expect(last).toBeLessThanOrEqual(Math.max(now + 1_000, now + Math.min(0, isSet)));
        }
      }),
    );
  });
});
