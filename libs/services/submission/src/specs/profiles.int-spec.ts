import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RpcClient } from '@fornax/base';
import {
  newTokenSchema,
  organizationSchema,
  ownedProjectSchema,
  profileNeedsReplySchema,
  profileSchema,
  profileVersionSchema,
  publishedProfileSchema,
  RPC,
  userSchema,
  type WirePublishedProfile,
} from '@fornax/contracts';
import { effectiveConstants, type TaskSpec } from '@fornax/domain';
import { aLease, anEnd, concluded, dispatched } from '@fornax/testing';
import { z } from 'zod';
import { minimal, startHarness, type Answer, type Harness } from './submission.fixture.js';

const API = '/fornax/v1/profiles';
let harness: Harness;
let studio: { readonly uuid: string };
/** A member and a coordinator of the studio, a coordinator of others, and somebody of no organization. */
let people: Readonly<Record<'ann' | 'cora' | 'otto' | 'nemo', string>>;

const ok = <S extends z.ZodType>(schema: S, answer: Answer): z.output<S> => {
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return schema.parse(answer.json());
};
const operator = (method: string, path: string, body?: unknown) => harness.call(method, path, body);
const as = (who: keyof typeof people, method: string, path: string, body?: unknown) =>
  harness.call(method, path, body, { token: people[who] });
const person = async (email: string, more: object): Promise<string> => {
  ok(userSchema, await operator('POST', '/fornax/v1/users', { email, ...more }));
  const token = await operator('POST', `/fornax/v1/users/${email}/tokens`, { name: 'test' });
  return ok(newTokenSchema, token).token;
};

beforeAll(async () => {
  harness = await startHarness({ FORNAX_IMAGES: 'registry', FORNAX_PROFILE_BYTES: '65536' });
  studio = ok(organizationSchema, await operator('POST', '/fornax/v1/organizations', { name: 'studio' }));
  await operator('POST', '/fornax/v1/organizations', { name: 'others' });
  people = {
    ann: await person('ann@example.org', { organization: 'studio' }),
    cora: await person('cora@example.org', { organization: 'studio', role: 'coordinator' }),
    otto: await person('otto@example.org', { organization: 'others', role: 'coordinator' }),
    nemo: await person('nemo@example.org', {}),
  };
}, 120_000);
afterAll(() => harness.close());

const tool = (name: string, more: object = {}) => ({
  name,
  description: 'A <b>tool</b>',
  image: 'ghcr.io/studio/tool:1.0',
  command: 'tool ${SIZE} ${NOTE}',
  constants: [
    { name: 'SIZE', type: 'integer', default: 10, min: 1, max: 100, description: 'How large' },
    { name: 'MODE', default: 'fast', allowed: ['fast', 'exact'] },
    { name: 'LICENSE', default: 'port@host', access: 'readOnly' },
    { name: 'NOTE', default: '' },
  ],
  ...more,
});
const publish = async (document: object, query = ''): Promise<WirePublishedProfile> =>
  ok(publishedProfileSchema, await operator('POST', `${API}${query}`, document));
const submit = (profile: string, constants: readonly object[] = [], more: object = {}) =>
  ({ ...minimal, profile, constants, ...more }) as const;
const specOf = async (id: string): Promise<TaskSpec> => {
  const [commit] = await harness.log.readAggregate('task', id);
  const [event] = commit?.events ?? [];
  if (event?.type !== 'TaskSubmitted') throw new Error('not submitted');
  return event.spec;
};
const taskOf = async (answer: Answer): Promise<TaskSpec> => specOf(ok(z.object({ uuid: z.string() }), answer).uuid);

