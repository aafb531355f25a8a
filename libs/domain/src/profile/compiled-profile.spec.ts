import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { constantProblem, effectiveConstants } from './effective-constants.js';
import { mayUseProfile } from './audience.js';
import { compiledProfile } from './compiled-profile.js';
import { imageReferenceOf } from './image-reference.js';
import { limitProblem, requestWithin } from './limit-problem.js';
import { matchesPattern, patternProblem } from './plain-pattern.js';
import type { PublishedRun } from '../profile-document/profile-document.js';
import { profileFaults } from './profile-faults.js';
import { shippedProfiles } from './shipped-profiles.js';

const run: PublishedRun = {
  image: 'ghcr.io/studio/blender:4.2',
  command: 'blender ${SCENE}',
  constants: [
    { name: 'SCENE', pattern: '[a-z]{1,8}', value: 'scene' },
    { name: 'ENGINE', allowed: ['CYCLES', 'EEVEE'], value: 'CYCLES' },
    { name: 'LICENSE', value: 'port@host', isReadOnly: true },
    { name: 'WIDTH', type: 'integer', min: 1, max: 100, value: '10' },
    { name: 'NOTE' },
  ],
  network: 'none',
  limits: { cores: 2, memoryMB: 500, wallSeconds: 60 },
};
const profile = compiledProfile('blender', 3, run);
const problemWith = (key: string, value: string) => constantProblem(profile, [{ key, value }])?.field;

describe('a published profile, as it is run', () => {
  it.each([
    ['SCENE', 'moon', undefined],
    ['SCENE', 'Moon', 'constants[0].value'],
    ['SCENE', '', 'constants[0].value'],
    ['SCENE', 'moon\n', 'constants[0].value'],
    ['SCENE', '${NOTE}', 'constants[0].value'],
    ['ENGINE', 'EEVEE', undefined],
    ['ENGINE', 'eevee', 'constants[0].value'],
    ['ENGINE', '${NOTE}', 'constants[0].value'],
    ['LICENSE', 'port@host', undefined],
    ['LICENSE', 'mine', 'constants[0].key'],
    ['WIDTH', '100', undefined],
    ['WIDTH', '101', 'constants[0].value'],
    ['WIDTH', 'wide', 'constants[0].value'],
    ['NOTE', '${INSTANCE_ID}', undefined],
    ['OWN', 'anything', undefined],
    ['DOCKER_REPO', 'library/evil', 'constants[0].key'],
    ['DOCKER_SRV', 'https://evil.example', 'constants[0].key'],
    ['DOCKER_CMD', 'evil', 'constants[0].key'],
    ['SHELL_SCRIPT', 'evil', 'constants[0].key'],
    ['MAX_EXECUTION_SECONDS', '60', undefined],
    ['MAX_EXECUTION_SECONDS', '0', 'constants[0].value'],
    ['MAX_EXECUTION_SECONDS', '${NOTE}', 'constants[0].value'],
  ])('%s=%s of a task: %s', (key, value, field) => expect(problemWith(key, value)).toBe(field));

  it('names its image and its command by the constants that nodes read', () => {
    const values = Object.fromEntries(profile.constants.map(({ name, value }) => [name, value]));
    expect(values).toMatchObject({
      DOCKER_REPO: 'ghcr.io/studio/blender',
      DOCKER_TAG: '4.2',
      DOCKER_CMD: 'blender ${SCENE}',
      MAX_EXECUTION_SECONDS: '60',
    });
    const spec = {
      profile: 'blender',
      profileVersion: 3,
      publishedProfile: { owner: 'platform', ...run },
      constants: [{ key: 'SCENE', value: 'moon' }],
      echo: {},
    };
    const effective = new Map(effectiveConstants(spec).map((one) => [one.key, 'value' in one ? one.value : undefined]));
    expect([effective.get('SCENE'), effective.get('ENGINE'), effective.has('NOTE')]).toEqual(['moon', 'CYCLES', false]);
  });

  it('lets no task of the node’s own file system name an image', () => {
    const host = compiledProfile('tools', 1, { ...run, image: 'host' });
    expect(host.needs).toEqual([]);
    expect(constantProblem(host, [{ key: 'DOCKER_REPO', value: 'x' }])?.field).toBe('constants[0].key');
    expect(host.constants.filter(({ name }) => name === 'DOCKER_REPO')).toEqual([
      expect.not.objectContaining({ value: expect.anything() }),
    ]);
  });

  it('leaves the tag to the task where its document says so', () => {
    const open = compiledProfile('fds', 1, {
      ...run,
      image: 'fds',
      constants: [{ name: 'DOCKER_TAG', allowed: ['6.9'] }],
    });
    expect(constantProblem(open, [{ key: 'DOCKER_TAG', value: '6.9' }])).toBeUndefined();
    expect(constantProblem(open, [{ key: 'DOCKER_TAG', value: '6.8' }])?.field).toBe('constants[0].value');
    expect(constantProblem(profile, [{ key: 'DOCKER_TAG', value: '6.9' }])?.field).toBe('constants[0].key');
  });

  it('gives instances no more than its limits', () => {
    expect(requestWithin({ cores: 4, memoryMB: 100 }, profile)).toEqual({ cores: 2, memoryMB: 100 });
    expect(limitProblem({ cores: 2, memoryMB: 500 }, profile)).toBeUndefined();
    expect(limitProblem({ cores: 3, memoryMB: 1 }, profile)).toContain('at most 2 cores');
    expect(limitProblem({ cores: 1, memoryMB: 501 }, profile)).toContain('at most 500 MB');
    expect(limitProblem({ cores: 99, memoryMB: 99_999 }, { name: 'shell' })).toBeUndefined();
  });
});

