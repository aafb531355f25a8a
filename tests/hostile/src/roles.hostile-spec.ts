import { beforeAll, describe, expect, it } from '@jest/globals';
import { call, expectOk } from './call.js';
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

/** What changes nothing but the caller's own: a command that is not here needs a role, or the id of something of one's own. */
const FOR_EVERYBODY = new Set([
  'POST /tasks',
  'POST /fornax/v1/me/tokens',
  // Sessions and links of the caller's own account.
  'POST /fornax/v1/session',
  'DELETE /fornax/v1/session',
  'POST /fornax/v1/session/links',
  'POST /fornax/v1/me/projects',
  'POST /fornax/v1/webhooks',
]);

let commands: readonly Operation[] = [];
let acme: { readonly id: string; readonly name: string };
let victim: Person;
let theirs: Belongings;

beforeAll(async () => {
  commands = (await operations()).filter((operation) => !isRead(operation));
  acme = await newOrganization();
  victim = await newPerson('user', acme.name);
  theirs = await settle(victim);
});

/** Everything of the victim that a command of others could have changed, without what changes by itself. */
const standing = async (): Promise<unknown> => {
  const token = { token: platform.token };
  const { events } = await expectOk<{ readonly events: readonly { readonly type: string; readonly actor: string }[] }>(
    'GET',
    `/fornax/v1/tasks/${theirs.task}/events`,
    token,
  );
  const nodes = await expectOk<readonly { readonly isDrainRequested: boolean; readonly status: string }[]>(
    'GET',
    '/fornax/v1/nodes',
    token,
  );
  return {
    byPeople: events.filter(({ actor }) => actor.startsWith('user:')),
    nodes: nodes.map(({ isDrainRequested, status }) => [isDrainRequested, status]),
    account: await expectOk('GET', `/fornax/v1/users/${victim.id}`, token),
    tokens: await expectOk('GET', `/fornax/v1/users/${victim.id}/tokens`, token),
    projects: await expectOk('GET', `/fornax/v1/projects?user=${victim.id}`, token),
    webhooks: await expectOk('GET', '/fornax/v1/webhooks', { token: victim.token }),
    organization: (await expectOk<object>('GET', `/fornax/v1/organizations/${acme.id}`, token)) && acme,
  };
};

describe('every command of the API document', () => {
  it.each([
    ['a plain member of the same organization', 'user', true],
    ['a stranger', 'user', false],
    ['a coordinator of another organization', 'coordinator', false],
    ['an auditor of the same organization', 'auditor', true],
    ['an auditor of another organization', 'auditor', false],
  ])(
    'does nothing to what belongs to somebody else, for %s',
    async (_, role, isColleague) => {
      const attacker = await newPerson(role, isColleague ? acme.name : (await newOrganization()).name);
      const before = await standing();
      const [node] = await expectOk<readonly { readonly id: string }[]>('GET', '/fornax/v1/nodes', {
        token: platform.token,
      });
      const values = [
        theirs.task,
        theirs.webhook,
        theirs.project,
        theirs.bucket,
        victim.id,
        victim.email,
        victim.tokenId,
        acme.id,
        acme.name,
        node?.id ?? '',
        'status',
      ];
      const taken: string[] = [];
      for (const { method, path } of commands) {
        if (FOR_EVERYBODY.has(`${method} ${path}`)) continue;
        const paths = path.includes('{') ? values.map((value) => filled(path, value, victim.tokenId)) : [path];
        for (const asked of paths) {
          const { status } = await call(method, asked, {
            token: attacker.token,
            headers: { 'fornax-reason': 'attack' },
            ...(method === 'DELETE' ? {} : { body: {} }),
          });
          if (status < 400 || status >= 500) taken.push(`${method} ${asked}: ${status}`);
        }
      }
      expect(taken).toEqual([]);
      expect(await standing()).toEqual(before);
      // The attacker is let in all the same, and the victim too: nothing was revoked.
      for (const { token } of [attacker, victim]) expect((await call('GET', '/info', { token })).status).toBe(200);
    },
    240_000,
  );

  it('that stops a task is taken from its operator, who is named', async () => {
    const { uuid: id } = await expectOk<{ readonly uuid: string }>('GET', '/fornax/v1/me', { token: platform.token });
    const { task } = await settle(victim);
    await expectOk('POST', `/tasks/${task}/abort`, {
      token: platform.token,
      headers: { 'fornax-reason': 'why%20not' },
    });
    const { events } = await expectOk<{ readonly events: readonly object[] }>(
      'GET',
      `/fornax/v1/tasks/${task}/events`,
      { token: victim.token },
    );
    const told = {
      type: 'TaskCancelRequested',
      actor: `user:${id}`,
      onBehalfOf: `user:${victim.id}`,
      reason: 'why not',
    };
    expect(events).toContainEqual(expect.objectContaining(told));
  });
});
