import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { constantProblem } from './effective-constants.js';
import { latestProfile } from './profiles.js';
import { consistencyConstants, consistencyOf, consistencyProblem } from './consistency.js';

const values = (constants: Readonly<Record<string, string>>) => new Map(Object.entries(constants));

describe('the moment of snapshots', () => {
  it('is any, unless the task says something', () => {
    expect(consistencyOf(values({}))).toEqual({ readyMs: 10_000, failsUnready: false });
    expect(consistencyOf(values({ SNAPSHOT_SIGNAL: '', SNAPSHOT_FREEZE_SECONDS: '0' }))).toEqual(
      consistencyOf(values({})),
    );
  });

  it('is what its constants say', () =>
    expect(
      consistencyOf(
        values({
          SNAPSHOT_SIGNAL: 'USR1',
          SNAPSHOT_SIGNAL_AFTER: 'USR2',
          SNAPSHOT_READY_FILE: 'ready',
          SNAPSHOT_READY_SECONDS: '30',
          SNAPSHOT_IF_NOT_READY: 'fail',
          SNAPSHOT_FREEZE_SECONDS: '60',
          SNAPSHOT_EXIT_CODE: '85',
        }),
      ),
    ).toEqual({
      signal: 'USR1',
      signalAfter: 'USR2',
      readyFile: 'ready',
      readyMs: 30_000,
      failsUnready: true,
      freezeMs: 60_000,
      exitCode: 85,
    }));

  it.each([
    ['SNAPSHOT_SIGNAL', 'KILL'],
    ['SNAPSHOT_SIGNAL', 'usr1'],
    ['SNAPSHOT_SIGNAL_AFTER', 'USR1\nKILL'],
    ['SNAPSHOT_READY_FILE', '../ready'],
    ['SNAPSHOT_READY_FILE', '/job/ready'],
    ['SNAPSHOT_READY_FILE', '.'],
    ['SNAPSHOT_READY_FILE', 'ready\n'],
    ['SNAPSHOT_READY_SECONDS', '0'],
    ['SNAPSHOT_READY_SECONDS', '601'],
    ['SNAPSHOT_IF_NOT_READY', 'wait'],
    ['SNAPSHOT_FREEZE_SECONDS', '3601'],
    ['SNAPSHOT_FREEZE_SECONDS', '1.5'],
    ['SNAPSHOT_EXIT_CODE', '0'],
    ['SNAPSHOT_EXIT_CODE', '125'],
  ])('is not said by %s=%j, which is refused with its field, by every profile', (key, value) => {
    expect(consistencyProblem(values({ [key]: value }))).toContain(key);
    for (const name of ['shell', 'docker-batch', 'docker-network']) {
      const profile = latestProfile(name);
      if (!profile) throw new Error(name);
      expect(
        constantProblem(profile, [
          { key: 'A', value: '' },
          { key, value },
        ]),
      ).toMatchObject({
        field: 'constants[1].value',
        text: expect.stringContaining(key),
      });
    }
  });

  it('names a file that is one, and lies in the folder itself, whatever is asked for', () =>
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.constantFrom('..', 'a/b', '\0', '-x', '.hidden', 'a'.repeat(101))),
        (name) => {
          const isTaken = name !== '' && consistencyProblem(values({ SNAPSHOT_READY_FILE: name })) === undefined;
          if (isTaken) expect(name).toMatch(/^\w[\w.-]*$/);
        },
      ),
    ));

  it('is said by names that nobody else uses', () =>
    expect(consistencyConstants.every(({ name }) => name.startsWith('SNAPSHOT_'))).toBe(true));
});
