import { describe, expect, it } from '@jest/globals';
import { conditionsIn, filterValue } from './conditions.ts';

describe('conditions in an address', () => {
  it('are those that the builder could have made; anything else breaks no page', () => {
    const good = { field: 'Profile', is: 'Equal', value: 'docker-batch' };
    expect(
      conditionsIn([
        good,
        { field: 'Nobody', is: 'Equal', value: 'x' },
        { field: 'Profile', is: 'GreaterThan', value: 'x' },
        { field: 'Profile', is: 'constructor', value: 'x' },
        { field: 'Profile', is: 'Equal', value: {} },
        null,
        'text',
      ]),
    ).toEqual([good]);
    expect(conditionsIn('[]')).toBeUndefined();
    expect(conditionsIn([])).toBeUndefined();
  });

  it('have values as the language of filters writes them', () => {
    expect(filterValue({ field: 'ExecutionTime', is: 'GreaterThanOrEqual', value: '1500.5' })).toBe('1.01:00:30');
    expect(filterValue({ field: 'InstanceCount', is: 'Equal', value: '4' })).toBe(4);
    expect(filterValue({ field: 'InstanceCount', is: 'Equal', value: 'four' })).toBeUndefined();
    expect(filterValue({ field: 'CreationDate', is: 'LessThan', value: 'soon' })).toBeUndefined();
    expect(filterValue({ field: 'Tags', is: 'Equal', value: ' ' })).toBeUndefined();
  });
});
