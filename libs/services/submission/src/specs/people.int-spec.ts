import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  meSchema,
  newTokenSchema,
  organizationSchema,
  ownedProjectSchema,
  type RecordedCommit,
  tokenSchema,
  userPageSchema,
  userSchema,
  type WireNewToken,
  type WireUser,
} from '@fornax/contracts';
import { eventually } from '@fornax/testing';
import { z } from 'zod';
import { minimal, startHarness, type Answer, type Harness } from './submission.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());

const API = '/fornax/v1';
const ok = <S extends z.ZodType>(schema: S, answer: Answer): z.output<S> => {
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return schema.parse(answer.json());
};
const operator = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  harness.call(method, `${API}${path}`, body, { headers });
const as = (token: string, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  harness.call(method, path, body, { token, headers });

let count = 0;
/** A user, with a token. */
const newUser = async (more: object = {}): Promise<WireUser & { readonly token: string }> => {
  count += 1;
  const user = ok(userSchema, await operator('POST', '/users', { email: `user-${count}@example.org`, ...more }));
  return { ...user, token: (await newToken(user.email)).token };
};
const newToken = async (user: string, more: object = {}): Promise<WireNewToken> =>
  ok(newTokenSchema, await operator('POST', `/users/${user}/tokens`, { name: 'test', ...more }));
const statusOf = async (token: string): Promise<number> => (await as(token, 'GET', '/info')).status;
const commitsOf = (accountId: string): Promise<readonly RecordedCommit[]> =>
  harness.log.readAggregate('account', accountId);

describe('users', () => {
  it('are made by operators, once for each e-mail in any case', async () => {
    const user = ok(userSchema, await operator('POST', '/users', { Email: 'Grace@Example.org', Role: 'Auditor' }));
    expect(user).toMatchObject({ email: 'Grace@Example.org', role: 'auditor', disabled: false, organization: null });
    expect(ok(userSchema, await operator('GET', '/users/grace@example.ORG'))).toEqual(user);
    expect(ok(userSchema, await operator('GET', `/users/${user.uuid}`))).toEqual(user);
    expect(await operator('POST', '/users', { email: 'grace@example.org' })).toMatchObject({ status: 409 });
    const [first, second] = await Promise.all(
      ['hopper@example.org', 'HOPPER@example.org'].map((email) => operator('POST', '/users', { email })),
    );
    expect([first?.status, second?.status].toSorted()).toEqual([200, 409]);
  });

  it('are made once by a request that is repeated under its key, and not by another one', async () => {
    const headers = { 'idempotency-key': 'make it' };
    const post = (path: string, body: object) => operator('POST', path, body, headers);
    for (const [path, body, other] of [
      ['/users', { email: 'keyed@example.org' }, { email: 'keyed@example.org', role: 'auditor' }],
      ['/organizations', { name: 'Keyed' }, { name: 'Keyed', quotas: { maxCores: 1 } }],
      ['/projects', { name: 'Keyed', user: harness.email }, { name: 'Other', user: harness.email }],
    ] as const) {
      const first = await post(path, body);
      // Also when the answer is lost and only the log has it.
      await harness.query('DELETE FROM idempotency_key');
      const second = await post(path, body);
      expect([first.status, second.status, second.json()]).toEqual([200, 200, first.json()]);
      expect(await post(path, other)).toMatchObject({ status: 409 });
      expect(await operator('POST', path, body)).toMatchObject({ status: path === '/projects' ? 200 : 409 });
    }
  });

  it('are listed page by page', async () => {
    await newUser();
    await newUser();
    const all = ok(userPageSchema, await operator('GET', '/users?limit=500'));
    expect(all.data[0]).toMatchObject({ email: harness.email, role: 'operator' });
    const page = ok(userPageSchema, await operator('GET', '/users?Limit=1&offset=1'));
    expect(page).toEqual({ data: [all.data[1]], offset: 1, limit: 1, total: all.total });
    expect(await operator('GET', '/users?limit=0')).toMatchObject({ status: 400 });
  });

  it('change in role, quotas and access, at once and in one commit', async () => {
    const user = await newUser({ quotas: { maxTasks: 1 } });
    expect(user.quotas).toMatchObject({ maxTasks: 1, maxBuckets: 100 });
    expect(await as(user.token, 'POST', '/tasks', minimal)).toMatchObject({ status: 200 });
    expect(await as(user.token, 'POST', '/tasks', minimal)).toMatchObject({ status: 403 });
    const changed = await operator('PATCH', `/users/${user.email}`, {
      quotas: { maxTasks: 2, onDemand: { maxCores: 3 } },
    });
    expect(ok(userSchema, changed).quotas).toMatchObject({
      maxTasks: 2,
      maxBuckets: 100,
      onDemand: { maxCores: 3, maxInstances: 100_000 },
      flex: { maxCores: 10_000 },
    });
    expect(await as(user.token, 'POST', '/tasks', minimal)).toMatchObject({ status: 200 });
    const before = (await commitsOf(user.uuid)).length;
    await operator('PATCH', `/users/${user.uuid}`, { role: 'auditor', disabled: true });
    const last = (await commitsOf(user.uuid)).slice(before);
    expect(last.map(({ events }) => events.map(({ type }) => type))).toEqual([['RoleChanged', 'AccountDisabled']]);
    expect(await statusOf(user.token)).toBe(401);
    await operator('PATCH', `/users/${user.uuid}`, { disabled: false });
    expect(await statusOf(user.token)).toBe(200);
    expect(await as(user.token, 'POST', '/tasks', minimal)).toMatchObject({
      status: 403,
      text: JSON.stringify({ message: 'An auditor may only read' }),
    });
  });

  it('cannot lose their last operator', async () => {
    for (const change of [{ role: 'user' }, { disabled: true }])
      expect(await operator('PATCH', `/users/${harness.email}`, change)).toMatchObject({ status: 403 });
    expect(await operator('PATCH', `/users/${harness.email}`, { role: 'operator' })).toMatchObject({ status: 200 });
  });

  it.each([
    ['no e-mail', {}],
    ['an e-mail without @', { email: 'x' }],
    ['an e-mail with a slash', { email: 'a/b@c' }],
    ['an e-mail with a line break', { email: 'a@b\nc' }],
    ['a role of no kind', { email: 'z@z', role: 'root' }],
    ['an organization that is none', { email: 'z@z', organization: 'Nowhere' }],
    ['negative quotas', { email: 'z@z', quotas: { maxTasks: -1 } }],
    ['quotas beyond a counter', { email: 'z@z', quotas: { maxCores: 2 ** 31 } }],
    ['half an instance', { email: 'z@z', quotas: { flex: { maxInstances: 0.5 } } }],
  ])('are not made with %s', async (_, body) => {
    const answer = await operator('POST', '/users', body);
    expect({ status: answer.status, message: typeof answer.json()['message'] }).toEqual({
      status: 400,
      message: 'string',
    });
  });

  it('are nothing to other users', async () => {
    const eve = await newUser();
    const bob = await newUser();
    const calls: readonly (readonly [string, string, unknown?])[] = [
      ['GET', '/users'],
      ['GET', `/users/${bob.uuid}`],
      ['GET', `/users/${eve.uuid}`],
      ['POST', '/users', { email: 'new@example.org' }],
      ['PATCH', `/users/${eve.uuid}`, { role: 'operator' }],
      ['GET', `/users/${bob.uuid}/tokens`],
      ['POST', `/users/${bob.uuid}/tokens`, { name: 'x' }],
      ['DELETE', `/users/${bob.uuid}/tokens/x`],
      ['GET', '/organizations'],
      ['POST', '/organizations', { name: 'Eve Inc' }],
      ['GET', '/projects?user=x'],
      ['POST', '/projects', { name: 'x', user: bob.uuid }],
      ['PATCH', `/projects/${bob.uuid}`, { name: 'x' }],
    ];
    for (const [method, path, body] of calls) {
      const answer = await as(eve.token, method, `${API}${path}`, body);
      expect([method, path, answer.status]).toEqual([method, path, 403]);
      expect((await as('', method, `${API}${path}`, body)).status).toBe(401);
    }
  });
});

describe('tokens', () => {
  it('are shown once, named, listed without what opens anything, and revoked at once', async () => {
    const user = await newUser();
    const made = await as(user.token, 'POST', `${API}/me/tokens`, { name: 'laptop' });
    expect(made.headers.get('cache-control')).toBe('no-store');
    const token = ok(newTokenSchema, made);
    expect(token).toMatchObject({ name: 'laptop', expirationDate: null, isExpired: false });
    expect(token.token).toMatch(/^fx_[A-Za-z0-9_-]{43}$/);
    expect(await statusOf(token.token)).toBe(200);
    expect(ok(meSchema, await as(token.token, 'GET', `${API}/me`)).token).toBe(token.id);
    const listed = await as(user.token, 'GET', `${API}/me/tokens`);
    expect(ok(z.array(tokenSchema), listed).map(({ name }) => name)).toEqual(['test', 'laptop']);
    expect(listed.text).not.toMatch(/fx_|hash|secret/i);
    expect(await as(token.token, 'DELETE', `${API}/me/tokens/${token.id}`)).toMatchObject({ status: 200 });
    expect(await statusOf(token.token)).toBe(401);
    expect(await statusOf(user.token)).toBe(200);
    expect(await as(user.token, 'DELETE', `${API}/me/tokens/${token.id}`)).toMatchObject({ status: 404 });
  });

  it('are revoked by their account and by operators alone', async () => {
    const [bob, eve] = [await newUser(), await newUser()];
    const [token] = ok(z.array(tokenSchema), await operator('GET', `/users/${bob.email}/tokens`));
    expect(await as(eve.token, 'DELETE', `${API}/me/tokens/${token?.id}`)).toMatchObject({ status: 404 });
    expect(await statusOf(bob.token)).toBe(200);
    expect(await operator('DELETE', `/users/${eve.email}/tokens/${token?.id}`)).toMatchObject({ status: 404 });
    expect(await operator('DELETE', `/users/${bob.email}/tokens/${token?.id}`)).toMatchObject({ status: 200 });
    expect(await statusOf(bob.token)).toBe(401);
  });

  it('stop at their time', async () => {
    const user = await newUser();
    const expirationDate = new Date(Date.now() + 3_000).toISOString();
    const short = await newToken(user.email, { expirationDate });
    expect(short.expirationDate).toBe(expirationDate);
    expect(await statusOf(short.token)).toBe(200);
    await eventually(async () => (await statusOf(short.token)) === 401);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expirationDate));
    const listed = ok(z.array(tokenSchema), await as(user.token, 'GET', `${API}/me/tokens`));
    expect(listed.map(({ isExpired }) => isExpired)).toEqual([false, true]);
    for (const wrong of [new Date(Date.now() - 1).toISOString(), 'soon', 5])
      expect(await operator('POST', `/users/${user.email}/tokens`, { name: 'x', expirationDate: wrong })).toMatchObject(
        { status: 400 },
      );
  });

  it('are not shown again to a request that is repeated', async () => {
    const user = await newUser();
    const headers = { 'idempotency-key': 'once' };
    const first = await as(user.token, 'POST', `${API}/me/tokens`, { name: 'x' }, headers);
    const second = await as(user.token, 'POST', `${API}/me/tokens`, { name: 'x' }, headers);
    expect([first.status, second.status]).toEqual([200, 409]);
    expect(second.text).not.toContain('fx_');
    const { token } = ok(newTokenSchema, first);
    expect(JSON.stringify(await harness.query('SELECT * FROM idempotency_key'))).not.toContain(token);
    await harness.query('DELETE FROM idempotency_key');
    expect(await as(user.token, 'POST', `${API}/me/tokens`, { name: 'x' }, headers)).toMatchObject({ status: 409 });
    expect(ok(z.array(tokenSchema), await as(user.token, 'GET', `${API}/me/tokens`))).toHaveLength(2);
  });

  it('are in no event, in no other answer and in no row', async () => {
    const user = await newUser();
    const { token } = await newToken(user.email);
    await as(token, 'POST', '/tasks', minimal);
    const answers = await Promise.all([
      operator('GET', '/users'),
      operator('GET', `/users/${user.uuid}/tokens`),
      as(token, 'GET', `${API}/me`),
      as(token, 'GET', '/info'),
      as(token, 'GET', '/tasks'),
    ]);
    for (const { status, text } of answers) expect([status, text.includes(token)]).toEqual([200, false]);
    expect(JSON.stringify(await commitsOf(user.uuid))).not.toContain(token);
    const { sequence } = await harness.log.head();
    for await (const batch of harness.log.read({ from: 1, to: sequence }))
      expect(JSON.stringify(batch).includes(token)).toBe(false);
    const tables = (await harness.query(
      `SELECT table_schema || '.' || table_name AS name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema')`,
    )) as readonly { readonly name: string }[];
    for (const { name } of tables)
      expect([
        name,
        await harness.query(`SELECT 1 FROM ${name} t WHERE t::text LIKE '%' || $1 || '%'`, [token]),
      ]).toEqual([name, []]);
  });
});

