import { describe, expect, it } from '@jest/globals';
import { filterSchema } from './paging.js';
import { taskCreationSchema } from './task-creation.js';
import { parseWireDate, parseWireDuration, wireDate, wireDuration } from './time-on-the-wire.js';
import { wireReader } from './wire.js';

const read = wireReader(taskCreationSchema);
const valueOf = (body: unknown) => {
  const result = read(body);
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.value;
};
const errorsOf = (body: unknown) => {
  const result = read(body);
  return result.ok ? [] : Object.keys(result.errors);
};
const minimal = { name: 'a', profile: 'docker-batch', instanceCount: 1 };

describe('reading a task creation from the wire', () => {
  it('matches keys in any case at every level', () => {
    const value = valueOf({
      Name: 'a',
      PROFILE: 'docker-batch',
      InstanceCount: 2,
      Constants: [{ Key: 'DOCKER_CMD', Value: 'x' }],
    });
    expect(value).toMatchObject({
      name: 'a',
      profile: 'docker-batch',
      instanceCount: 2,
      constants: [{ key: 'DOCKER_CMD', value: 'x' }],
    });
  });

  it('keeps the case of label keys', () => {
    expect(valueOf({ ...minimal, Labels: { MyKey: 'v' } }).labels).toEqual({ MyKey: 'v' });
  });

  it('treats nulls, empty references and the zero Guid as absent, and ignores what it does not know', () => {
    const value = valueOf({
      ...minimal,
      poolUuid: '',
      jobUuid: '00000000-0000-0000-0000-000000000000',
      tags: null,
      Uuid: '00000000-0000-0000-0000-000000000000',
      CreationDate: '0001-01-01T00:00:00',
      State: null,
      Errors: [],
      whatever: { deep: 1 },
    });
    expect(value).toEqual(minimal);
  });

  it('gives hardware constraints their exact names and drops the fields of other kinds', () => {
    const value = valueOf({
      ...minimal,
      HardwareConstraints: [{ Discriminator: 'minimumcorehardwareconstraint', CoreCount: 4, CpuModel: null }],
    });
    expect(value.hardwareConstraints).toEqual([{ discriminator: 'MinimumCoreHardwareConstraint', coreCount: 4 }]);
  });

  it('reads enumerations by name in any case and by number', () => {
    const value = valueOf({
      ...minimal,
      schedulingType: 'OnDemand',
      forcedConstants: [{ constantName: 'A', access: 1 }],
    });
    expect(value).toMatchObject({ schedulingType: 'onDemand', forcedConstants: [{ access: 'readWrite' }] });
  });

  it.each([
    ['a missing name', { profile: 'docker-batch' }, 'name'],
    ['a name of 2048 characters', { ...minimal, name: 'a'.repeat(2_048) }, 'name'],
    ['a shortname that ends with a dash', { ...minimal, shortname: 'a-' }, 'shortname'],
    ['a field of ours that is not known', { ...minimal, fornax: { afterr: [] } }, 'fornax.afterr'],
    ['one of a dependency', { ...minimal, fornax: { AFTER: [{ Task: 'a', once: true }] } }, 'fornax.after[0].once'],
    ['a shortname like an id', { ...minimal, shortname: '0198A000-0000-7000-8000-00000000ffff' }, 'shortname'],
    ['a count that is no number', { ...minimal, instanceCount: '4 or 5' }, 'instanceCount'],
    ['a count with a fraction', { ...minimal, instanceCount: 1.5 }, 'instanceCount'],
    ['constants that are a map', { ...minimal, constants: { A: 'b' } }, 'constants'],
    ['a constant without value', { ...minimal, constants: [{ key: 'A' }] }, 'constants[0].value'],
    ['a constant whose value is a list', { ...minimal, constants: [{ key: 'A', value: [3] }] }, 'constants[0].value'],
    ['a number that is not exact', { ...minimal, constants: [{ key: 'A', value: 2 ** 53 }] }, 'constants[0].value'],
    ['a tag that is null', { ...minimal, tags: ['a', null] }, 'tags[1]'],
    ['a constant with a bad name', { ...minimal, constants: [{ key: 'A B', value: '' }] }, 'constants[0].key'],
    [
      'a constant given twice',
      {
        ...minimal,
        constants: [
          { key: 'A', value: '' },
          { key: 'A', value: '' },
        ],
      },
      'constants[1].key',
    ],
    [
      '151 constants',
      { ...minimal, constants: Array.from({ length: 151 }, (_, i) => ({ key: `A${i}`, value: '' })) },
      'constants',
    ],
    [
      'a value of 2049 characters',
      { ...minimal, constants: [{ key: 'A', value: 'x'.repeat(2_049) }] },
      'constants[0].value',
    ],
    ['ten tags', { ...minimal, tags: Array.from({ length: 10 }, (_, i) => `t${i}`) }, 'tags'],
    ['a null tag', { ...minimal, tags: [null] }, 'tags[0]'],
    ['an invalid pattern', { ...minimal, resultsWhitelist: '(' }, 'resultsWhitelist'],
    [
      'an unknown hardware constraint',
      { ...minimal, hardwareConstraints: [{ discriminator: 'Nope' }] },
      'hardwareConstraints[0].discriminator',
    ],
    [
      'a core constraint without a number',
      { ...minimal, hardwareConstraints: [{ discriminator: 'MinimumCoreHardwareConstraint' }] },
      'hardwareConstraints[0].coreCount',
    ],
    ['a NUL in a text', { ...minimal, name: 'a\0b' }, 'name'],
    ['half a surrogate pair', { ...minimal, labels: { a: '\ud800' } }, 'labels.a'],
    ['a body that is a text', 'hello', ''],
  ])('refuses %s and names the field', (_, body, field) => expect(errorsOf(body)).toContain(field));

  it('accepts a constant inside a pattern', () =>
    expect(errorsOf({ ...minimal, resultsWhitelist: '^${NAME}.*$' })).toEqual([]));

  it('makes text of numbers, booleans and null where users put text', () => {
    const body = {
      ...minimal,
      INSTANCECOUNT: '3',
      maxRetriesPerInstance: '2',
      constants: [
        { key: 'N', value: 26 },
        { key: 'X', Value: 0.5 },
        { key: 'YES', value: true },
        { key: 'NONE', value: null },
      ],
      forcedConstants: [{ constantName: 'F', forcedValue: 1 }],
      constraints: [{ key: 'c', value: false }],
      tags: [7, 'a'],
      labels: { One: 1, none: null },
    };
    expect(wireReader(taskCreationSchema)(body)).toMatchObject({
      ok: true,
      value: {
        instanceCount: 3,
        maxRetriesPerInstance: 2,
        constants: [
          { key: 'N', value: '26' },
          { key: 'X', value: '0.5' },
          { key: 'YES', value: 'true' },
          { key: 'NONE', value: '' },
        ],
        forcedConstants: [{ constantName: 'F', forcedValue: '1' }],
        constraints: [{ key: 'c', value: 'false' }],
        tags: ['7', 'a'],
        labels: { One: '1', none: '' },
      },
    });
  });

  it('answers a filter that nests without end instead of running out of stack', () => {
    let filter: unknown = { operator: 'Equal', field: 'Name', value: 'a' };
    for (let depth = 0; depth < 100_000; depth++) filter = { operator: 'And', filters: [filter] };
    expect(wireReader(filterSchema)(filter)).toMatchObject({ ok: false });
  });
});

