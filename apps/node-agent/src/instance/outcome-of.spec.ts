import { describe, expect, it } from '@jest/globals';

import { ghzOf, specificationKeyOf } from '../hardware/hardware.js';
import { NoRoom } from '../images/image-room.js';
import { RegistryAway } from '../images/registry-away.js';
import { failureOf, noteOfKills, outcomeOf } from './outcome-of.js';

describe('what an exit means', () => {
  const exit = (facts: object): Parameters<typeof outcomeOf>[0] => ({ kind: 'exited', endedAt: 0, ...facts });
  it.each([
    [exit({ exitCode: 0 }), { outcome: 'success' }],
    [
      exit({ exitCode: 3 }),
      {
        outcome: 'failure',
        cause: 'user',
        error: { code: 'FX-EXIT', message: 'The command exited with code 3', debug: '' },
      },
    ],
    [
      exit({ exitCode: 139, signal: 'SIGSEGV' }),
      { cause: 'user', error: { code: 'FX-SIGNAL', message: 'The command exited with code 139 (SIGSEGV)' } },
    ],
    [exit({ exitCode: 127 }), { error: { message: 'The command exited with code 127: it was not found' } }],
    [exit({ kind: 'out-of-memory', exitCode: 137 }), { cause: 'user', error: { code: 'FX-OOM' } }],
    [exit({ kind: 'killed' }), { outcome: 'failure', cause: 'platform', error: { code: 'FX-KILLED' } }],
  ])('%j', (facts, meaning) =>
    expect(outcomeOf(facts, { wasCancelled: false, memoryMB: 64, stderrTail: 'oops' })).toMatchObject(meaning),
  );

  it.each([
    ['tar: write error: No space left on device', true, 'FX-DISK-FULL', 'platform'],
    ['tar: write error: No space left on device', false, 'FX-EXIT', 'user'],
    ['oops', true, 'FX-EXIT', 'user'],
  ])('tells a full disk of the node from a failure of the command: %s, %s', (stderrTail, isDiskFull, code, cause) =>
    expect(
      outcomeOf(exit({ exitCode: 2 }), { wasCancelled: false, memoryMB: 64, stderrTail, isDiskFull }),
    ).toMatchObject({
      cause,
      error: { code },
    }),
  );

  it('is a full disk when the instance was ended because it filled it, however it ended', () =>
    expect(
      outcomeOf(exit({ kind: 'killed' }), {
        wasCancelled: false,
        overfill: 'its files took 900 MB',
        memoryMB: 64,
        stderrTail: '',
      }),
    ).toMatchObject({
      outcome: 'failure',
      cause: 'platform',
      error: { code: 'FX-DISK-FULL', message: 'its files took 900 MB' },
    }));

  it('is the limit, when the command was stopped because of it', () =>
    expect(
      outcomeOf(exit({ exitCode: 143 }), { wasCancelled: false, wallLimitMs: 5_000, memoryMB: 64, stderrTail: '' }),
    ).toMatchObject({ outcome: 'failure', cause: 'limit', error: { code: 'FX-WALL-LIMIT' } }));

  it.each([{ exitCode: 141, signal: 'SIGPIPE' }, { exitCode: 1 }, { exitCode: 0 }, { kind: 'killed' }])(
    'is the platform’s failure when the node lost the output: %j',
    (facts) =>
      expect(
        outcomeOf(exit(facts), { wasCancelled: false, lostOutput: true, memoryMB: 64, stderrTail: '' }),
      ).toMatchObject({
        outcome: 'failure',
        cause: 'platform',
        error: { code: 'FX-OUTPUT' },
      }),
  );

  it('holds nothing of what the command printed', () => {
    const outcome = outcomeOf(exit({ exitCode: 1 }), { wasCancelled: false, memoryMB: 64, stderrTail: 'a secret' });
    expect(JSON.stringify(outcome)).not.toContain('secret');
  });

  it('notes processes that were killed for memory where the end does not say so', () => {
    const oom = { outcome: 'failure', error: { code: 'FX-OOM', message: '', debug: '' } } as const;
    expect(noteOfKills({ memoryKills: 2 }, { outcome: 'success' }, 64)).toEqual([
      '2 of its processes were killed because the instance needed more than its 64 MB of memory',
    ]);
    expect(noteOfKills({ memoryKills: 2 }, oom, 64)).toEqual([]);
    expect(noteOfKills({}, { outcome: 'success' }, 64)).toEqual([]);
  });

  it('is cancelled, however it ended, once that was asked for', () =>
    expect(outcomeOf(exit({ exitCode: 0 }), { wasCancelled: true, memoryMB: 64, stderrTail: '' })).toEqual({
      outcome: 'cancelled',
    }));
});

describe('what an error on the way means', () => {
  it.each([
    [new RegistryAway('the registry said nothing'), 'FX-REGISTRY'],
    [new NoRoom('others have it'), 'FX-IMAGE-ROOM'],
    [new Error('a disk is broken'), 'FX-NODE'],
  ])('%s is the platform’s: %s', (error, code) =>
    expect(failureOf(error, 'FX-NODE')).toMatchObject({ outcome: 'failure', cause: 'platform', error: { code } }),
  );
});

describe('hardware facts', () => {
  it('make a key that alike nodes share', () => {
    expect(
      specificationKeyOf({ cores: 2, memoryMB: 24_100, cpuModel: 'Intel(R) Xeon(R) Processor @ 2.60GHz', ssd: true }),
    ).toBe('2c-24g-intel-xeon-ssd');
    expect(specificationKeyOf({ cores: 96, memoryMB: 515_000, cpuModel: 'AMD EPYC 9654', ssd: false })).toBe(
      '96c-503g-amd-epyc',
    );
    expect(specificationKeyOf({ cores: 1, memoryMB: 300, cpuModel: '', ssd: false })).toBe('1c-1g-cpu');
  });
  it('know the nominal frequency, or the highest seen', () => {
    expect(ghzOf('model name : Xeon @ 2.60GHz\ncpu MHz : 3100.0\n', 0)).toBe(2.6);
    expect(ghzOf('cpu MHz\t: 1200.1\ncpu MHz\t: 3393.6\n', 0)).toBe(3.4);
    expect(ghzOf('', 0)).toBe(2.5);
  });
});