describe('organizations', () => {
  it('have members, whom their auditor reads, and nobody else', async () => {
    const acme = ok(organizationSchema, await operator('POST', '/organizations', { name: 'Acme' }));
    expect(await operator('POST', '/organizations', { name: 'ACME' })).toMatchObject({ status: 409 });
    const member = await newUser({ organization: 'acme' });
    const auditor = await newUser({ organization: acme.uuid, role: 'auditor' });
    const stranger = await newUser();
    expect(ok(organizationSchema, await operator('GET', '/organizations/Acme')).members).toBe(2);
    const seen = ok(userPageSchema, await as(auditor.token, 'GET', `${API}/users`));
    expect(seen.data.map(({ uuid }) => uuid)).toEqual([member.uuid, auditor.uuid]);
    expect(await as(auditor.token, 'GET', `${API}/users/${stranger.uuid}`)).toMatchObject({ status: 404 });

    const created = await as(member.token, 'POST', '/tasks', { ...minimal, shortname: 'mine' });
    const uuid = String(created.json()['uuid']);
    const header = (account: string) => ({ QarnotReadOnlyRequestForAccount: account });
    const read = (token: string, account: string) => as(token, 'GET', '/tasks/mine', undefined, header(account));
    expect((await read(auditor.token, member.email)).json()['uuid']).toBe(uuid);
    expect((await read(harness.token, member.uuid)).json()['uuid']).toBe(uuid);
    expect(await read(auditor.token, stranger.email)).toMatchObject({ status: 403 });
    expect(await read(stranger.token, member.email)).toMatchObject({ status: 403 });
    const found = await as(auditor.token, 'POST', '/tasks/search', { filter: null }, header(member.email));
    expect(found.json()).toMatchObject([{ uuid }]);
    const page = await as(auditor.token, 'POST', '/tasks/paginate', {}, header(member.email));
    expect(page.json()).toMatchObject({ data: [{ uuid }] });
    for (const [method, path] of [
      ['POST', `/tasks/${uuid}/abort`],
      ['DELETE', `/tasks/${uuid}`],
      ['POST', `/tasks/${uuid}/stdout`],
      ['POST', '/tasks'],
      ['POST', `${API}/me/tokens`],
    ] as const)
      for (const token of [auditor.token, harness.token])
        expect((await as(token, method, path, { ...minimal }, header(member.email))).status).toBe(403);
    expect((await read(auditor.token, member.email)).json()).toMatchObject({ state: 'Submitted' });

    await operator('PATCH', `/users/${member.uuid}`, { organization: '' });
    expect(await read(auditor.token, member.email)).toMatchObject({ status: 403 });
  });
});