describe('a published profile', () => {
  it('is listed with the others, and described as clients read it', async () => {
    expect(await publish(tool('listed'))).toMatchObject({ name: 'listed', version: 1, organization: null });
    const names = ok(z.array(z.string()), await as('nemo', 'GET', '/profiles'));
    expect(names).toEqual(expect.arrayContaining(['docker-batch', 'listed']));
    expect(names).not.toContain('blender');
    const { constants, fornax } = ok(profileSchema, await as('nemo', 'GET', '/profiles/listed'));
    expect(constants.slice(0, 3)).toEqual([
      { name: 'SIZE', value: '10', description: 'How large' },
      { name: 'MODE', value: 'fast', description: '' },
      { name: 'LICENSE', value: 'port@host', description: '' },
    ]);
    expect(fornax.constants.filter(({ isOwn }) => isOwn).map(({ type, isReadOnly }) => [type, isReadOnly])).toEqual([
      ['integer', false],
      ['string', false],
      ['string', true],
      ['string', false],
    ]);
  });

  it('is kept by the tasks that were submitted with it, whatever is published later, and by their copies', async () => {
    await publish(tool('kept'));
    const before = await as(
      'nemo',
      'POST',
      '/tasks',
      submit('kept', [{ key: 'SIZE', value: '20' }], { instanceCount: 1 }),
    );
    const { uuid } = ok(z.object({ uuid: z.string() }), before);
    expect(await publish(tool('kept', { image: 'ghcr.io/studio/tool:2.0' }))).toMatchObject({ version: 2 });
    const later = await taskOf(await as('nemo', 'POST', '/tasks', submit('kept')));
    expect(later).toMatchObject({ profileVersion: 2, publishedProfile: { image: 'ghcr.io/studio/tool:2.0' } });

    const failure = anEnd(0, { outcome: 'failure', cause: 'user', exitCode: 1 });
    await harness.happen(uuid, dispatched(aLease(0)), concluded(failure));
    ok(publishedProfileSchema, await operator('POST', `${API}/kept/retire`));
    for (const kind of ['clone', 'retry']) {
      const copy = await taskOf(await as('nemo', 'POST', `/tasks/${uuid}/${kind}`, { name: kind }));
      expect(copy).toMatchObject({
        profile: 'kept',
        profileVersion: 1,
        publishedProfile: { owner: 'platform', image: 'ghcr.io/studio/tool:1.0' },
        constants: [{ key: 'SIZE', value: '20' }],
      });
    }
    const refused = await as('nemo', 'POST', '/tasks', submit('kept'));
    expect(refused.json()['errors']).toEqual({ profile: [expect.stringContaining('retired')] });
    expect(ok(z.array(z.string()), await as('nemo', 'GET', '/profiles'))).not.toContain('kept');
    expect(await publish(tool('kept'))).toMatchObject({ version: 3, retiredAt: null });
  });

  it('is pinned to the image that its task ran in, though nobody may say another tag', async () => {
    await publish(tool('pinnable'));
    const { uuid } = ok(
      z.object({ uuid: z.string() }),
      await as('nemo', 'POST', '/tasks', submit('pinnable', [], { instanceCount: 1 })),
    );
    const image = `sha256:${'a'.repeat(64)}`;
    await harness.happen(uuid, dispatched(aLease(0)), concluded(anEnd(0, { image })));
    const copy = await taskOf(
      await as('nemo', 'POST', `/tasks/${uuid}/clone`, { name: 'again', fornax: { pinned: true } }),
    );
    expect(copy).toMatchObject({ profile: 'pinnable', constants: [], pinnedImage: image });
    expect(effectiveConstants(copy)).toEqual(
      expect.arrayContaining([
        { key: 'DOCKER_REPO', value: 'ghcr.io/studio/tool', isExported: true },
        { key: 'DOCKER_TAG', value: image, isExported: true },
      ]),
    );
  });

  it.each([
    [[{ key: 'SIZE', value: '50' }], undefined],
    [[{ key: 'MODE', value: 'exact' }], undefined],
    [[{ key: 'LICENSE', value: 'port@host' }], undefined],
    [[{ key: 'NOTE', value: '${INSTANCE_ID}' }], undefined],
    [[{ key: 'OWN', value: 'x' }], undefined],
    [[{ key: 'SIZE', value: '101' }], 'constants[0].value'],
    [[{ key: 'SIZE', value: '${NOTE}' }], 'constants[0].value'],
    [[{ key: 'MODE', value: 'slow' }], 'constants[0].value'],
    [[{ key: 'LICENSE', value: 'mine' }], 'constants[0].key'],
    [[{ key: 'DOCKER_REPO', value: 'evil' }], 'constants[0].key'],
    [[{ key: 'DOCKER_CMD', value: 'evil' }], 'constants[0].key'],
  ])('takes %j, or says which field is wrong: %s', async (constants, field) => {
    await publish(tool('typed'));
    const answer = await as('nemo', 'POST', '/tasks', submit('typed', constants));
    expect(answer.status).toBe(field === undefined ? 200 : 400);
    if (field !== undefined) expect(Object.keys(answer.json()['errors'] ?? {})).toEqual([field]);
  });

  it('lets no task ask for more than its limits', async () => {
    await publish(tool('limited', { limits: { cores: 2, memoryMB: 100, wallSeconds: 60 } }));
    const asking = (coreCount: number) => ({
      hardwareConstraints: [{ discriminator: 'MinimumCoreHardwareConstraint', coreCount }],
    });
    const spec = await taskOf(await as('nemo', 'POST', '/tasks', submit('limited', [], asking(2))));
    expect(spec.request).toEqual({ cores: 2, memoryMB: 100 });
    const refused = await as('nemo', 'POST', '/tasks', submit('limited', [], asking(3)));
    expect(Object.keys(refused.json()['errors'] ?? {})).toEqual(['hardwareConstraints']);
    const endless = await as(
      'nemo',
      'POST',
      '/tasks',
      submit('limited', [{ key: 'MAX_EXECUTION_SECONDS', value: '0' }]),
    );
    expect(Object.keys(endless.json()['errors'] ?? {})).toEqual(['constants[0].value']);
  });

  it('is what a pool and its tasks have, and no preparation replaces its command', async () => {
    await publish(tool('pooled'));
    const pool = { name: 'p', shortname: 'pooled', profile: 'pooled', instanceCount: 1 };
    const prepared = await as('nemo', 'POST', '/pools', { ...pool, preparationTask: { commandLine: 'evil' } });
    expect(Object.keys(prepared.json()['errors'] ?? {})).toEqual(['preparationTask']);
    const { uuid } = ok(z.object({ uuid: z.string() }), await as('nemo', 'POST', '/pools', pool));
    await publish(tool('pooled', { image: 'ghcr.io/studio/tool:2.0' }));
    const task = { name: 't', poolUuid: uuid, instanceCount: 1 };
    expect(await taskOf(await as('nemo', 'POST', '/tasks', task))).toMatchObject({
      profileVersion: 1,
      publishedProfile: { image: 'ghcr.io/studio/tool:1.0' },
    });
  });
});