it.each([
  ['busybox', { repository: 'busybox' }],
  ['127.0.0.1:5000/team/tool:1.0', { repository: '127.0.0.1:5000/team/tool', tag: '1.0' }],
  ['localhost:5000/tool', { repository: 'localhost:5000/tool' }],
  [`ghcr.io/a/b@sha256:${'0'.repeat(64)}`, { repository: `ghcr.io/a/b@sha256:${'0'.repeat(64)}`, tag: 'latest' }],
  ['host:with space', undefined],
  ['../escape', undefined],
  ['team/${TOOL}', undefined],
  ['Team/Tool', undefined],
  ['tool:', undefined],
])('the image %s', (text, reference) => expect(imageReferenceOf(text)).toEqual(reference));

describe('a pattern', () => {
  it.each(['[a-z]+', '\\d{1,4}x\\d{1,4}', 'scene[.]blend', 'a?b?', '[^/]{3}', '.+'])('may be %s', (pattern) =>
    expect(patternProblem(pattern)).toBeUndefined(),
  );
  it.each([
    '(a)',
    'a|b',
    '^a',
    'a$',
    'a**',
    '\\1',
    '[',
    '[z-a]',
    'a+b+c+',
    'a?b?c?d?e?',
    '',
    'a{2',
    '[a',
    '\\b',
    '[]a]',
  ])('may not be %s', (pattern) => expect(patternProblem(pattern)).toEqual(expect.any(String)));
  it('is compared in no time, whatever it is compared with', () =>
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', '.', '[ab]', '\\w', '+', '*', '{1,200}', '?', '{3}', 'b'), { maxLength: 12 }),
        fc.constantFrom('a'.repeat(256), `${'a'.repeat(255)}!`, 'ab'.repeat(128)),
        (parts, text) => {
          const pattern = parts.join('');
          if (patternProblem(pattern) !== undefined) return;
          const began = performance.now();
          matchesPattern(pattern, text);
          expect(performance.now() - began).toBeLessThan(500);
        },
      ),
    ));
});

describe('who may use a profile', () => {
  const ann = { accountId: 'ann', organizationId: 'studio', projects: ['film'] };
  it.each([
    ['platform', undefined, true],
    ['studio', undefined, true],
    ['others', undefined, false],
    ['platform', {}, false],
    ['platform', { users: ['ann'] }, true],
    ['platform', { users: ['bob'], organizations: ['others'], projects: ['day'] }, false],
    ['platform', { organizations: ['studio'] }, true],
    ['platform', { projects: ['film'] }, true],
    ['others', { users: ['ann'] }, false],
  ])('of %s for %j: %s', (owner, audience, isLetIn) =>
    expect(mayUseProfile(owner, audience === undefined ? {} : { audience }, ann)).toBe(isLetIn),
  );
});

it('the documents that ship have no fault, and wait for their image', () => {
  expect(shippedProfiles.flatMap(profileFaults)).toEqual([]);
  expect(shippedProfiles.map(({ image }) => image)).toEqual(shippedProfiles.map(() => 'placeholder'));
});
