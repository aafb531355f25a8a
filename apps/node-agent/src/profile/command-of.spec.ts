import { substitute } from '@fornax/contracts';
import { splitWords } from '@fornax/drivers';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { planOf } from './command-of.js';

const paths = { job: '/job', tmp: '/tmp', ramfs: '/dev/shm', secrets: '/run/secrets' };
const order = (constants: Record<string, string>, overrides: object = {}): Parameters<typeof planOf>[0] => ({
  instance: 3,
  instanceCount: 5,
  profile: 'docker-batch',
  results: null,
  constants: Object.entries(constants).map(([key, value]) => ({ key, value })),
  ...overrides,
});

describe('the command of an instance', () => {
  it('has as many words as its line, whatever the constants hold', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        const values = new Map(Object.entries({ A: a, B: b }));
        const words = splitWords('run "${A} and" ${B}').map((word) => substitute(word, values));
        expect(words).toEqual(['run', `${a} and`, b]);
      }),
    );
  });

  it('is DOCKER_CMD in words, with constants put in', () =>
    expect(
      planOf(
        order({ DOCKER_CMD: 'echo "hello ${NAME}" ${INSTANCE_ID}/${INSTANCE_COUNT} $NAME ${NOBODY}', NAME: `a 'b` }),
        {},
        paths,
        '/bin',
      ).argv,
    ).toEqual(['echo', `hello a 'b`, '3/5', '$NAME', '${NOBODY}']));

  it('has the environment of the contract', () =>
    expect(
      planOf(order({ DOCKER_CMD: 'true', MY: 'x', INSTANCE_ID: 'mine' }), { QARNOT_SECRET_A: 's' }, paths, '/bin').env,
    ).toEqual({
      PATH: '/bin',
      HOME: '/tmp',
      LANG: 'C.UTF-8',
      DOCKER_CMD: 'true',
      MY: 'x',
      QARNOT_SECRET_A: 's',
      INSTANCE_ID: '3',
      INSTANCE_COUNT: '5',
      FRAME_ID: '3',
      QRANK: '3',
      QSIZE: '5',
      TASK_PATH: '/job',
      QARNOT_RESOURCES_DIRECTORY: '/job',
      QARNOT_RESULTS_DIRECTORY: '/job',
      TMP_RAMFS_PATH: '/dev/shm',
      TMP_PATH: '/tmp',
    }));

  it('lets a constant hold a secret', () =>
    expect(
      planOf(order({ DOCKER_CMD: 'run ${KEY}', KEY: '${QARNOT_SECRET_K}' }), { QARNOT_SECRET_K: 's 1' }, paths, '/bin')
        .argv,
    ).toEqual(['run', 's 1']));

  it.each([
    ['itself', 'sh -c "login ${QARNOT_SECRET_K}; true" name'],
    ['of another constant', 'sh -c "login ${KEY}; true" name'],
  ])('has no secret in the arguments of its shell, which finds its script in the environment: %s', (_, DOCKER_CMD) => {
    const constants = { DOCKER_CMD, KEY: '${QARNOT_SECRET_K}' };
    const plan = planOf(order(constants), { QARNOT_SECRET_K: 's 1' }, paths, '/bin');
    expect(plan.argv).toEqual(['sh', '-c', 'eval "${FORNAX_SCRIPT?}"', 'name']);
    expect(plan.env).toMatchObject({ FORNAX_SCRIPT: 'login s 1; true' });
  });

  it('is unchanged where a shell is given no secret', () => {
    const plan = planOf(order({ DOCKER_CMD: 'sh -c "a ${B}"', B: 'b' }), { QARNOT_SECRET_K: 's 1' }, paths, '/bin');
    expect(plan.argv).toEqual(['sh', '-c', 'a b']);
    expect(plan.env).not.toHaveProperty('FORNAX_SCRIPT');
  });

  it('sees no constant that is not to be exported, though its value is filled in', () => {
    const plan = planOf(
      {
        ...order({}),
        constants: [
          { key: 'DOCKER_CMD', value: 'login ${HIDDEN}' },
          { key: 'HIDDEN', value: 'me', isExported: false },
          { key: 'INSTANCE_ID', value: 'mine', isExported: false },
        ],
      },
      {},
      paths,
      '',
    );
    expect(plan.argv).toEqual(['login', 'me']);
    expect(plan.env).not.toHaveProperty('HIDDEN');
    expect(plan.env).toMatchObject({ INSTANCE_ID: '3' });
  });

  it('is the script of a profile that has one, unchanged, with its limit and its progress', () => {
    const run = {
      constant: 'SHELL_SCRIPT',
      how: 'script',
      stopOnError: 'SHELL_STOP_ON_ERROR',
      wallLimit: 'MAX_EXECUTION_SECONDS',
      progress: ['SHELL_PROGRESS', 'OTHER'],
    } as const;
    const constants = {
      SHELL_SCRIPT: 'echo "${INSTANCE_ID}" ${X:-none}',
      SHELL_STOP_ON_ERROR: 'TRUE',
      MAX_EXECUTION_SECONDS: '${LIMIT}',
      LIMIT: '5',
      SHELL_PROGRESS: '(\\d+)%',
    };
    expect(planOf(order(constants, { run }), {}, paths, '')).toMatchObject({
      argv: ['/bin/sh', '-e', '-c', 'echo "${INSTANCE_ID}" ${X:-none}', 'sh'],
      wallLimitMs: 5_000,
      progress: ['(\\d+)%'],
    });
    expect(() => planOf(order({}, { run }), {}, paths, '')).toThrow('SHELL_SCRIPT');
  });

  it('puts inputs where RESOURCES_PATH says, if that is in the job', () => {
    expect(planOf(order({ DOCKER_CMD: 'true', RESOURCES_PATH: '/job/in' }), {}, paths, '').resourcesFolder).toBe('in');
    expect(planOf(order({ DOCKER_CMD: 'true', RESOURCES_PATH: '/job/../etc' }), {}, paths, '').resourcesFolder).toBe(
      '',
    );
  });

  it('has the shutdown command in words, with constants put in and no secret in arguments of shells', () => {
    const shutdownOf = (line: string) =>
      planOf(
        order({ DOCKER_CMD: 'true', DOCKER_SHUTDOWN_CMD: line, NAME: 'a b' }),
        { QARNOT_SECRET_K: 's 1' },
        paths,
        '/bin',
        { env: {}, entrypoint: ['/entry'], command: ['own'], directory: '', user: '' },
      ).shutdown;
    expect(shutdownOf('save "it all" ${NAME}')).toEqual({ argv: ['save', 'it all', 'a b'], env: {} });
    expect(shutdownOf(`sh -c 'login \${QARNOT_SECRET_K}'`)).toEqual({
      argv: ['sh', '-c', 'eval "${FORNAX_SCRIPT?}"'],
      env: { FORNAX_SCRIPT: 'login s 1' },
    });
    for (const nothing of ['', ' ', '/bin/true']) expect(shutdownOf(nothing)).toBeUndefined();
  });

  it('expands constants in the filters', () =>
    expect(
      planOf(
        order(
          { DOCKER_CMD: 'true', N: 'out' },
          { results: { bucket: 'b', prefix: null, whitelist: '^${N}/', blacklist: '' } },
        ),
        {},
        paths,
        '',
      ).filter,
    ).toEqual({ whitelist: '^out/', blacklist: null }));

  it.each([
    [{}, 'FX-NO-COMMAND'],
    [{ DOCKER_CMD: '  ' }, 'FX-NO-COMMAND'],
    [{ DOCKER_CMD: `echo 'x` }, 'FX-COMMAND'],
    [{ DOCKER_CMD: 'x', DOCKER_SHUTDOWN_CMD: `echo 'x` }, 'FX-COMMAND'],
    [{ DOCKER_CMD: 'x', DOCKER_SHUTDOWN_CMD: 'y\0' }, 'FX-COMMAND'],
    [{ DOCKER_CMD: 'x', MAX_EXECUTION_SECONDS: '${LIMIT}', LIMIT: 'soon' }, 'FX-CONSTANT'],
    [{ DOCKER_CMD: 'x', BIG: 'y'.repeat(1_600_000) }, 'FX-COMMAND'],
    [{ DOCKER_CMD: 'x', 'a=b': 'y' }, 'FX-CONSTANT'],
    [{ DOCKER_CMD: 'x', '': 'y' }, 'FX-CONSTANT'],
  ])('blames the user for %#', (constants, code) => {
    expect(() => planOf(order(constants), {}, paths, '')).toThrow(expect.objectContaining({ code }));
  });
});
