import { describe, expect, it } from '@jest/globals';

import { planOf } from './command-of.js';

const paths = { job: '/job', tmp: '/tmp', ramfs: '/dev/shm' };
const order = (constants: Record<string, string>, overrides: object = {}): Parameters<typeof planOf>[0] => ({
  instance: 3,
  instanceCount: 5,
  profile: 'docker-batch',
  results: null,
  constants: Object.entries(constants).map(([key, value]) => ({ key, value })),
  ...overrides,
});

describe('the command of an instance', () => {
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
      HOME: '/job',
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

  it('puts inputs where RESOURCES_PATH says, if that is in the job', () => {
    expect(planOf(order({ DOCKER_CMD: 'true', RESOURCES_PATH: '/job/in' }), {}, paths, '').resourcesFolder).toBe('in');
    expect(planOf(order({ DOCKER_CMD: 'true', RESOURCES_PATH: '/job/../etc' }), {}, paths, '').resourcesFolder).toBe(
      '',
    );
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
    [{ DOCKER_CMD: 'x', BIG: 'y'.repeat(1_600_000) }, 'FX-COMMAND'],
  ])('blames the user for %#', (constants, code) => {
    expect(() => planOf(order(constants), {}, paths, '')).toThrow(expect.objectContaining({ code }));
  });
});
