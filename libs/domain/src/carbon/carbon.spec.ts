import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { carbonOf, NO_CARBON, steadyPieces, type PowerPlace, type PowerSite, type PowerUse } from './carbon.js';

const HOUR_MS = 3_600_000;
const WH = 3_600_000_000n;
const GRAM = 1_000_000n;

const site: PowerSite = {
  milliPue: 1_200,
  intensity: [{ from: 0, milligramsPerKwh: 100_000 }],
  reusedBasisPoints: 5_000,
  heatMilligramsPerKwh: 200_000,
  wueMilliliters: 500,
};
const compared: PowerPlace = { milliPue: 1_500, intensity: [{ from: 0, milligramsPerKwh: 400_000 }] };
const use = (change: Partial<PowerUse> = {}): PowerUse => ({
  from: 0,
  milliCoreMs: 2_000n * BigInt(HOUR_MS),
  nodeMilliCores: 8_000,
  power: { idleMilliwatts: 80_000, coreMilliwatts: 5_000 },
  site,
  ...change,
});

describe('carbon', () => {
  it('counts a part of the idle draw and that of the own cores, with what the site adds', () => {
    // A quarter of 80 W and twice 5 W, for an hour.
    expect(carbonOf([use()], compared)).toEqual({
      itEnergy: 30n * WH,
      totalEnergy: 36n * WH,
      reusedEnergy: 18n * WH,
      emitted: (36n * GRAM) / 10n,
      equivalent: 18n * GRAM,
      savedByHeat: (36n * GRAM) / 10n,
      water: 500n * 30n * WH,
    });
  });

  it('takes each intensity for the time in which it holds, the first one also before', () => {
    const change = [
      { from: HOUR_MS / 4, milligramsPerKwh: 100_000 },
      { from: HOUR_MS / 2, milligramsPerKwh: 300_000 },
    ];
    const changing = { ...site, intensity: change };
    const pieces = steadyPieces([changing, compared]);
    expect(pieces).toEqual([
      { from: Number.MIN_SAFE_INTEGER, until: 0 },
      { from: 0, until: HOUR_MS / 4 },
      { from: HOUR_MS / 4, until: HOUR_MS / 2 },
      { from: HOUR_MS / 2, until: Number.MAX_SAFE_INTEGER },
    ]);
    const uses = pieces.map(({ from, until }) => {
      const ms = Math.max(0, Math.min(until, HOUR_MS) - Math.max(from, 0));
      return use({ from, milliCoreMs: 2_000n * BigInt(ms), site: changing });
    });
    expect(carbonOf(uses, compared).emitted).toBe((72n * GRAM) / 10n);
  });

  it('is nothing for nothing', () => expect(carbonOf([], compared)).toEqual(NO_CARBON));

  it('comes to the same however what was held is summed up, but for what rounds away, and all cores of a node have all of its idle draw', () => {
    const anHour = fc.integer({ min: 1, max: HOUR_MS });
    fc.assert(
      fc.property(anHour, anHour, fc.integer({ min: 1, max: 8 }), (a, b, cores) => {
        const held = (ms: number, milliCores = cores * 1_000) => use({ milliCoreMs: BigInt(ms) * BigInt(milliCores) });
        const whole = carbonOf([held(a + b)], compared);
        const parts = carbonOf([held(a), held(b)], compared);
        expect(whole.emitted - parts.emitted).toBeGreaterThanOrEqual(0n);
        expect(whole.emitted - parts.emitted).toBeLessThanOrEqual(2n);
        const shared = carbonOf(
          Array.from({ length: 8 }, () => held(a, 1_000)),
          compared,
        );
        expect(shared.itEnergy).toBe(BigInt(a) * 120_000n);
      }),
    );
  });
});
