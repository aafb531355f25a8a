import { beforeAll, describe, expect, it } from '@jest/globals';
import { call, expectOk } from './call.js';
import { eventually } from '@fornax/testing';
import {
  filled,
  isRead,
  newOrganization,
  newPerson,
  operations,
  settle,
  type Belongings,
  type Operation,
  type Person,
} from './people.js';
import { platform } from './platform.js';

/** Answers that do not end by themselves are read until they have shown where things stand. */
const ENOUGH = /^event: (?:snapshot|end)$/m;
/** What needs no token (see anonymous.hostile-spec.ts) shows nothing of anybody, and heeds no header. */
const OPEN = /^\/(?:settings|versions|fornax\/v1\/sign-in|health.*|openapi\.json|docs(?:\/.*)?|metrics)$/;
const READ_AS = 'QarnotReadOnlyRequestForAccount';

let reads: readonly Operation[] = [];
let acme: { readonly id: string; readonly name: string };
let colleague: Person;
let theirs: Belongings;
let me: { readonly uuid: string; readonly email: string };
/** By what it is: a text that only its owner, and those who look after it, may see. */
let planted: Readonly<Record<string, string>>;

beforeAll(async () => {
  reads = (await operations()).filter(isRead);
  acme = await newOrganization();
  colleague = await newPerson('user', acme.name);
  theirs = await settle(colleague);
  me = await expectOk('GET', '/fornax/v1/me', { token: platform.token });
  planted = {
    "a colleague's e-mail": colleague.email,
    "a colleague's id": colleague.id,
    "the id of a colleague's token": colleague.tokenId,
    "a colleague's task": theirs.task,
    "the name of a colleague's task": theirs.taskName,
    "a tag of a colleague's task": theirs.tag,
    "a colleague's bucket": theirs.bucket,
    "a colleague's project": theirs.project,
    "the name of a colleague's project": theirs.projectName,
    "a colleague's webhook": theirs.webhook,
    "an operator's e-mail": me.email,
    "an operator's id": me.uuid,
  };
});

/** The whole answer; of one that goes on, its beginning. */
const textOf = async (
  { method, path }: Operation,
  token: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly text: string }> => {
  const stop = new AbortController();
  const response = await fetch(platform.apiUrl + path, {
    method,
    headers: { authorization: token, ...headers, ...(method === 'POST' ? { 'content-type': 'application/json' } : {}) },
    ...(method === 'POST' ? { body: '{}' } : {}),
    signal: AbortSignal.any([stop.signal, AbortSignal.timeout(30_000)]),
  });
  const decoder = new TextDecoder();
  let text = [...response.headers].map(([name, value]) => `${name}: ${value}\n`).join('');
  for await (const part of response.body ?? []) {
    text += decoder.decode(part, { stream: true });
    if (String(response.headers.get('content-type')).startsWith('text/event-stream') && ENOUGH.test(text)) break;
  }
  stop.abort();
  return { status: response.status, text };
};

/** What of the planted an answer holds that was not in the question. */
const seenIn = (text: string, question: string): readonly string[] =>
  Object.entries(planted).flatMap(([what, value]) => (text.includes(value) && !question.includes(value) ? [what] : []));

/** Asks everything that can be read, about everything that there is. @returns what was seen that belongs to others */
const lookEverywhere = async (
  token: string,
  own: string,
  isAsked = (_path: string): boolean => true,
): Promise<ReadonlyMap<string, readonly string[]>> => {
  const found = new Map<string, readonly string[]>();
  const values = [
    own,
    theirs.task,
    theirs.taskName,
    theirs.webhook,
    theirs.project,
    theirs.bucket,
    colleague.id,
    colleague.email,
    acme.id,
    acme.name,
  ];
  const queries = [
    { user: colleague.email, owner: colleague.id, account: colleague.id, all: 'true' },
    { organization: acme.name, task: theirs.task },
  ].map((query) => new URLSearchParams(query).toString());
  for (const { method, path } of reads) {
    if (!isAsked(path)) continue;
    const paths = path.includes('{')
      ? values.flatMap((value) =>
          path.indexOf('{') === path.lastIndexOf('{')
            ? [filled(path, value)]
            : [filled(path, value), filled(path, value, colleague.tokenId)],
        )
      : [path, ...queries.map((query) => `${path}?${query}`)];
    for (const asked of paths) {
      const { text } = await textOf({ method, path: asked }, token);
      const seen = seenIn(text, decodeURIComponent(asked));
      if (seen.length > 0) found.set(`${method} ${asked}`, seen);
    }
  }
  return found;
};

