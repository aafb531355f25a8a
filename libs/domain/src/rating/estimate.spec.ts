import { describe, expect, it } from '@jest/globals';
import { defaultPriceList } from '../pricing/default-price-list.js';
import { PARTS_PER_MICRO } from './exact-amount.js';
import { priceRange } from './estimate.js';

const prices = { flex: 1_000_000, onDemand: 2_000_000, reserved: 500_000 };
const list = {
  ...defaultPriceList,
  workMicrosPerGhzCoreHour: prices,
  hardware: [
    { match: 'fast', microsPerCoreHour: { ...prices, flex: 9_000_000 } },
    { match: 'slow', microsPerCoreHour: { ...prices, flex: 4_000_000 } },
  ],
  projectDiscounts: [{ projectUuid: 'p', basisPoints: 10_000 }],
};
const hour = { plan: 'flex', constrained: false, milliCores: 2_000, ms: 3_600_000 } as const;
const of = (specificationKey: string, milliGhz = 3_000) => ({ specificationKey, milliGhz });
const micros = (amount: bigint | undefined): number => Number((amount ?? -1n) / PARTS_PER_MICRO);

describe('what an instance is thought to cost', () => {
  it('is what its work costs where any hardware will do', () => {
    const found = priceRange(list, hour, [of('slow', 2_000), of('fast', 3_000)]);
    expect([micros(found?.low), micros(found?.high), found?.rules]).toEqual([4_000_000, 6_000_000, ['work/flex']]);
  });

  it('is from the cheapest to the dearest hardware that it asks for', () => {
    const found = priceRange(list, { ...hour, constrained: true }, [of('2c-fast'), of('2c-slow')]);
    expect([micros(found?.low), micros(found?.high)]).toEqual([8_000_000, 18_000_000]);
    expect(found?.rules).toEqual(['hardware/flex/fast', 'hardware/flex/slow']);
  });

  it('is at least the minimum of the list', () => {
    const found = priceRange({ ...list, minimumMicros: 50 }, { ...hour, ms: 1 }, [of('slow')]);
    expect([micros(found?.low), found?.rules]).toEqual([50, ['work/flex+minimum']]);
  });

  it('is not known where some of the hardware has no price, or there is none', () => {
    const { assumedMilliGhz: _none, ...bare } = list;
    expect(priceRange(bare, hour, [of('slow'), of('odd', 0)])).toBeUndefined();
    expect(priceRange(list, hour, [])).toBeUndefined();
  });
});