describe('whoever may not use a profile', () => {
  it('is told that there is none, everywhere', async () => {
    const own = ok(publishedProfileSchema, await as('cora', 'POST', API, tool('secret-tool')));
    expect(own).toMatchObject({ organization: 'studio', publishedBy: 'cora@example.org' });
    for (const who of ['otto', 'nemo'] as const) {
      for (const path of ['/profiles/secret-tool', `${API}/secret-tool`, `${API}/secret-tool/versions`])
        expect((await as(who, 'GET', path)).status).toBe(404);
      expect((await as(who, 'GET', `${API}/secret-tool?organization=studio`)).status).toBe(404);
      expect((await as(who, 'GET', API)).text).not.toContain('secret-tool');
      expect((await as(who, 'GET', '/profiles')).text).not.toContain('secret-tool');
      const refused = await as(who, 'POST', '/tasks', submit('secret-tool'));
      expect(refused.json()['errors']).toEqual({ profile: ['No such profile: secret-tool'] });
      expect((await as(who, 'POST', '/pools', { name: 'p', profile: 'secret-tool', instanceCount: 1 })).status).toBe(
        400,
      );
    }
    const needs = async (who: string): Promise<unknown> => {
      const { uuid: accountId } = ok(userSchema, await operator('GET', `/fornax/v1/users/${who}@example.org`));
      return harness.test.app
        .get(RpcClient)
        .request(RPC.profileNeeds, { profile: 'secret-tool', accountId }, profileNeedsReplySchema, 30_000);
    };
    expect([await needs('nemo'), await needs('ann')]).toEqual([{ needs: null }, { needs: { image: true } }]);
    expect((await as('ann', 'GET', '/profiles')).text).toContain('secret-tool');
    expect((await as('ann', 'POST', '/tasks', submit('secret-tool'))).status).toBe(200);
  });

  it('publishes no more than its organization may have, but what is there already', async () => {
    const large = (name: string, version: number) =>
      tool(name, {
        script: `#${version}${'x'.repeat(28_000)}`,
        command: undefined,
      });
    for (let version = 0; version < 2; version += 1)
      ok(publishedProfileSchema, await as('otto', 'POST', API, large('heavy', version)));
    const third = await as('otto', 'POST', API, large('heavy', 2));
    expect(third.json()['errors']).toEqual({ constants: [expect.stringContaining('FORNAX_PROFILE_BYTES')] });
    expect((await as('otto', 'POST', API, large('heavy', 1))).status).toBe(200);
    expect(
      (await as('otto', 'POST', API, tool('heavy', { description: 'y'.repeat(2_000), constants: [] }))).status,
    ).toBe(200);
  });

  it('neither publishes nor retires for others', async () => {
    for (const [who, query, status] of [
      ['otto', '?organization=studio', 404],
      ['otto', `?organization=${studio.uuid}`, 404],
      ['otto', '?organization=platform', 403],
      ['ann', '', 403],
      ['nemo', '', 403],
      ['nemo', '?organization=nobody', 404],
    ] as const) {
      expect([who, query, (await as(who, 'POST', `${API}${query}`, tool('theirs'))).status]).toEqual([
        who,
        query,
        status,
      ]);
      expect((await as(who, 'POST', `${API}/secret-tool/retire${query}`)).status).toBe(status);
    }
    expect((await as('otto', 'POST', `${API}/secret-tool/retire`)).status).toBe(404);
  });

  it('is let in by its e-mail, its organization or its project', async () => {
    const film = ok(
      ownedProjectSchema,
      await operator('POST', '/fornax/v1/projects', { name: 'Film', organization: 'studio' }),
    );
    const usable = async (name: string, usableBy: object): Promise<readonly string[]> => {
      await publish(tool(name, { usableBy }));
      const seen: string[] = [];
      for (const who of ['ann', 'otto', 'nemo'] as const)
        if ((await as(who, 'GET', `/profiles/${name}`)).status === 200) seen.push(who);
      return seen;
    };
    expect(await usable('for-nemo', { users: ['Nemo@example.org'] })).toEqual(['nemo']);
    expect(await usable('for-others', { organizations: ['others'], users: ['nemo@example.org'] })).toEqual([
      'otto',
      'nemo',
    ]);
    expect(await usable('for-film', { projects: [film.uuid] })).toEqual(['ann']);
    const elsewhere = await as('ann', 'POST', '/tasks', submit('for-film'));
    expect(elsewhere.json()['errors']).toEqual({ profile: ['No such profile: for-film'] });
    expect((await as('ann', 'POST', '/tasks', submit('for-film', [], { projectUuid: film.uuid }))).status).toBe(200);
    // Whom it lets in is told to those alone who publish it.
    expect((await as('nemo', 'GET', `${API}/for-others`)).text).not.toContain('usableBy');
    const { document } = ok(profileVersionSchema, await operator('GET', `${API}/for-others`));
    expect(document).toMatchObject({ usableBy: { organizations: ['others'], users: ['nemo@example.org'] } });
    const unknown = await operator('POST', API, tool('x', { usableBy: { users: ['who@example.org'] } }));
    expect(Object.keys(unknown.json()['errors'] ?? {})).toEqual(['usableBy.users[0]']);
    // An organization lets in no stranger.
    const stranger = await as('cora', 'POST', API, tool('x', { usableBy: { users: ['nemo@example.org'] } }));
    expect(Object.keys(stranger.json()['errors'] ?? {})).toEqual(['usableBy.users[0]']);
  });

  it('keeps no copy of a task whose profile it may not use any more', async () => {
    await publish(tool('withdrawn'));
    const { uuid } = ok(z.object({ uuid: z.string() }), await as('nemo', 'POST', '/tasks', submit('withdrawn')));
    await publish(tool('withdrawn', { usableBy: { users: ['ann@example.org'] } }));
    const clone = await as('nemo', 'POST', `/tasks/${uuid}/clone`, { name: 'again' });
    expect(clone.json()['errors']).toEqual({ profile: ['No such profile: withdrawn'] });
  });
});