/** A task of the reader's own, which is over. @param projectUuid that it lies in */
const ownTask = async ({ token }: Person, projectUuid?: string): Promise<string> => {
  const body = {
    name: 'own',
    ...(projectUuid === undefined ? {} : { projectUuid }),
    profile: 'docker-batch',
    instanceCount: 1,
    constants: [{ key: 'DOCKER_CMD', value: 'echo mine' }],
  };
  const { uuid } = await expectOk<{ readonly uuid: string }>('POST', '/tasks', { token, body });
  const stateOf = async (): Promise<string> =>
    (await expectOk<{ readonly state: string }>('GET', `/tasks/${uuid}`, { token })).state;
  await eventually(async () => ['Success', 'Failure'].includes(await stateOf()), { timeoutMs: 60_000 });
  return uuid;
};

describe('somebody who reads everything that can be read', () => {
  it.each([
    ['a plain member of the same organization', 'user', true],
    ['a coordinator of another organization', 'coordinator', false],
    ['an auditor of another organization', 'auditor', false],
  ])(
    'sees nothing of others as %s',
    async (_, role, isColleague) => {
      const { name } = isColleague ? acme : await newOrganization();
      const reader = await newPerson(role, name);
      // An auditor submits nothing: what is its own is an id that nobody has.
      const own = role === 'auditor' ? reader.id : await ownTask(reader);
      expect(Object.fromEntries(await lookEverywhere(reader.token, own))).toEqual({});
    },
    240_000,
  );

  it('would be noticed: an operator sees all of it by the same questions', async () => {
    // The tail of a task that goes on does not end.
    const found = await lookEverywhere(platform.token, theirs.task, (path) => !path.endsWith('/tail'));
    const seen = new Set([...found.values()].flat());
    // Webhooks are their owner's alone.
    expect(Object.keys(planted).filter((what) => !seen.has(what))).toEqual(["a colleague's webhook"]);
  }, 240_000);
});

describe('somebody who asks to read as a colleague', () => {
  it.each(['user', 'coordinator', 'auditor'])(
    'is refused by every route, in the same words as for nobody (%s of another organization)',
    async (role) => {
      const reader = await newPerson(role, role === 'user' ? acme.name : (await newOrganization()).name);
      const answers = new Set<string>();
      for (const { method, path } of reads) {
        if (OPEN.test(path)) continue;
        for (const account of [colleague.email, colleague.id, 'nobody@example.org']) {
          const { status, text } = await textOf({ method, path: filled(path, theirs.task) }, reader.token, {
            [READ_AS]: account,
          });
          answers.add(`${status} ${text.slice(text.lastIndexOf('\n') + 1)}`);
          expect([path, seenIn(text, `${theirs.task}${account}`)]).toEqual([path, []]);
        }
      }
      expect([...answers].filter((answer) => !answer.startsWith('403 '))).toEqual([]);
    },
    240_000,
  );
});

