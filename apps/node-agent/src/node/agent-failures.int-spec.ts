import { eventually } from '@fornax/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { AgentRig, levelsHere } from './agent-rig.fixture.js';
import { aLeaseOrder } from './agent.fixture.js';

const SLOW_MS = 60_000;
const results = { bucket: 'results', prefix: 'r/', whitelist: null, blacklist: null };

describe.each(await levelsHere())('failures at level %s', (level) => {
  let rig: AgentRig;
  beforeAll(async () => {
    rig = await AgentRig.open(level);
  }, 120_000);
  afterAll(() => rig.close());
  beforeEach(() => rig.startAgent(), 30_000);
  afterEach(async () => {
    rig.objects.refuses = undefined;
    await rig.closeAgent();
  });

  const endOf = async (command: string, more: Parameters<typeof aLeaseOrder>[2] = {}) => {
    await rig.platform.order(aLeaseOrder('bad', command, more));
    const end = await rig.ended('bad', SLOW_MS);
    // Whatever happened, what is told of it names no place of this machine.
    expect(JSON.stringify(end)).not.toContain(rig.folder);
    expect(end.error?.debug ?? '').toBe('');
    return end;
  };

  it.each([
    [
      'sh -c "echo broken >&2; exit 3"',
      { cause: 'user', exitCode: 3, error: { code: 'FX-EXIT', message: 'The command exited with code 3', debug: '' } },
    ],
    ['no-such-command', { cause: 'user', exitCode: 127, error: { code: 'FX-EXIT' } }],
    ['', { cause: 'user', error: { code: 'FX-NO-COMMAND' } }],
    [`true ${'x'.repeat(200_000)}`, { cause: 'user', error: { code: 'FX-COMMAND' } }],
    [
      `python3 -c "import time; x = [bytearray(1 << 20) for _ in range(900)]; time.sleep(5)"`,
      { cause: 'user', error: { code: 'FX-OOM', message: expect.stringContaining('512 MB') } },
    ],
    [`sh -c 'kill -SEGV $$'`, { cause: 'user', exitCode: 139, signal: 'SIGSEGV', error: { code: 'FX-SIGNAL' } }],
  ])(
    'of the command are told as what they were: %j',
    async (command, expected) => {
      expect(await endOf(command)).toMatchObject({ outcome: 'failure', ...expected });
    },
    SLOW_MS,
  );

  it(
    'of a command that its limit stopped are that',
    async () => {
      const constants = [
        { key: 'DOCKER_CMD', value: `sh -c 'echo working >&2; sleep 60'` },
        { key: 'MAX_EXECUTION_SECONDS', value: '1' },
      ];
      expect(await endOf('', { constants })).toMatchObject({
        outcome: 'failure',
        cause: 'limit',
        error: { code: 'FX-WALL-LIMIT', message: expect.stringContaining('1 s') },
      });
    },
    SLOW_MS,
  );

  it(
    'of a child that was killed for memory leave a note where its parent ends well',
    async () => {
      const child = `python3 -c "x = [bytearray(1 << 20) for _ in range(900)]"`;
      const end = await endOf('', { constants: [{ key: 'DOCKER_CMD', value: `sh -c '${child}; exit 0'` }] });
      // Only a control group counts what it killed: the sampler of an ordinary user ends the instance.
      const isCounted = end.outcome === 'success';
      expect(end).toMatchObject(
        isCounted
          ? { notes: ['1 of its processes were killed because the instance needed more than its 512 MB of memory'] }
          : { error: { code: 'FX-OOM' } },
      );
      if (process.getuid?.() === 0) expect(isCounted).toBe(true);
    },
    SLOW_MS,
  );

  it.each([
    ['an instance', {}, ['started', 'exited', 'ended']],
    // It was never ready.
    ['the slot of a pool, whose preparation that was', { slot: { prepares: true, instances: 1 } }, ['ended']],
  ])(
    'of files that came right before the end are seen, in %s',
    async (_, more, told) => {
      expect(await endOf('fallocate -l 500M much', { results, ...more })).toMatchObject({
        outcome: 'failure',
        cause: 'limit',
        uploadedFiles: 0,
        error: { code: 'FX-DISK-LIMIT', message: expect.stringMatching(/took 5\d\d MB, and it may have 400 MB$/) },
      });
      expect(rig.platform.kindsOf('bad')).toEqual(told);
    },
    SLOW_MS,
  );

  it.each([
    [
      [400, 'KeyTooLongError', 'Your key is too long'],
      {
        cause: 'user',
        message: /^Storage takes paths of 1,024 bytes at most, and the result "made" has one of 6 bytes/,
      },
    ],
    [
      [403, 'QuotaExceeded', 'The storage quota of the project is used up.'],
      { cause: 'limit', message: /"made" of 4 bytes does not fit into the storage quota.*quota of the project/ },
    ],
  ] as const)(
    'of storage that are final are told once, with what and how much: %j',
    async (refusal, { cause, message }) => {
      rig.objects.refuses = (request) => (/^(PUT|POST) results/.test(request) ? refusal : undefined);
      expect(await endOf(`sh -c 'printf made > made'`, { results })).toMatchObject({
        outcome: 'failure',
        cause,
        exitCode: 0,
        uploadedFiles: 0,
        error: { code: 'FX-RESULT', message: expect.stringMatching(message) },
      });
      expect(rig.platform.kindsOf('bad')).toEqual(['started', 'exited', 'ended']);
    },
    SLOW_MS,
  );

  const gone = 'The bucket for results, results, does not exist any more';
  it.each([
    ['', { cause: 'user', exitCode: 0, error: { code: 'FX-RESULT', message: gone } }],
    // What the command did stays the first thing to tell.
    ['; exit 4', { exitCode: 4, error: { code: 'FX-EXIT' }, notes: [`Not all of its results are stored: ${gone}`] }],
  ])(
    'of a bucket for results that goes while the command runs are told, of one that ends with %j',
    async (then, expected) => {
      const made = 'touch made; until [ -e go ]; do sleep 0.05; done';
      rig.objects.objects.set('in/given', Buffer.from('x'));
      await rig.platform.order(
        aLeaseOrder('bad', `sh -c '${made}${then}'`, { results, resources: [{ bucket: 'in' }] }),
      );
      await eventually(() => rig.platform.kindsOf('bad').includes('started'));
      // As the platform's own storage answers: a list of what is gone is not stored either.
      rig.objects.refuses = (request) =>
        /^(PUT|POST) results/.test(request)
          ? [404, 'NoSuchBucket', 'It is gone.']
          : /^PUT \.manifests\/task-1\/[^i]/.test(request)
            ? [409, 'InvalidBucketState', 'It was deleted.']
            : undefined;
      rig.objects.objects.set('in/go', Buffer.from(''));
      await rig.platform.order({ kind: 'resources', leaseId: 'bad', taskId: 'task-1', update: 1 });
      expect(await rig.ended('bad', SLOW_MS)).toMatchObject({ outcome: 'failure', uploadedFiles: 0, ...expected });
      expect(rig.platform.kindsOf('bad')).toEqual(['started', 'exited', 'ended']);
    },
    SLOW_MS,
  );

  it(
    'of an input that is named like a folder and has bytes are that',
    async () => {
      rig.objects.objects.set('odd/trail/', Buffer.from('x'));
      expect(await endOf('ls', { resources: [{ bucket: 'odd' }] })).toMatchObject({
        outcome: 'failure',
        cause: 'user',
        error: { code: 'FX-INPUT', message: expect.stringContaining('trail/ is named like a folder') },
      });
    },
    SLOW_MS,
  );

  it(
    'of an input whose name no file can have are that',
    async () => {
      rig.objects.objects.set(`in/${'n'.repeat(300)}`, Buffer.from('x'));
      const end = await endOf('ls', { resources: [{ bucket: 'in' }] });
      expect(end).toMatchObject({ outcome: 'failure', cause: 'user', error: { code: 'FX-INPUT' } });
      expect(end.error?.message).toMatch(/long/);
      expect(end.error?.message).not.toMatch(/same path/);
    },
    SLOW_MS,
  );

  it(
    'of results are no failures where a file is left out: it is named',
    async () => {
      const command = `sh -c 'ln -s /etc/passwd out; ln -s made in; printf made > made; printf x > "$(printf "a\\\\377")"'`;
      const end = await endOf(command, { results });
      expect(end).toMatchObject({
        outcome: 'success',
        notes: ['No results, since they are links that lead out of the job: "out"'],
      });
      await eventually(() => rig.objects.objects.has('results/r/made'));
      const names = [...rig.objects.objects.keys()].filter((key) => key.startsWith('results/r/'));
      expect(names.sort()).toEqual(['results/r/a%FF', 'results/r/in', 'results/r/made']);
    },
    SLOW_MS,
  );
});