describe('a document', () => {
  it('that an organization has comes before that of the platform, for its people alone', async () => {
    await publish(tool('both'));
    ok(publishedProfileSchema, await as('cora', 'POST', API, tool('both', { image: 'ghcr.io/studio/own:1' })));
    expect(await taskOf(await as('ann', 'POST', '/tasks', submit('both')))).toMatchObject({
      publishedProfile: { owner: studio.uuid, image: 'ghcr.io/studio/own:1' },
    });
    expect(await taskOf(await as('nemo', 'POST', '/tasks', submit('both')))).toMatchObject({
      publishedProfile: { owner: 'platform' },
    });
    const names = ok(z.array(z.string()), await as('ann', 'GET', '/profiles'));
    expect(names.filter((name) => name === 'both')).toHaveLength(1);
  });

  it('that ships waits for its image, and says what to do', async () => {
    const { document } = ok(profileVersionSchema, await as('cora', 'GET', `${API}/blender`));
    expect(document).toMatchObject({ name: 'blender', image: 'placeholder' });
    const refused = await as('ann', 'POST', '/tasks', submit('blender'));
    expect(refused.json()['errors']).toEqual({
      profile: [expect.stringContaining('fornax profiles publish blender.yaml')],
    });
    const filled = { ...document, image: 'ghcr.io/studio/blender:4.2' };
    // It said that its tag is the task's to say.
    expect((await as('cora', 'POST', API, filled)).text).toContain('leave it out of the image');
    ok(publishedProfileSchema, await as('cora', 'POST', API, { ...document, image: 'ghcr.io/studio/blender' }));
    const constants = [{ key: 'DOCKER_TAG', value: '4.2' }];
    expect((await as('ann', 'POST', '/tasks', submit('blender', constants))).status).toBe(200);
    expect((await as('nemo', 'POST', '/tasks', submit('blender', constants))).status).toBe(400);
  });

  it.each<[object, string]>([
    [tool('docker-batch'), 'name'],
    [tool('Listed'), 'name'],
    [tool('x', { image: 'Not an image' }), 'image'],
    [tool('x', { description: '\u001b[2J' }), 'description'],
    [tool('x', { tint: 'red' }), 'tint'],
    [tool('x', { constants: [{ name: 'A', pattern: '(a+)+' }] }), 'constants[0].pattern'],
    [tool('x', { constants: [{ name: 'QARNOT_SECRET_A', default: 'x' }] }), 'constants[0].default'],
  ])('that is wrong is refused by its field (%#)', async (document, field) => {
    const refused = await operator('POST', API, document);
    expect(refused.status).toBe(400);
    expect(Object.keys(refused.json()['errors'] ?? {})).toEqual([field]);
  });

  it('that is published by many at once has a version for each that differs', async () => {
    const same = await Promise.all(Array.from({ length: 6 }, () => publish(tool('at-once'))));
    expect(new Set(same.map(({ version }) => version))).toEqual(new Set([1]));
    await Promise.all(Array.from({ length: 6 }, (_, at) => publish(tool('at-once', { description: String(at) }))));
    const versions = ok(z.array(publishedProfileSchema), await operator('GET', `${API}/at-once/versions`));
    expect(versions.map(({ version }) => version)).toEqual([7, 6, 5, 4, 3, 2, 1]);
    const first = ok(profileVersionSchema, await operator('GET', `${API}/at-once?version=1`));
    expect(first.document).toMatchObject({ description: 'A <b>tool</b>', image: 'ghcr.io/studio/tool:1.0' });
  });
});