describe('somebody who reads as a member of a shared project', () => {
  let member: Person;
  let project: string;
  let shared: Belongings;
  let apart: Belongings;
  const statusOf = async (path: string, reader: string, account = member.email): Promise<number> =>
    (await call('GET', path, { token: reader, headers: { [READ_AS]: account } })).status;
  const projectsOf = async (reader: string, account = member.email): Promise<readonly string[]> => {
    const asked = { token: reader, headers: { [READ_AS]: account } };
    const list = await expectOk<readonly { readonly project: { readonly uuid: string } }[]>(
      'GET',
      '/fornax/v1/me/shared-projects',
      asked,
    );
    return list.map((one) => one.project.uuid);
  };

  beforeAll(async () => {
    const operator = { token: platform.token };
    const [owner, one] = [await newPerson('user', acme.name), await newPerson('user', acme.name)];
    member = one;
    ({ uuid: project } = await expectOk<{ readonly uuid: string }>('POST', '/fornax/v1/projects', {
      ...operator,
      body: { name: 'turbine', organization: acme.name },
    }));
    const members = `/fornax/v1/projects/${project}/members`;
    await expectOk('PUT', `${members}/${owner.id}`, { ...operator, body: { role: 'member' } });
    await expectOk('PUT', `${members}/${member.id}`, { ...operator, body: { role: 'viewer' } });
    apart = await settle(owner);
    shared = { ...apart, task: await ownTask(owner, project) };
  });

  it.each(['auditor', 'coordinator', 'operator'])(
    'sees the project as it does, and no more of whose tasks are in it (%s)',
    async (role) => {
      const reader = role === 'operator' ? platform.token : (await newPerson(role, acme.name)).token;
      expect(await projectsOf(reader)).toEqual([project]);
      expect(await statusOf(`/tasks/${shared.task}`, reader)).toBe(200);
      expect(await statusOf(`/fornax/v1/projects/${project}/members`, reader)).toBe(200);
      expect(await statusOf(`/tasks/${apart.task}`, reader)).toBe(404);
      const asMember = { token: reader, headers: { [READ_AS]: member.email } };
      const { text } = await call('GET', `/fornax/v1/tasks/${shared.task}/rights`, asMember);
      expect(JSON.parse(text)).toMatchObject({ may: 'look', mayClone: false });
      expect((await call('POST', `/tasks/${shared.task}/abort`, asMember)).status).toBe(403);
      const change = { ...asMember, body: { role: 'maintainer' } };
      expect((await call('PUT', `/fornax/v1/projects/${project}/members/${member.id}`, change)).status).toBe(403);
    },
  );

  it('comes to no project of another organization through it', async () => {
    const elsewhere = await newOrganization();
    for (const role of ['auditor', 'coordinator']) {
      const { token } = await newPerson(role, elsewhere.name);
      expect(await statusOf('/fornax/v1/me/shared-projects', token)).toBe(403);
      expect(await statusOf(`/tasks/${shared.task}`, token)).toBe(403);
      // As itself, or as a colleague of its own, it has no role there.
      const colleagueOfIts = await newPerson('user', elsewhere.name);
      expect(await projectsOf(token, colleagueOfIts.email)).toEqual([]);
      expect(await statusOf(`/tasks/${shared.task}`, token, colleagueOfIts.email)).toBe(404);
    }
  });

  it('sees nothing of it any more once the member has left the organization, nor does an auditor of the one that it goes to', async () => {
    const mover = await newPerson('user', acme.name);
    const operator = { token: platform.token };
    await expectOk('PUT', `/fornax/v1/projects/${project}/members/${mover.id}`, {
      ...operator,
      body: { role: 'viewer' },
    });
    expect(await statusOf(`/tasks/${shared.task}`, platform.token, mover.email)).toBe(200);
    const next = await newOrganization();
    await expectOk('PATCH', `/fornax/v1/users/${mover.id}`, { ...operator, body: { organization: next.name } });
    const auditor = await newPerson('auditor', next.name);
    for (const token of [platform.token, auditor.token]) {
      expect(await projectsOf(token, mover.email)).toEqual([]);
      expect(await statusOf(`/tasks/${shared.task}`, token, mover.email)).toBe(404);
    }
  });
});

describe('the quotas of an organization', () => {
  it('name members and what each runs to those who may look at that, and to nobody else', async () => {
    const path = '/quotas/computing-quotas/organization';
    const quotasOf = async (role: string): Promise<string> =>
      (await call('GET', path, { token: (await newPerson(role, acme.id)).token })).text;
    expect(JSON.parse(await quotasOf('user'))).toMatchObject({ flex: { runningCountsPerUser: null } });
    for (const role of ['auditor', 'coordinator', 'operator'])
      expect(JSON.parse(await quotasOf(role))).toMatchObject({ flex: { runningCountsPerUser: expect.any(Object) } });
  });
});