describe('time on the wire', () => {
  it('writes dates that every client reads', () => {
    expect(wireDate(null)).toBe('0001-01-01T00:00:00Z');
    expect(wireDate(1_000)).toBe('1970-01-01T00:00:01Z');
    expect(wireDate(1_001)).toBe('1970-01-01T00:00:01.001Z');
  });
  it('reads a date without offset as UTC and keeps seven digits from hurting', () => {
    expect(parseWireDate('1970-01-01T00:00:01')).toBe(1_000);
    expect(parseWireDate('1970-01-01T00:00:01.5000000Z')).toBe(1_500);
    expect(parseWireDate('1970-01-01T01:00:00+01:00')).toBe(0);
    expect(parseWireDate('yesterday')).toBeUndefined();
  });
  it.each([
    '0000-01-01',
    '2026-02-30',
    '2025-02-29',
    '1900-02-29',
    '2026-04-31T10:00:00Z',
    '2026-13-01',
    '2026-00-01',
    '2026-01-00',
  ])('takes %s for no date, since there is no such day', (text) => expect(parseWireDate(text)).toBeUndefined());
  it.each(['2024-02-29', '2000-02-29', '2026-12-31'])('takes %s for a date', (text) =>
    expect(parseWireDate(text)).toBe(Date.parse(text)),
  );
  it('writes durations without fraction and reads all of .NET', () => {
    expect(wireDuration(98_765_900)).toBe('1.03:26:05');
    expect(wireDuration(28 * 60_000 + 4_000)).toBe('00:28:04');
    expect(parseWireDuration('1.03:16:50.5000000')).toBe(98_210_500);
    expect(parseWireDuration(90)).toBe(90_000);
    expect(parseWireDuration('25:00:00')).toBeUndefined();
  });
});
