import { describe, expect, it } from '@jest/globals';
import { constraintsOf, coresOf } from './constraints.ts';
import { secondsOf } from './wire-duration.ts';

describe('constraints that are typed', () => {
  it('are those that say what they have to', () =>
    expect(
      constraintsOf([
        { id: 1, kind: 'MinimumCoreHardwareConstraint', value: '4' },
        { id: 2, kind: 'MinimumRamHardwareConstraint', value: '' },
        { id: 3, kind: 'CpuModelHardwareConstraint', value: ' Xeon ' },
        { id: 4, kind: 'SSDHardwareConstraint', value: 'whatever' },
        { id: 5, kind: 'MaximumCoreHardwareConstraint', value: '-2' },
      ]),
    ).toEqual([
      { discriminator: 'MinimumCoreHardwareConstraint', coreCount: 4 },
      { discriminator: 'CpuModelHardwareConstraint', cpuModel: 'Xeon' },
      { discriminator: 'SSDHardwareConstraint' },
    ]));

  it('say how many cores an instance has', () => {
    expect(coresOf([])).toBe(1);
    expect(coresOf([{ discriminator: 'MinimumCoreHardwareConstraint', coreCount: 4 }])).toBe(4);
  });
});

describe('durations of the API', () => {
  it.each([
    ['00:00:02.5000000', 2.5],
    ['1.02:03:04', 93_784],
    ['', 0],
  ])('%s are %d seconds', (text, seconds) => expect(secondsOf(text)).toBe(seconds));
});
