import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { aTaskSpec } from '../specs/facts.fixture.js';
import { hasReference, valueProblem } from './constant-value.js';
import { constantProblem, effectiveConstants } from './effective-constants.js';
import { latestProfile, latestProfiles, profileAt } from './profiles.js';
import type { Profile } from './profile.js';

const profile = (name: string): Profile => {
  const found = latestProfile(name);
  if (!found) throw new Error(name);
  return found;
};
const shell = profile('shell');
const given = (key: string, value: string) => ({ key, value });

describe('the profiles', () => {
  it('have defaults that fit their own types, names that are said once, and run a constant that they have', () => {
    for (const { constants, run } of latestProfiles()) {
      for (const constant of constants)
        if (constant.value !== undefined && !hasReference(constant.value))
          expect(valueProblem(constant, constant.value)).toBeUndefined();
      const names = constants.map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(names).toEqual(expect.arrayContaining([run.constant, run.wallLimit, ...run.progress]));
    }
  });

  it('are found by name and version; tasks of old have the first', () => {
    expect(profileAt('docker-batch', 1)).toMatchObject({ name: 'docker-batch', version: 1 });
    expect(profileAt('docker-batch', 99)).toBeUndefined();
    expect(profileAt('nobody', 1)).toBeUndefined();
  });
});

describe('ports of a cluster', () => {
  const ports = profile('docker-cluster').constants.find(({ name }) => name === 'CLUSTER_PORTS');
  if (!ports) throw new Error('no ports');

  it.each(['7000', '1,65535', '7000,7001,7002,7003', '19999,20512', ''])('may be %p', (value) =>
    expect(valueProblem(ports, value)).toBeUndefined(),
  );

  it.each(['0', '65536', '70000', '7000,7000', '7000,07000', '20000', '7000,20511', '1,2,3,4,5', '7000-7003'])(
    'are not %p',
    (value) =>
      expect(valueProblem(ports, value)).toBe(
        'The constant CLUSTER_PORTS must be one to four ports, as in 7000,7001: each once, from 1 to 65535, and none from 20000 to 20511, at which instances find each other.',
      ),
  );
});

describe('a typed constant', () => {
  const limit = shell.constants.find(({ name }) => name === 'MAX_EXECUTION_SECONDS');
  if (!limit) throw new Error('no limit');

  it('takes every whole number within its bounds and nothing else', () =>
    fc.assert(
      fc.property(fc.oneof(fc.integer().map(String), fc.string(), fc.double().map(String)), (value) => {
        const isFit = /^-?\d+$/.test(value) && Number(value) >= 0 && Number(value) <= 31_536_000;
        expect(valueProblem(limit, value) === undefined).toBe(isFit);
      }),
    ));

  it('never throws, whatever is given', () =>
    fc.assert(
      fc.property(
        fc.constantFrom(...latestProfiles().flatMap(({ constants }) => constants)),
        fc.string(),
        (constant, value) => {
          const problem = valueProblem(constant, value);
          if (problem !== undefined) expect(problem).toContain(constant.name);
        },
      ),
    ));

  it.each([
    ['MAX_EXECUTION_SECONDS', 'soon', 'constants[0].value'],
    ['SHELL_STOP_ON_ERROR', '1', 'constants[0].value'],
    ['SHELL_PROGRESS', '(', 'constants[0].value'],
    ['SHELL', '/bin/bash', 'constants[0].key'],
  ])('%s=%s is refused with its field', (key, value, field) =>
    expect(constantProblem(shell, [given(key, value)])).toMatchObject({ field, text: expect.stringContaining(key) }),
  );

  it('may hold a reference, or be read-only and come back as it is', () =>
    expect(
      constantProblem(shell, [
        given('MAX_EXECUTION_SECONDS', '${LIMIT}'),
        given('SHELL', '/bin/sh'),
        given('OWN', '('),
      ]),
    ).toBeUndefined());
});

describe('a forced constant', () => {
  it('opens and closes a constant to the task, and has the type of the profile itself', () => {
    const bash = [given('SHELL', '/bin/bash')];
    expect(constantProblem(shell, bash, [{ constantName: 'SHELL', access: 'readWrite' }])).toBeUndefined();
    expect(
      constantProblem(shell, [given('SHELL_SCRIPT', 'x')], [{ constantName: 'SHELL_SCRIPT', access: 'readOnly' }]),
    ).toMatchObject({ field: 'constants[0].key' });
    expect(constantProblem(shell, [], [{ constantName: 'MAX_EXECUTION_SECONDS', forcedValue: 'x' }])).toMatchObject({
      field: 'forcedConstants[0].forcedValue',
    });
  });

  it('cannot be a secret, which would stand in the log', () =>
    expect(constantProblem(shell, [], [{ constantName: 'QARNOT_SECRET_A', forcedValue: 'x' }])).toBeDefined());
});

describe('the constants of an instance', () => {
  const of = (overrides: Parameters<typeof aTaskSpec>[0]) =>
    new Map(
      effectiveConstants(aTaskSpec({ profile: 'shell', ...overrides })).map((constant) => [constant.key, constant]),
    );

  it('are the defaults, over them the own ones, over them the forced ones', () => {
    const found = of({
      constants: [given('SHELL_SCRIPT', 'mine'), given('OWN', 'x'), { key: 'QARNOT_SECRET_S', sealed: 'abc' }],
      echo: {
        forcedConstants: [
          { constantName: 'OWN', forcedValue: 'forced', forceExportInEnvironment: false },
          { constantName: 'SHELL', forceExportInEnvironment: false },
          { constantName: 'NEW', forcedValue: 'new' },
          { constantName: 'NOBODY', forceExportInEnvironment: true },
        ],
      },
    });
    expect(found.get('RESOURCES_PATH')).toEqual({ key: 'RESOURCES_PATH', value: '/job', isExported: true });
    expect(found.get('SHELL_SCRIPT')).toMatchObject({ value: 'mine', isExported: true });
    expect(found.get('OWN')).toEqual({ key: 'OWN', value: 'forced', isExported: false });
    expect(found.get('SHELL')).toMatchObject({ value: '/bin/sh', isExported: false });
    expect(found.get('NEW')).toMatchObject({ value: 'new', isExported: true });
    expect(found.get('QARNOT_SECRET_S')).toEqual({ key: 'QARNOT_SECRET_S', sealed: 'abc', isExported: true });
    expect(found.has('NOBODY')).toBe(false);
    expect(found.has('SHELL_PROGRESS')).toBe(false);
  });

  it('have no defaults of a version that nobody knows', () => expect(of({ profileVersion: 99 }).size).toBe(0));

  it('are each named once', () =>
    fc.assert(
      fc.property(
        fc.array(fc.record({ key: fc.constantFrom('A', 'SHELL', 'SHELL_SCRIPT'), value: fc.string() })),
        (constants) => {
          const keys = effectiveConstants(aTaskSpec({ profile: 'shell', constants })).map(({ key }) => key);
          expect(new Set(keys).size).toBe(keys.length);
        },
      ),
    ));
});
