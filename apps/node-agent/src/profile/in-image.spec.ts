import { describe, expect, it } from '@jest/globals';

import { planOf } from './command-of.js';
import { directoryIn, wordsIn } from './in-image.js';

const image = {
  env: { PATH: '/opt/bin', OWN: 'image', HOME: '/root' },
  entrypoint: ['echo', 'Hello'],
  command: ['nobody'],
  directory: '/app',
  user: '',
};
const paths = { job: '/job', tmp: '/tmp', ramfs: '/dev/shm', secrets: '/run/secrets' };
const planWith = (constants: Readonly<Record<string, string>>, secrets: Readonly<Record<string, string>> = {}) =>
  planOf(
    {
      instance: 0,
      instanceCount: 1,
      constants: Object.entries(constants).map(([key, value]) => ({ key, value })),
      results: null,
      profile: 'docker-batch',
    },
    secrets,
    paths,
    '/host/bin',
    image,
  );

describe('a command in an image', () => {
  it.each([
    [['echo', 'Hello'], ['nobody'], ['World'], ['echo', 'Hello', 'World']],
    [['echo', 'Hello'], ['nobody'], [], ['echo', 'Hello', 'nobody']],
    [[], ['sh'], [], ['sh']],
    [[], ['sh'], ['ls', '-l'], ['ls', '-l']],
  ])('is entrypoint %j, command %j and words %j', (entrypoint, command, words, argv) => {
    expect(wordsIn({ entrypoint, command }, words)).toEqual(argv);
  });

  it('has to be somewhere', () => {
    expect(() => wordsIn({ entrypoint: [], command: [] }, [])).toThrow(
      expect.objectContaining({ code: 'FX-NO-COMMAND' }),
    );
  });

  it.each([
    ['/app', '', '/app'],
    ['/app', '${DOCKER_WORKDIR}', '/app'],
    ['/app', '/job/x', '/job/x'],
    ['', '', '/job'],
    ['/', '', '/job'],
    ['/app', '/', '/'],
  ])('of a folder %j starts, asked for %j, in %s', (directory, asked, there) => {
    expect(directoryIn({ directory }, asked)).toBe(there);
  });

  it('does not start in a folder that is not absolute', () => {
    expect(() => directoryIn({ directory: '' }, 'app')).toThrow(expect.objectContaining({ code: 'FX-CONSTANT' }));
    for (const asked of ['', '${DOCKER_WORKDIR}'])
      expect(() => directoryIn({ directory: 'app' }, asked)).toThrow(expect.objectContaining({ code: 'FX-IMAGE' }));
  });

  it('has the variables of the image under those of the task, and no password of a registry', () => {
    const plan = planWith(
      { DOCKER_CMD: 'World', DOCKER_REGISTRY_LOGIN: 'me', OTHER: 'task' },
      { DOCKER_REGISTRY_PASSWORD: 'pass-word' },
    );
    expect(plan.argv).toEqual(['echo', 'Hello', 'World']);
    expect(plan.directory).toBe('/app');
    expect(plan.env).toMatchObject({ PATH: '/opt/bin', OWN: 'image', HOME: '/tmp', OTHER: 'task' });
    expect(JSON.stringify(plan)).not.toContain('pass-word');
    expect(planWith({ DOCKER_CMD: 'World', OWN: 'task' }).env).toMatchObject({ OWN: 'task' });
  });
});
