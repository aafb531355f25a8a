import { describe, expect, it } from '@jest/globals';
import { DEFAULT_DATACENTER, DEFAULT_SITE, loadCarbonAssumptions } from './carbon-assumptions.js';

const load = (document: unknown) => loadCarbonAssumptions({ FORNAX_CARBON: JSON.stringify(document) });

describe('assumptions about carbon', () => {
  it('are those of the documentation without a word, and the same for here and for Europe', () => {
    const { sites, datacenters, idleMilliwattsPerCore, coreMilliwatts } = loadCarbonAssumptions({});
    expect([idleMilliwattsPerCore, coreMilliwatts]).toEqual([740, 2_760]);
    const { milliPue, intensity } = sites.get(DEFAULT_SITE) ?? {};
    expect(datacenters.get(DEFAULT_DATACENTER)).toMatchObject({ milliPue, intensity });
    expect(intensity?.map((entry) => entry.milligramsPerKwh)).toEqual([242_000, 213_000]);
  });

  it('keep what is left out, in the order of time', () => {
    const intensity = [
      { from: '2026-01-01T00:00:00Z', gramsPerKwh: 20.5 },
      { from: '2025-01-01T00:00:00Z', gramsPerKwh: 30 },
    ];
    const { sites, datacenters } = load({ sites: { lyon: { pue: 1.1, intensity, reusedPercent: 12.5 } } });
    expect([...sites.keys(), ...datacenters.keys()]).toEqual([DEFAULT_SITE, 'lyon', DEFAULT_DATACENTER]);
    expect(sites.get('lyon')).toMatchObject({ milliPue: 1_100, reusedBasisPoints: 1_250 });
    expect(sites.get('lyon')?.intensity.map((entry) => entry.milligramsPerKwh)).toEqual([30_000, 20_500]);
  });

  it.each([
    ['{', 'FORNAX_CARBON: is no JSON'],
    ['{"pue":1}', 'FORNAX_CARBON: the object: '],
    ['{"sites":{"x":{"pue":0.9}}}', 'FORNAX_CARBON: sites.x.pue: '],
    ['{"sites":{"x":{"intensity":[]}}}', 'FORNAX_CARBON: sites.x.intensity: '],
    ['{"datacenters":{"x":{}}}', 'FORNAX_CARBON: datacenters.x.name: '],
  ])('refuse %s and name the field', (FORNAX_CARBON, problem) => {
    expect(() => loadCarbonAssumptions({ FORNAX_CARBON })).toThrow(problem);
  });
});
