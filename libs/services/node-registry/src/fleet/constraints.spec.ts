import { describe, expect, it } from '@jest/globals';
import { satisfies } from '@fornax/domain';
import { aHardware } from '@fornax/testing';
import { constraintsOf, searchCpuModels } from './constraints.js';

const small = aHardware({
  specificationKey: '2c-3g-amd',
  cpuModel: 'AMD EPYC 7543',
  cores: 2,
  memoryMB: 3_000,
  ssd: false,
});
const large = aHardware({
  specificationKey: '96c-512g-intel-gpu',
  cpuModel: 'Intel Xeon Platinum 8480',
  cores: 96,
  memoryMB: 524_288,
  gpus: 4,
});

describe('the constraints of a fleet', () => {
  it('are each met by some node', () => {
    const fleet = [small, large];
    for (const constraint of constraintsOf(fleet))
      expect(fleet.some((hardware) => satisfies(hardware, [constraint]))).toBe(true);
  });

  it('name each value once and only what the fleet has', () => {
    const found = constraintsOf([small, small]);
    expect(found.filter(({ discriminator }) => discriminator === 'MinimumCoreHardwareConstraint')).toEqual([
      { discriminator: 'MinimumCoreHardwareConstraint', coreCount: 2 },
    ]);
    const kinds = found.map(({ discriminator }) => discriminator);
    expect(kinds).toContain('NoSSDHardwareConstraint');
    expect(kinds).not.toContain('SSDHardwareConstraint');
    expect(kinds).not.toContain('GpuHardwareConstraint');
  });

  it('are none without nodes', () => {
    expect(constraintsOf([])).toEqual([]);
  });
});

describe('a search for CPU models', () => {
  const models = (text: string): readonly string[] =>
    searchCpuModels([small, large, aHardware({ cpuModel: 'Xeon' })], text).map(({ cpuModel }) => cpuModel);

  it('puts the best match first, whatever the case', () => {
    expect(models('xeon')).toEqual(['Xeon', 'Intel Xeon Platinum 8480']);
  });

  it('finds models that contain all words', () => {
    expect(models('8480 intel')).toEqual(['Intel Xeon Platinum 8480']);
    expect(models('epyc 9999')).toEqual([]);
  });
});
