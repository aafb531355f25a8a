import { describe, expect, it } from '@jest/globals';
import { specFor } from '../specs/given.fixture.js';
import { MOST_PROFILE_VERSIONS, profileDecider } from './profile.decider.js';
import type {
  DocumentConstant,
  ProfileCommand,
  ProfileDocument,
  ProfileEvent,
} from '../profile-document/profile-document.js';
import { profileFaults } from './profile-faults.js';

const at = 1_000;
const { given } = specFor(profileDecider);
const document: ProfileDocument = {
  name: 'blender',
  description: 'Frames of a Blender file',
  image: 'ghcr.io/studio/blender:4.2',
  command: 'blender -b ${BLEND_FILE} -f ${INSTANCE_ID}',
  constants: [{ name: 'BLEND_FILE', pattern: '[\\w-]{1,60}[.]blend', value: 'scene.blend' }],
  network: 'none',
};
const other = { ...document, image: 'ghcr.io/studio/blender:4.3' };
const publish = (it = document): ProfileCommand => ({ type: 'PublishProfile', owner: 'platform', document: it, at });
const published = (version = 1, it = document): ProfileEvent => ({
  type: 'ProfilePublished',
  owner: 'platform',
  version,
  document: it,
  at,
});
const retire: ProfileCommand = { type: 'RetireProfile', owner: 'platform', name: 'blender', at };
const retired: ProfileEvent = { type: 'ProfileRetired', owner: 'platform', name: 'blender', version: 1, at };

describe('a published profile', () => {
  it('has its versions one after the other, and none for what is published as it is', () => {
    given().when(publish()).then(published());
    given(published()).when(publish(other)).then(published(2, other));
    given(published()).when(publish()).thenNothing();
    // In another order, as a database may keep it.
    given(published(1, Object.fromEntries(Object.entries(document).reverse()) as unknown as ProfileDocument))
      .when(publish())
      .thenNothing();
    given(published(), published(2, other)).when(publish()).then(published(3));
  });

  it('is retired once, and may be published again', () => {
    given(published()).when(retire).then(retired);
    given(published(), retired).when(retire).thenNothing();
    given(published(), retired).when(publish()).then(published(2));
    given().when(retire).thenRejected('no-profile');
  });

  it('has no end of versions', () => {
    given(published(MOST_PROFILE_VERSIONS)).when(publish(other)).thenRejected('profile-versions');
    given(published(MOST_PROFILE_VERSIONS)).when(publish()).thenNothing();
  });
});

const withConstant = (constant: DocumentConstant): Partial<ProfileDocument> => ({ constants: [constant] });

describe('a document', () => {
  it('has no fault when it can be used', () => expect(profileFaults(document)).toEqual([]));

  it.each<[string, Partial<ProfileDocument>, readonly (string | number)[], string]>([
    ['the name of a profile of the platform', { name: 'docker-batch' }, ['name'], 'of the platform itself'],
    ['a name that differs from another one by case', { name: 'Blender' }, ['name'], 'lower-case'],
    ['an image that is none', { image: 'Not an image' }, ['image'], 'name of an image'],
    ['both a command and a script', { script: 'true' }, ['script'], 'not both'],
    ['a constant twice', { constants: [{ name: 'A' }, { name: 'A' }] }, ['constants', 1, 'name'], 'twice'],
    ['a constant that its image says', withConstant({ name: 'DOCKER_REPO' }), ['constants', 0, 'name'], 'follows from'],
    ['a variable that is none', withConstant({ name: 'A B' }), ['constants', 0, 'name'], 'letters'],
    [
      'a default of another type',
      withConstant({ name: 'N', type: 'integer', value: 'x' }),
      ['constants', 0, 'default'],
      'whole number',
    ],
    [
      'a default that is not allowed',
      withConstant({ name: 'N', allowed: ['a'], value: 'b' }),
      ['constants', 0, 'default'],
      'one of',
    ],
    [
      'a default that refers to what anybody may set',
      withConstant({ name: 'N', allowed: ['a'], value: '${B}' }),
      ['constants', 0, 'default'],
      'no reference',
    ],
    [
      'an allowed value of another type',
      withConstant({ name: 'N', type: 'boolean', allowed: ['yes'] }),
      ['constants', 0, 'allowed'],
      'true or false',
    ],
    [
      'a pattern that backtracks',
      withConstant({ name: 'N', pattern: '(a+)+' }),
      ['constants', 0, 'pattern'],
      'row of characters',
    ],
    [
      'a pattern of a number',
      withConstant({ name: 'N', type: 'integer', pattern: '1' }),
      ['constants', 0, 'pattern'],
      'Only text',
    ],
    ['bounds of text', withConstant({ name: 'N', min: 1 }), ['constants', 0, 'min'], 'whole number'],
    [
      'bounds that nothing fits',
      withConstant({ name: 'N', type: 'integer', min: 2, max: 1 }),
      ['constants', 0, 'max'],
      'less than',
    ],
    [
      'the value of a secret',
      withConstant({ name: 'QARNOT_SECRET_X', value: 'x' }),
      ['constants', 0, 'default'],
      'secret',
    ],
    [
      'a fixed constant without a value',
      withConstant({ name: 'N', isReadOnly: true }),
      ['constants', 0, 'default'],
      'no task may set',
    ],
    [
      'another type for what is the same everywhere',
      withConstant({ name: 'SNAPSHOT_SIGNAL', type: 'integer' }),
      ['constants', 0, 'type'],
      'means the same',
    ],
    [
      'a longer default than its limit',
      { ...withConstant({ name: 'MAX_EXECUTION_SECONDS', value: '20' }), limits: { wallSeconds: 10 } },
      ['constants', 0, 'default'],
      'at most 10',
    ],
    [
      'a port twice',
      {
        ports: [
          { port: 22, kind: 'ssh' },
          { port: 22, kind: 'tcp' },
        ],
      },
      ['ports', 1, 'port'],
      'twice',
    ],
    ['more than a task can carry', { script: 'x'.repeat(40_000), command: undefined as never }, [], 'at most 32768'],
  ])('is refused for %s', (_what, change, path, text) => {
    const changed = { ...document, ...change };
    expect(profileFaults(changed)).toContainEqual({ path, detail: expect.stringContaining(text) });
    given().when(publish(changed)).thenRejected('bad-profile');
  });
});
