import { describe, expect, it } from '@jest/globals';
import { readScaling } from './pool-creation.js';
import { scalingSimulationSchema } from './scaling.js';
import { wireReader } from './wire.js';

const errorsOf = (...policies: readonly unknown[]): unknown => {
  const result = readScaling({ policies });
  return result.ok ? undefined : result.errors;
};
const managed = { type: 'ManagedTasksQueue', name: 'queue', maxTotalSlots: 4 };

describe('a scaling', () => {
  it.each([
    [{ type: 'Managed' }, 'type'],
    [{}, 'type'],
    [{ type: 'Fixed' }, 'slotsCount'],
    [{ type: 'Fixed', slotsCount: 1.5 }, 'slotsCount'],
    [{ type: 'Fixed', slotsCount: -1 }, 'slotsCount'],
    [{ type: 'Fixed', slotsCount: 100_001 }, 'slotsCount'],
    [{ type: 'ManagedTasksQueue' }, 'maxTotalSlots'],
    [{ ...managed, maxTotalSlots: '4' }, 'maxTotalSlots'],
    [{ ...managed, minTotalSlots: 5 }, 'minTotalSlots'],
    [{ ...managed, minIdleSlots: 5 }, 'minIdleSlots'],
    [{ ...managed, minIdleTimeSeconds: -1 }, 'minIdleTimeSeconds'],
    [{ ...managed, scalingFactor: 1.1 }, 'scalingFactor'],
    [{ ...managed, name: 7 }, 'name'],
    [{ ...managed, enabledPeriods: 'always' }, 'enabledPeriods'],
    [{ ...managed, enabledPeriods: [{ type: 'Daily' }] }, 'enabledPeriods[0].type'],
    [{ ...managed, enabledPeriods: [7] }, 'enabledPeriods[0]'],
    [weekly({ days: ['someday'] }), 'enabledPeriods[0].days[0]'],
    [weekly({ days: [7] }), 'enabledPeriods[0].days[0]'],
    [weekly({ startTimeUtc: '24:00' }), 'enabledPeriods[0].startTimeUtc'],
    [weekly({ endTimeUtc: 'noon' }), 'enabledPeriods[0].endTimeUtc'],
  ])('is refused with the place of what is wrong (%#)', (policy, place) => {
    expect(Object.keys(errorsOf(policy) as object)).toEqual([`policies[0].${place}`]);
  });

  it('is refused with all that is wrong, in all of its policies', () => {
    expect(
      errorsOf(
        { ...managed, maxTotalSlots: 1, minTotalSlots: 2, minIdleSlots: 3, scalingFactor: 9 },
        { type: 'Fixed', name: 1, enabledPeriods: [{ type: 'Weekly', endTimeUtc: '25:00' }, { type: 'Daily' }] },
        'no policy',
      ),
    ).toEqual({
      'policies[0].scalingFactor': ['The value must be at most 1.'],
      'policies[0].minTotalSlots': ['minTotalSlots is more than maxTotalSlots.'],
      'policies[0].minIdleSlots': ['minIdleSlots is more than maxTotalSlots.'],
      'policies[1].name': ['The value must be a text.'],
      'policies[1].slotsCount': ['A fixed policy needs slotsCount.'],
      'policies[1].enabledPeriods[0].days': ['A weekly period needs days.'],
      'policies[1].enabledPeriods[0].startTimeUtc': ['A weekly period needs startTimeUtc.'],
      'policies[1].enabledPeriods[0].endTimeUtc': ['The value is not a time of day in UTC (hh:mm[:ss]).'],
      'policies[1].enabledPeriods[1].type': ['The type is unknown. The types are Always and Weekly.'],
      'policies[2]': ['The value must be an object.'],
    });
  });

  it('takes what the contract shows', () => {
    expect(errorsOf(managed, weekly({}), { type: 'Fixed', name: 'rest', slotsCount: 0 })).toBeUndefined();
  });

  it('that is tried is refused with all that is wrong as well', () => {
    const read = wireReader(scalingSimulationSchema);
    const elasticProperty = { minTotalSlots: 3, minIdleSlots: 3, maxTotalSlots: 2, rampResizeFactor: 2 };
    const tried = read({ elasticProperty, from: 'yesterday', durationSeconds: 0, demand: [{ atSeconds: -1 }] });
    expect(tried.ok ? [] : Object.keys(tried.errors).toSorted()).toEqual([
      'demand[0].atSeconds',
      'demand[0].instances',
      'durationSeconds',
      'elasticProperty.minIdleSlots',
      'elasticProperty.minTotalSlots',
      'elasticProperty.rampResizeFactor',
      'from',
    ]);
  });
});

function weekly(period: object): object {
  const always = { type: 'Weekly', days: ['Monday', 2], startTimeUtc: '08:00', endTimeUtc: '17:30:00' };
  return { ...managed, enabledPeriods: [{ ...always, ...period }] };
}
