import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ada, creationDate, infoOfAda, plan, unbounded } from './a-user.fixture.js';
import { cannedPlatform } from './canned-platform.fixture.js';

const project = {
  uuid: 'p-1',
  name: 'Wind',
  slug: 'wind',
  description: '',
  organizationUuid: '00000000-0000-0000-0000-000000000000',
  isDefault: true,
  archived: false,
  user: { uuid: 'u-1', name: 'ada@example.org' },
  quotas: { ...unbounded, maxObjects: 7 },
  members: null,
};
const linus = { user: { uuid: 'u-2', name: 'linus@example.org' }, role: 'viewer' };
const token = { id: 't-1', name: 'laptop', creationDate, expirationDate: null, isExpired: false };
const acme = {
  uuid: 'o-1',
  name: 'Acme',
  quotas: { ...plan, flex: plan, onDemand: plan, ...unbounded },
  members: 2,
  creationDate,
};
const ADA = '/fornax/v1/users/ada%40example.org';

/** Answers of a platform, by method and path. */
const ANSWERS: Readonly<Record<string, readonly [status: number, body: unknown]>> = {
  'POST /fornax/v1/users': [200, ada],
  'GET /fornax/v1/users?limit=500&offset=0': [200, { data: [ada], offset: 0, limit: 500, total: 2 }],
  'GET /fornax/v1/users?limit=500&offset=1': [
    200,
    { data: [{ ...ada, email: 'bob@example.org', organization: null }], offset: 1, limit: 500, total: 2 },
  ],
  [`GET ${ADA}`]: [200, ada],
  [`PATCH ${ADA}`]: [200, { ...ada, disabled: true }],
  'GET /info': [200, infoOfAda],
  'GET /fornax/v1/me': [200, { ...ada, token: 't-1', projects: [] }],
  'POST /fornax/v1/me/tokens': [200, { ...token, token: 'fx_secret' }],
  [`POST ${ADA}/tokens`]: [200, { ...token, expirationDate: '2027-01-02T00:00:00Z', token: 'fx_of_ada' }],
  'GET /fornax/v1/me/tokens': [
    200,
    [token, { ...token, id: 't-2', expirationDate: '2026-01-03T00:00:00Z', isExpired: true }],
  ],
  'DELETE /fornax/v1/me/tokens/t-1': [200, ''],
  'GET /fornax/v1/me/shared-projects': [200, [{ project, role: 'maintainer', mayManage: true }]],
  'GET /fornax/v1/projects/p-1/members': [200, [linus]],
  'PUT /fornax/v1/projects/p-1/members/linus%40example.org': [200, linus],
  'DELETE /fornax/v1/projects/p-1/members/linus%40example.org': [200, ''],
  'POST /fornax/v1/me/projects': [200, project],
  'POST /fornax/v1/projects': [200, project],
  'GET /fornax/v1/me/projects': [200, [project]],
  'GET /fornax/v1/projects?organization=Acme%20Inc': [200, [{ ...project, user: null, isDefault: false }]],
  'PATCH /fornax/v1/me/projects/wind': [200, { ...project, archived: true, isDefault: false }],
  'GET /fornax/v1/projects/p-1': [200, project],
  'PATCH /fornax/v1/projects/p-1': [200, { ...project, name: 'Gale' }],
  'GET /fornax/v1/organizations': [200, [acme]],
  'POST /fornax/v1/organizations': [200, acme],
  'GET /fornax/v1/organizations/Acme': [200, acme],
  'PATCH /fornax/v1/organizations/Acme': [200, acme],
  'GET /fornax/v1/projects?user=eve': [403, { message: 'Only an operator may do this' }],
};

