import { describe, expect, it } from '@jest/globals';
import { aTaskSpec } from '../specs/facts.fixture.js';
import type { HardwareConstraint, TaskSpec } from '../task/task.events.js';
import { askedDiskMB, askedDiskProblem } from './asked-disk.js';
import { latestProfiles } from './profiles.js';

const constant = (value: string) => ({ key: 'INSTANCE_DISK_MB', value });
const constraint = (minimumDiskMB: number): HardwareConstraint => ({
  discriminator: 'MinimumDiskHardwareConstraint',
  minimumDiskMB,
});
const forced = (forcedValue: string) => ({ forcedConstants: [{ constantName: 'INSTANCE_DISK_MB', forcedValue }] });

describe('the room for files that a task asks for', () => {
  it.each<[number, Partial<TaskSpec>]>([
    [0, {}],
    [70, { constants: [constant('70')] }],
    [51, { hardwareConstraints: [constraint(50.2)] }],
    [70, { constants: [constant('70')], hardwareConstraints: [constraint(50), constraint(60)] }],
    [80, { constants: [constant('70')], hardwareConstraints: [constraint(80)] }],
    [5, { constants: [constant('70')], echo: forced('5') }],
    [0, { constants: [{ key: 'INSTANCE_DISK_MB', sealed: 'x' }] }],
  ])('is %d MB of %j', (expected, spec) => expect(askedDiskMB(aTaskSpec(spec))).toBe(expected));

  it.each<[string | undefined, string | undefined, Parameters<typeof askedDiskProblem>[0]]>([
    [undefined, undefined, { constants: [constant('100')], echo: {}, hardwareConstraints: [constraint(100)] }],
    [
      'constants[1].value',
      'The constant INSTANCE_DISK_MB asks for 101 MB of disk, and an instance may have at most 100 MB here.',
      { constants: [{ key: 'OWN', value: '101' }, constant('101')], echo: {}, hardwareConstraints: [] },
    ],
    [
      'constants[0].value',
      'The constant INSTANCE_DISK_MB must be a whole number: it decides where an instance runs, before any reference is filled in.',
      { constants: [constant('${SIZE}')], echo: {}, hardwareConstraints: [] },
    ],
    [
      'forcedConstants[0].forcedValue',
      'The constant INSTANCE_DISK_MB asks for 300 MB of disk, and an instance may have at most 100 MB here.',
      { constants: [], echo: forced('300'), hardwareConstraints: [] },
    ],
    [
      'hardwareConstraints[1].minimumDiskMB',
      'The constraint asks for 100.5 MB of disk, and an instance may have at most 100 MB here.',
      { constants: [], echo: {}, hardwareConstraints: [constraint(1), constraint(100.5)] },
    ],
  ])('is refused by field: %s', (field, text, asking) => {
    expect(askedDiskProblem(asking, 100)).toEqual(field === undefined ? undefined : { field, text });
  });

  it('may be as much as some node has where an operator sets no limit', () =>
    expect(
      askedDiskProblem({ constants: [constant('999999999')], echo: {}, hardwareConstraints: [constraint(1e9)] }, 0),
    ).toBeUndefined());

  it('can be said in every profile', () => {
    for (const { constants } of latestProfiles())
      expect(constants.filter(({ name }) => name === 'INSTANCE_DISK_MB')).toMatchObject([{ type: 'integer', min: 0 }]);
  });
});