describe('projects', () => {
  it('are made, renamed, chosen and archived by their user', async () => {
    const user = await newUser();
    const made = ok(
      ownedProjectSchema,
      await as(user.token, 'POST', `${API}/me/projects`, { name: 'Wind Tunnel', description: 'Spring' }),
    );
    expect(made).toMatchObject({ slug: 'wind-tunnel', isDefault: false, archived: false, description: 'Spring' });
    const change = async (project: string, body: object) =>
      ok(ownedProjectSchema, await as(user.token, 'PATCH', `${API}/me/projects/${project}`, body));
    expect(await change('wind-tunnel', { name: 'Gale', isDefault: true })).toMatchObject({
      name: 'Gale',
      slug: 'wind-tunnel',
      isDefault: true,
    });
    const list = async () =>
      ok(z.array(ownedProjectSchema), await as(user.token, 'GET', `${API}/me/projects`)).map(
        ({ slug, isDefault, archived }) => [slug, isDefault, archived],
      );
    expect(await list()).toEqual([
      ['default', false, false],
      ['wind-tunnel', true, false],
    ]);
    await change(made.uuid, { archived: true });
    expect(await list()).toEqual([
      ['default', true, false],
      ['wind-tunnel', false, true],
    ]);
    expect(await as(user.token, 'PATCH', `${API}/me/projects/default`, { archived: true })).toMatchObject({
      status: 400,
    });
    expect(await as(user.token, 'PATCH', `${API}/me/projects/nope`, { name: 'x' })).toMatchObject({ status: 404 });
  });

  it('of somebody else are none', async () => {
    const [bob, eve] = [await newUser(), await newUser()];
    expect(await as(eve.token, 'PATCH', `${API}/me/projects/${bob.uuid}`, { name: 'x' })).toMatchObject({
      status: 404,
    });
  });

  it('of an organization are used by its members and changed by operators', async () => {
    await operator('POST', '/organizations', { name: 'Shared Inc' });
    const member = await newUser({ organization: 'Shared Inc' });
    const shared = ok(
      ownedProjectSchema,
      await operator('POST', '/projects', { name: 'Shared', organization: 'shared inc' }),
    );
    const quotas = { maxBuckets: null, maxStorageBytes: null, maxObjects: 5 };
    const bounded = await operator('PATCH', `/projects/${shared.uuid}`, { quotas: { maxObjects: 5 } });
    expect(ok(ownedProjectSchema, bounded).quotas).toEqual(quotas);
    expect(ok(ownedProjectSchema, await operator('GET', `/projects/${shared.uuid}`)).quotas).toEqual(quotas);
    const said = await operator('PATCH', `/projects/${shared.uuid}`, { quotas: { maxObjects: null } });
    expect(said).toMatchObject({ status: 200 });
    expect(ok(ownedProjectSchema, said).quotas).toEqual(quotas);
    const lifted = await operator('PATCH', `/projects/${shared.uuid}`, { quotas: { maxObjects: 'none' } });
    expect(ok(ownedProjectSchema, lifted).quotas).toEqual({ ...quotas, maxObjects: null });
    await operator('PATCH', `/projects/${shared.uuid}`, { quotas: { maxObjects: 5 } });
    expect(await operator('GET', '/projects/nope')).toMatchObject({ status: 404 });
    for (const project of ['shared', 'default'])
      expect(
        await as(member.token, 'PATCH', `${API}/me/projects/${project}`, { quotas: { maxObjects: 'none' } }),
      ).toMatchObject({ status: 403 });
    const mine = () => as(member.token, 'GET', `${API}/me/projects`);
    expect((await mine()).json()).toMatchObject([{ isDefault: true }, { uuid: shared.uuid, isDefault: false }]);
    expect(await as(member.token, 'PATCH', `${API}/me/projects/shared`, { name: 'Mine' })).toMatchObject({
      status: 403,
    });
    ok(ownedProjectSchema, await operator('PATCH', `/projects/${shared.uuid}`, { isDefault: true }));
    expect((await mine()).json()).toMatchObject([{ isDefault: false }, { uuid: shared.uuid, isDefault: true }]);
    await as(member.token, 'PATCH', `${API}/me/projects/default`, { isDefault: true });
    expect((await mine()).json()).toMatchObject([{ isDefault: true }, { isDefault: false }]);
    await as(member.token, 'PATCH', `${API}/me/projects/shared`, { isDefault: true });
    expect((await mine()).json()).toMatchObject([{ isDefault: false }, { isDefault: true }]);
    expect(
      ok(z.array(ownedProjectSchema), await operator('GET', '/projects?organization=Shared%20Inc')).map(
        ({ uuid, isDefault }) => [uuid, isDefault],
      ),
    ).toEqual([[shared.uuid, true]]);
    for (const body of [{ name: 'x' }, { name: 'x', user: member.uuid, organization: 'shared inc' }])
      expect(await operator('POST', '/projects', body)).toMatchObject({ status: 400 });
  });
});
