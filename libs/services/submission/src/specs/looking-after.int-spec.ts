import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { newTokenSchema, userSchema, type WireUser } from '@fornax/contracts';
import { aLease, aRef, dispatched, eventually, started } from '@fornax/testing';
import { followSse, type SseReader } from './sse-reader.fixture.js';
import { minimal, startHarness, type Answer, type Harness } from './submission.fixture.js';
import { startReceiver } from '@fornax/notify/specs';

type Person = WireUser & { readonly token: string };
interface Told {
  readonly type: string;
  readonly actor: string;
  readonly onBehalfOf: string;
  readonly reason: string | null;
}

const API = '/fornax/v1';
const ROLES = ['owner', 'colleague', 'coordinator', 'auditor', 'stranger', 'outsider', 'operator'] as const;
type Role = (typeof ROLES)[number];

let harness: Harness;
let people: Readonly<Record<Role, Person>>;
const readers: SseReader[] = [];

const ok = (answer: Answer): Record<string, unknown> => {
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return answer.text === '' ? {} : (JSON.parse(answer.text) as Record<string, unknown>);
};
const as = (
  who: Role,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> => harness.call(method, path, body, { token: people[who].token, headers });

const newPerson = async (name: Role, role: string, organization?: string): Promise<Person> => {
  const body = { email: `${name}@example.org`, role, ...(organization === undefined ? {} : { organization }) };
  const user = userSchema.parse(ok(await harness.call('POST', `${API}/users`, body)));
  const { token } = newTokenSchema.parse(ok(await harness.call('POST', `${API}/users/${user.uuid}/tokens`, { name })));
  return { ...user, token };
};

beforeAll(async () => {
  harness = await startHarness({ FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: '127.0.0.1:*' });
  for (const name of ['Acme', 'Initech']) ok(await harness.call('POST', `${API}/organizations`, { name }));
  people = {
    owner: await newPerson('owner', 'user', 'Acme'),
    colleague: await newPerson('colleague', 'user', 'Acme'),
    coordinator: await newPerson('coordinator', 'coordinator', 'Acme'),
    auditor: await newPerson('auditor', 'auditor', 'Acme'),
    stranger: await newPerson('stranger', 'user'),
    outsider: await newPerson('outsider', 'coordinator', 'Initech'),
    operator: await newPerson('operator', 'operator'),
  };
}, 120_000);
afterEach(() => {
  for (const reader of readers.splice(0)) reader.close();
});
afterAll(() => harness.close());

const submit = async (more: object = {}): Promise<string> =>
  String(ok(await as('owner', 'POST', '/tasks', { ...minimal, ...more }))['uuid']);
const running = async (more: object = {}): Promise<string> => {
  const id = await submit(more);
  await harness.happen(id, dispatched(aLease(0)), started(aRef(0)));
  return id;
};
const historyOf = async (who: Role, id: string): Promise<readonly Told[]> =>
  ok(await as(who, 'GET', `${API}/tasks/${id}/events`))['events'] as readonly Told[];

describe('an operator who stops a task of somebody else', () => {
  it('does so as itself: history, live events and webhooks say who, for whom and why', async () => {
    const receiver = await startReceiver();
    const hook = ok(await as('owner', 'POST', `${API}/webhooks`, { url: receiver.url }));
    const reader = await followSse(`${harness.test.url}${API}/events`, { authorization: people.owner.token });
    readers.push(reader);
    await eventually(() => reader.messages.some(({ event }) => event === 'snapshot'));
    const id = await running();
    const headers = { 'fornax-reason': encodeURIComponent('überzieht sein Budget') };
    expect(await as('operator', 'POST', `/tasks/${id}/abort`, undefined, headers)).toMatchObject({ status: 200 });

    const told = {
      type: 'TaskCancelRequested',
      actor: `user:${people.operator.uuid}`,
      onBehalfOf: `user:${people.owner.uuid}`,
      reason: 'überzieht sein Budget',
    };
    for (const who of ['owner', 'operator', 'coordinator', 'auditor'] as const)
      expect(await historyOf(who, id)).toContainEqual(expect.objectContaining(told));
    const submitted = (await historyOf('owner', id)).find(({ type }) => type === 'TaskSubmitted');
    expect(submitted).toMatchObject({ actor: told.onBehalfOf, onBehalfOf: told.onBehalfOf, reason: null });

    const live = await eventually(() => reader.messages.find(({ event }) => event === 'TaskCancelRequested'));
    expect(JSON.parse(live.data)).toMatchObject(told);
    const hooked = await eventually(() => receiver.taken.find(({ type }) => type === 'TaskCancelRequested'));
    expect(hooked.data).toMatchObject(told);
    // An address is never shown, only the id that an operator can look up.
    const seen = JSON.stringify([
      await historyOf('owner', id),
      reader.messages,
      receiver.taken.map(({ text }) => text),
    ]);
    expect(seen).not.toContain(people.operator.email);
    await as('owner', 'DELETE', `${API}/webhooks/${String(hook['id'])}`);
    await receiver.close();
  });

  it('may send it again under its key; the first reason stays', async () => {
    const id = await running();
    const abort = (reason: string) =>
      as('operator', 'POST', `/tasks/${id}/abort`, undefined, {
        'idempotency-key': `stop-${id}`,
        'fornax-reason': reason,
      });
    expect([(await abort('first')).status, (await abort('second')).status]).toEqual([200, 200]);
    // Also when the answer was lost and only the log has it.
    await harness.query('DELETE FROM idempotency_key');
    expect((await abort('third')).status).toBe(200);
    const reasons = (await historyOf('owner', id)).flatMap(({ type, reason }) =>
      type === 'TaskCancelRequested' ? [reason] : [],
    );
    expect(reasons).toEqual(['first']);
  });

  it('is refused with a reason that cannot be shown, and nothing is done', async () => {
    const id = await submit();
    for (const reason of ['a%0Ab', 'x'.repeat(501), '%E2%80%AEtxet'])
      expect(await as('operator', 'POST', `/tasks/${id}/abort`, undefined, { 'fornax-reason': reason })).toMatchObject({
        status: 400,
        text: expect.stringContaining('Fornax-Reason'),
      });
    expect((await historyOf('owner', id)).map(({ type }) => type)).toEqual(['TaskSubmitted']);
  });

  it('names it by its id: a name is its owner’s own', async () => {
    await submit({ shortname: 'by-name' });
    for (const who of ['operator', 'coordinator'] as const)
      expect(await as(who, 'POST', '/tasks/by-name/abort')).toMatchObject({ status: 404 });
    const mine = ok(await as('operator', 'POST', '/tasks', { ...minimal, shortname: 'by-name' }))['uuid'];
    expect(ok(await as('operator', 'GET', '/tasks/by-name'))['uuid']).toBe(mine);
  });

  it('still lists its own tasks only', async () => {
    const id = await submit();
    for (const who of ['operator', 'coordinator'] as const) {
      const lists = await Promise.all([
        as(who, 'GET', '/tasks'),
        as(who, 'GET', '/tasks/summaries'),
        as(who, 'POST', '/tasks/paginate', {}),
        as(who, 'POST', '/tasks/search', { filter: null }),
      ]);
      for (const { status, text } of lists) expect([status, text.includes(id)]).toEqual([200, false]);
    }
  });

  it('deletes it, too, for good', async () => {
    const id = await running();
    const headers = { 'fornax-reason': 'asked%20for%20by%20phone' };
    expect(await as('coordinator', 'DELETE', `/tasks/${id}`, undefined, headers)).toMatchObject({ status: 200 });
    expect(await as('owner', 'GET', `/tasks/${id}`)).toMatchObject({ status: 404 });
    expect(await historyOf('owner', id)).toContainEqual(
      expect.objectContaining({ actor: `user:${people.coordinator.uuid}`, reason: 'asked for by phone' }),
    );
  });
});

/** Who may do what with a task of `owner`, by its id. The status of those who may is that of the command itself. */
const LOOKS: readonly Role[] = ['owner', 'coordinator', 'auditor', 'operator'];
const TENDS: readonly Role[] = ['owner', 'coordinator', 'operator'];
const COMMANDS: readonly (readonly [method: string, path: string, allowed: readonly Role[], status: number])[] = [
  ['GET', '/tasks/:id', LOOKS, 200],
  ['GET', '/tasks/:id/stdout', LOOKS, 200],
  ['GET', `${API}/tasks/:id/events`, LOOKS, 200],
  ['GET', `${API}/tasks/:id/instances`, LOOKS, 200],
  ['GET', `${API}/tasks/:id/waiting`, LOOKS, 200],
  ['POST', '/tasks/:id/abort', TENDS, 200],
  ['PATCH', '/tasks/:id', TENDS, 200],
  ['DELETE', '/tasks/:id', TENDS, 200],
  ['PUT', '/tasks/:id', ['owner'], 200],
  ['POST', '/tasks/:id/clone', ['owner'], 200],
  ['POST', '/tasks/:id/retry', TENDS, 400],
  ['POST', '/tasks/:id/resume', TENDS, 400],
  ['POST', '/tasks/:id/recover', TENDS, 400],
  ['POST', '/tasks/:id/stdout', ['owner'], 200],
  ['POST', '/tasks/:id/stderr/0', ['owner'], 200],
  // Of one that waits still.
  ['POST', `${API}/tasks/:id/instances/1/sessions`, ['owner', 'operator'], 409],
];

const bodyOf = (method: string, path: string): object | undefined => {
  if (path.endsWith('/sessions')) return { kind: 'exec', command: ['true'] };
  if (method === 'PUT') return { tags: ['changed'] };
  return method === 'POST' && /clone|re/.test(path) ? {} : undefined;
};

/** What a role meets that may not: an auditor writes nothing at all; for those who may not even look there is no such task. */
const refusalOf = (who: Role, method: string): number =>
  (who === 'auditor' && method !== 'GET') || LOOKS.includes(who) ? 403 : 404;

describe('what a role may do with the task of somebody else', () => {
  it('is what the page of threats says', () => {
    const page = readFileSync(new URL('../../../../../docs/explanation/threats.md', import.meta.url), 'utf8');
    const told = page.split('\n').flatMap((line) => {
      const [, what, ...cells] = line.split('|').map((cell) => cell.trim());
      return what !== undefined && /^`[A-Z]+ \/.*\{id\}.*`$/.test(what)
        ? [[what, ...cells.slice(0, -1)].join(' | ')]
        : [];
    });
    const shown = COMMANDS.map(([method, path, allowed]) =>
      [
        `\`${method} ${path.replace(':id', '{id}')}\``,
        ...(['colleague', 'auditor', 'coordinator', 'operator'] as const).map((who) =>
          allowed.includes(who) ? 'yes' : String(refusalOf(who, method)),
        ),
      ].join(' | '),
    );
    expect(told).toEqual(shown);
  });

  it.each(COMMANDS)('%s %s', async (method, path, allowed, status) => {
    for (const who of ROLES) {
      const id = await running();
      const before = await historyOf('owner', id);
      const body = bodyOf(method, path);
      const answer = await as(who, method, path.replace(':id', id), body);
      const refused = refusalOf(who, method);
      expect([who, answer.status]).toEqual([who, allowed.includes(who) ? status : refused]);
      if (refused === 404 && !allowed.includes(who)) {
        const nothing = await as(who, method, path.replace(':id', '00000000-0000-4000-8000-000000000000'), body);
        expect(nothing.text).toBe(answer.text.replaceAll(id, '00000000-0000-4000-8000-000000000000'));
      }
      if (!allowed.includes(who)) expect(await historyOf('owner', id)).toEqual(before);
    }
  });

  it('ends with the role, and with the organization', async () => {
    const id = await submit();
    const change = (body: object) => harness.call('PATCH', `${API}/users/${people.coordinator.uuid}`, body);
    const look = async () => (await as('coordinator', 'GET', `/tasks/${id}`)).status;
    expect(await look()).toBe(200);
    ok(await change({ organization: 'Initech' }));
    expect(await look()).toBe(404);
    ok(await change({ organization: 'Acme', role: 'user' }));
    expect(await look()).toBe(404);
    ok(await change({ role: 'coordinator' }));
    expect(await look()).toBe(200);
  });

  it('ends for what is followed live, when the owner leaves the organization', async () => {
    const id = await running();
    const url = `${harness.test.url}${API}/events?task=${id}&snapshot=false`;
    const reader = await followSse(url, { authorization: people.coordinator.token });
    readers.push(reader);
    await harness.happen(id, { type: 'TaskUpdated', tags: ['seen'], at: 7 });
    await eventually(() => reader.messages.some(({ event }) => event === 'TaskUpdated'));
    const change = (organization: string) =>
      harness.call('PATCH', `${API}/users/${people.owner.uuid}`, { organization });
    ok(await change(''));
    await harness.happen(id, { type: 'TaskUpdated', tags: ['secret'], at: 8 });
    await eventually(() => reader.isOver);
    expect(JSON.stringify(reader.messages)).not.toContain('secret');
    ok(await change('Acme'));
  });

  it('is no more when it reads as somebody else: it sees what that one does', async () => {
    const id = await submit();
    const header = { qarnotreadonlyrequestforaccount: people.colleague.email };
    expect(await as('operator', 'GET', `/tasks/${id}`, undefined, header)).toMatchObject({ status: 404 });
    expect(await as('coordinator', 'GET', '/tasks', undefined, header)).toMatchObject({ status: 200, text: '[]' });
    expect(await as('outsider', 'GET', '/tasks', undefined, header)).toMatchObject({ status: 403 });
  });
});

describe('who only reads', () => {
  it('may check a scaling and try it, also on the demand of a pool that it may see', async () => {
    const pool = { name: 'a pool', shortname: 'looked-at', profile: 'docker-batch', instanceCount: 1 };
    const { uuid } = ok(await as('owner', 'POST', '/pools', pool));
    const elasticProperty = { isElastic: true, minTotalSlots: 1, maxTotalSlots: 4 };
    const from = new Date().toISOString();
    const tried = { from, durationSeconds: 60, elasticProperty, demandOf: uuid };
    const policies = [{ type: 'Fixed', name: 'always', slotsCount: 1 }];
    const checked = await as('auditor', 'POST', '/sanity-checks/pools/scaling', { policies });
    expect([checked.status, checked.text]).toEqual([200, '']);
    const simulated = () => as('auditor', 'POST', `${API}/pools/scaling/simulate`, tried);
    expect(ok(await simulated())['isComplete']).toBe(true);
    expect((await as('auditor', 'POST', '/pools', pool)).status).toBe(403);
    expect((await as('auditor', 'PUT', `/pools/${String(uuid)}/scaling`, { policies })).status).toBe(403);
  });
});

describe('a change of an account', () => {
  it('keeps who made it, for whom and why', async () => {
    const path = `${API}/users/${people.colleague.uuid}`;
    const answer = await as(
      'operator',
      'PATCH',
      path,
      { quotas: { maxCores: 3 } },
      { 'fornax-reason': 'pilot%20is%20over' },
    );
    expect(answer.status).toBe(200);
    const last = (await harness.log.readAggregate('account', people.colleague.uuid)).at(-1);
    expect(last?.meta).toMatchObject({
      actor: `user:${people.operator.uuid}`,
      onBehalfOf: `user:${people.colleague.uuid}`,
      reason: 'pilot is over',
    });
    const own = ok(await as('colleague', 'POST', `${API}/me/tokens`, { name: 'mine' }));
    expect(own['token']).toEqual(expect.any(String));
    const mine = (await harness.log.readAggregate('account', people.colleague.uuid)).at(-1);
    expect(mine?.meta).toMatchObject({ actor: `user:${people.colleague.uuid}` });
    expect(mine?.meta.onBehalfOf).toBeUndefined();
  });
});
