import { describe, expect, it } from '@jest/globals';
import { InvalidArgumentError } from 'commander';
import { instantOf, stateOf, taskFilter } from './task-filter.js';

describe('what a list of tasks is narrowed to', () => {
  it('is nothing where nothing is asked', () => expect(taskFilter({}, undefined)).toBeUndefined());

  it('is all that is asked at once, a name letter by letter', () =>
    expect(
      taskFilter(
        { state: ['failure', 'cancelled'], tag: ['a', 'b'], name: 'x.y(', since: '2027-01-31T00:00:00.000Z' },
        'p',
      ),
    ).toEqual({
      operator: 'And',
      filters: [
        { operator: 'In', field: 'State', values: ['Failure', 'Cancelled', 'PendingCancel'] },
        { operator: 'Equal', field: 'Tags', value: 'a' },
        { operator: 'Equal', field: 'Tags', value: 'b' },
        { operator: 'Like', field: 'Name', value: '/^x\\.y\\(/' },
        { operator: 'GreaterThanOrEqual', field: 'CreationDate', value: '2027-01-31T00:00:00.000Z' },
        { operator: 'Equal', field: 'ProjectUuid', value: 'p' },
      ],
    }));

  it('knows every state but that of a task that is being deleted, once', () => {
    const named = ['waiting', 'running', 'success', 'failure', 'cancelled'].flatMap((name) => stateOf(name));
    const values = [
      ...['Submitted', 'PartiallyDispatched', 'FullyDispatched', 'PartiallyExecuting', 'FullyExecuting'],
      ...['UploadingResults', 'Success', 'Failure', 'Cancelled', 'PendingCancel'],
    ];
    expect(taskFilter({ state: named }, undefined)).toEqual({
      operator: 'And',
      filters: [{ operator: 'In', field: 'State', values }],
    });
  });

  it.each(['done', '', 'Submitted'])('refuses the state %j', (text) =>
    expect(() => stateOf(text)).toThrow(InvalidArgumentError),
  );
});

describe('an instant', () => {
  const now = Date.UTC(2027, 0, 31, 12);

  it.each([
    ['2027-01-31', '2027-01-31T00:00:00.000Z'],
    ['2027-01-31T10:00:00+02:00', '2027-01-31T08:00:00.000Z'],
    ['90m', '2027-01-31T10:30:00.000Z'],
    ['2h', '2027-01-31T10:00:00.000Z'],
    ['31d', '2026-12-31T12:00:00.000Z'],
  ])('is %s', (text, iso) => expect(instantOf(text, now)).toBe(iso));

  it.each(['', 'yesterday', '2h ago', '2027-13-01', '-3d', '1'])('is not %j', (text) =>
    expect(() => instantOf(text, now)).toThrow(InvalidArgumentError),
  );
});