describe('fornax for people', () => {
  const platform = cannedPlatform({ answers: ANSWERS });
  const { bodies, fornax } = platform;
  beforeEach(() => {
    bodies.length = 0;
  });
  beforeAll(platform.start);
  afterAll(platform.stop);

  it('explains each command', async () => {
    const words = { user: 'disable', token: 'revoke', project: 'archive', quota: 'set', organization: 'create' };
    for (const [command, word] of Object.entries(words))
      expect(await fornax(command, '--help')).toMatchObject({ code: 0, stdout: expect.stringContaining(word) });
    expect((await fornax('quota', 'set', '--help')).stdout).toContain('--on-demand-cores');
  });

  it('says who the members of a project are, and changes them', async () => {
    expect((await fornax('project', 'members', '--help')).stdout).toContain('remove');
    const shown = { code: 0, stdout: expect.stringMatching(/linus@example\.org +viewer +u-2/) };
    expect(await fornax('project', 'members', 'list', 'wind')).toMatchObject(shown);
    expect(await fornax('project', 'members', 'set', 'wind', 'linus@example.org', 'viewer')).toMatchObject(shown);
    expect(bodies).toEqual([{ role: 'viewer' }]);
    expect(await fornax('project', 'members', 'remove', 'wind', 'linus@example.org')).toMatchObject({ code: 0 });
    expect(await fornax('project', 'members', 'set', 'wind', 'linus@example.org', 'king')).toMatchObject({ code: 2 });
  });

  it('makes a user', async () => {
    expect(
      await fornax('user', 'create', 'ada@example.org', '--role', 'auditor', '--organization', 'Acme'),
    ).toMatchObject({ code: 0, stdout: 'u-1\n' });
    expect(bodies).toEqual([{ email: 'ada@example.org', role: 'auditor', organization: 'Acme' }]);
    expect(await fornax('user', 'create', 'x@y', '--role', 'king')).toMatchObject({ code: 2 });
  });

  it('lists all pages of users', async () =>
    expect((await fornax('user', 'list')).stdout).toMatch(
      /ada@example.org +user +enabled +Acme +u-1\nbob@example.org +user +enabled +- +u-1\n/,
    ));

  it('shows a user, or who asks', async () => {
    expect(JSON.parse((await fornax('user', 'show', 'ada@example.org')).stdout)).toEqual(ada);
    expect(JSON.parse((await fornax('user', 'show')).stdout)).toMatchObject({ token: 't-1' });
  });

  it('changes a user', async () => {
    await fornax('user', 'role', 'ada@example.org', 'operator');
    expect((await fornax('user', 'disable', 'ada@example.org')).stdout).toContain('disabled');
    await fornax('user', 'enable', 'ada@example.org');
    await fornax('user', 'move', 'ada@example.org', 'Acme');
    await fornax('user', 'move', 'ada@example.org');
    expect(bodies).toEqual([
      { role: 'operator' },
      { disabled: true },
      { disabled: false },
      { organization: 'Acme' },
      { organization: '' },
    ]);
  });

  it('prints a new token alone, so that a script can take it', async () => {
    const { code, stdout, stderr } = await fornax('token', 'create', '--name', 'laptop');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'fx_secret\n' });
    expect(stderr).toContain('not shown again');
    expect(stderr).not.toContain('fx_secret');
  });

  it('makes a token that expires, for somebody else', async () => {
    const before = Date.now();
    await fornax('token', 'create', '-n', 'ci', '-e', '30d', '-u', 'ada@example.org');
    await fornax('token', 'create', '-n', 'ci', '-e', '2027-01-02', '-u', 'ada@example.org');
    const [later, fixed] = bodies as { expirationDate: string }[];
    const days = (Date.parse(later?.expirationDate ?? '') - before) / 86_400_000;
    expect(Math.round(days)).toBe(30);
    expect(fixed).toEqual({ name: 'ci', expirationDate: '2027-01-02T00:00:00.000Z' });
    expect(await fornax('token', 'create', '-n', 'ci', '-e', 'soon')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('30d'),
    });
    expect(await fornax('token', 'create')).toMatchObject({ code: 2, stderr: expect.stringContaining('--name') });
  });

  it('lists and revokes tokens', async () => {
    expect((await fornax('token', 'list')).stdout).toMatch(/laptop .* never +t-1\nlaptop .* \(expired\) +t-2\n/);
    expect(await fornax('token', 'revoke', 't-1')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await fornax('token', 'revoke', 'nope')).toMatchObject({ code: 1, stderr: expect.stringContaining('404') });
  });

  it('makes, lists and changes projects', async () => {
    expect((await fornax('project', 'create', 'Wind', '--description', 'd')).stdout).toBe('p-1\n');
    await fornax('project', 'create', 'Wind', '--organization', 'Acme');
    expect((await fornax('project', 'list')).stdout).toMatch(/wind +Wind +default +ada@example.org +p-1/);
    expect((await fornax('project', 'list', '--organization', 'Acme Inc')).stdout).toMatch(/wind .* organization/);
    expect((await fornax('project', 'archive', 'wind')).stdout).toBe('wind: Wind, archived\n');
    await fornax('project', 'default', 'wind');
    expect((await fornax('project', 'rename', 'p-1', 'Gale', '--any')).stdout).toContain('Gale');
    expect(bodies).toEqual([
      { name: 'Wind', description: 'd' },
      { name: 'Wind', organization: 'Acme' },
      { archived: true },
      { isDefault: true },
      { name: 'Gale' },
    ]);
    expect(await fornax('project', 'list', '-u', 'eve')).toMatchObject({
      code: 1,
      stderr: 'Only an operator may do this (HTTP 403)\n',
    });
  });

  it('shows and sets quotas', async () => {
    expect((await fornax('quota', 'show', 'ada@example.org')).stdout).toMatch(/tasks +1\n[^]*on-demand cores +6\n/);
    expect((await fornax('quota', 'show', '--organization', 'Acme')).stdout).not.toContain('tasks');
    expect((await fornax('quota', 'show')).stdout).toMatch(/pools +3 +9\n[^]*objects +12 +34\n/);
    await fornax('quota', 'set', 'ada@example.org', '--tasks', '9', '--flex-cores', '4');
    await fornax('quota', 'set', '--organization', 'Acme', '--instances', '7');
    expect(bodies).toEqual([{ quotas: { maxTasks: 9, flex: { maxCores: 4 } } }, { quotas: { maxInstances: 7 } }]);
    bodies.length = 0;
    expect((await fornax('quota', 'show', '--project', 'p-1')).stdout).toMatch(/buckets +none\n[^]*objects +7\n$/);
    await fornax('quota', 'set', '--project', 'p-1', '--objects', '7', '--storage-bytes', 'none');
    expect(bodies).toEqual([{ quotas: { maxObjects: 7, maxStorageBytes: 'none' } }]);
    expect(await fornax('quota', 'set', '--project', 'p-1', '--cores', '7')).toMatchObject({ code: 2 });
    expect(await fornax('quota', 'set', 'ada@example.org', '--project', 'p-1', '--objects', '7')).toMatchObject({
      code: 2,
    });
    expect(await fornax('quota', 'set', 'ada@example.org')).toMatchObject({ code: 2 });
    expect(await fornax('quota', 'set', '--tasks', '1')).toMatchObject({ code: 2 });
    expect(await fornax('quota', 'set', 'ada@example.org', '--tasks', '-1')).toMatchObject({ code: 2 });
  });

  it('makes and lists organizations', async () => {
    expect((await fornax('organization', 'create', 'Acme')).stdout).toBe('o-1\n');
    expect((await fornax('organization', 'list')).stdout).toMatch(/Acme +2 +o-1/);
  });
});

describe('fornax for an operator', () => {
  const own = '/fornax/v1';
  const gale = { ...project, uuid: 'p-2', slug: 'gale' };
  const initech = { ...acme, uuid: 'o-2', name: 'Initech' };
  const platform = cannedPlatform({
    answers: {
      ...ANSWERS,
      'GET /fornax/v1/me': [200, { ...ada, role: 'operator', token: 't-1', projects: [] }],
      [`GET ${own}/me/shared-projects`]: [200, []],
      [`GET ${own}/me/projects`]: [200, []],
      [`GET ${own}/organizations`]: [200, [acme, initech]],
      [`GET ${own}/projects?organization=o-1`]: [200, [project, { ...gale, uuid: 'p-3' }]],
      [`GET ${own}/projects?organization=o-2`]: [200, [gale]],
    },
  });
  const { fornax } = platform;
  beforeAll(platform.start);
  afterAll(platform.stop);

  it('finds a project of an organization by its slug, and asks which where several have one', async () => {
    expect((await fornax('project', 'members', 'list', 'wind')).stdout).toMatch(/linus@example\.org +viewer/);
    expect(await fornax('project', 'members', 'list', 'gale')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('p-3 (Acme), p-2 (Initech)'),
    });
  });
});
