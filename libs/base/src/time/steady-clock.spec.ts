import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SteadyClock } from './steady-clock.js';
import { START, worldOf } from './set-time.fixture.js';

const HOUR = 3_600_000;
const world = () => worldOf((wall, steady) => new SteadyClock(wall, steady));

describe('a clock that is never set back', () => {
  it('goes on at the pace of time when the clock that it follows is set back, and follows it again once that is where it was', () => {
    const { pass, set } = world();
    expect(pass(1_000)).toBe(START + 1_000);
    expect(set(-HOUR)).toBe(START + 1_000);
    expect(pass(1_000)).toBe(START + 2_000);
    expect(set(HOUR)).toBe(START + 2_000);
    expect(set(HOUR)).toBe(START + HOUR + 2_000);
  });

  it('is not behind what has happened', () => {
    const { clock, pass } = world();
    clock.notBefore(START + HOUR);
    expect(pass(5)).toBe(START + HOUR + 5);
    clock.notBefore(START);
    expect(pass(5)).toBe(START + HOUR + 10);
  });

  it('tells whole milliseconds, and does not creep ahead by looking often', () => {
    const at = { elapsed: 0.9 };
    const clock = new SteadyClock({ now: () => START + Math.floor(at.elapsed) }, { elapsed: () => at.elapsed });
    for (let looks = 0; looks < 10_000; looks += 1) {
      at.elapsed += 0.37;
      const now = clock.now();
      expect(Number.isInteger(now)).toBe(true);
      expect(now).toBeLessThanOrEqual(START + at.elapsed);
    }
  });

  it('advances by what passes at least, whatever is set', () => {
    const step = fc.record({ passes: fc.nat(HOUR), isSet: fc.integer({ min: -26 * HOUR, max: 26 * HOUR }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { pass, set } = world();
        let last = START;
        for (const { passes, isSet } of steps) {
          expect(pass(passes)).toBeGreaterThanOrEqual(last + passes);
          last = set(isSet);
        }
      }),
    );
  });
});
