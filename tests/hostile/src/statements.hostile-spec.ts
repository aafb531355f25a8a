import { beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@fornax/testing';
import { call, expectOk } from './call.js';
import { newOrganization, newPerson, type Person } from './people.js';
import { platform } from './platform.js';

const STATEMENTS = '/fornax/v1/billing/statements?from=2020-01';

/** A task that is over, and in the ledger. */
const billed = async ({ token }: Person, tag: string): Promise<string> => {
  const body = {
    name: tag,
    shortname: tag,
    profile: 'docker-batch',
    instanceCount: 1,
    tags: [tag],
    constants: [{ key: 'DOCKER_CMD', value: 'true' }],
  };
  const { uuid } = await expectOk<{ readonly uuid: string }>('POST', '/tasks', { token, body });
  const isBilled = async (): Promise<boolean> => {
    const path = `/fornax/v1/billing/tasks/${uuid}/lines`;
    return (await expectOk<{ readonly count: number }>('GET', path, { token })).count > 0;
  };
  await eventually(isBilled, { timeoutMs: 60_000 });
  return uuid;
};

describe('a statement', () => {
  let organization: string;
  let victim: Person;
  let task: string;
  beforeAll(async () => {
    organization = (await newOrganization()).name;
    victim = await newPerson('user', organization);
    task = await billed(victim, 'a-tag-of-the-victim');
  }, 120_000);

  const QUESTIONS = ['project,user', 'task', 'tag', 'user,task,tag,node', 'label:x,user'].flatMap((groupBy) =>
    ['json', 'csv'].map((format) => `${STATEMENTS}&groupBy=${groupBy}&format=${format}`),
  );
  const seenBy = async (token: string, question: string): Promise<boolean> => {
    const { text } = await call('GET', question, { token });
    return [victim.id, victim.email, task, 'a-tag-of-the-victim'].some(
      (word) => text.includes(word) && !question.includes(word),
    );
  };

  it.each([
    ['a member of the same organization', 'user', true],
    ['a coordinator of another organization', 'coordinator', false],
    ['an auditor of another organization', 'auditor', false],
  ])('shows %s nothing of somebody else, however it is asked', async (_who, role, isColleague) => {
    const { token } = await newPerson(role, isColleague ? organization : (await newOrganization()).name);
    for (const question of QUESTIONS) expect([question, await seenBy(token, question)]).toEqual([question, false]);
    for (const account of [victim.id, victim.email]) {
      const answer = await call('GET', `${STATEMENTS}&account=${account}`, { token });
      expect([answer.status, await call('GET', `${STATEMENTS}&account=nobody`, { token })]).toMatchObject([
        404,
        { status: 404 },
      ]);
    }
    const ofProject = (project: string) => call('GET', `${STATEMENTS}&groupBy=user&project=${project}`, { token });
    expect([await ofProject(victim.id), await ofProject('nobody')]).toMatchObject([{ status: 404 }, { status: 404 }]);
  });

  it('would be noticed: who looks after the organization sees it by the same questions', async () => {
    for (const token of [platform.token, (await newPerson('auditor', organization)).token])
      for (const question of QUESTIONS) expect([question, await seenBy(token, question)]).toEqual([question, true]);
  });

  describe('leads down', () => {
    const bills = (id: string): readonly string[] => [
      `/fornax/v1/billing/tasks/${id}/lines`,
      `/fornax/v1/billing/tasks/${id}/cost`,
      `/credits/v1/tasks/${id}/credits`,
      `/carbon/v1/tasks/${id}/carbon-facts`,
    ];
    const answers = (paths: readonly string[], token: string) =>
      Promise.all(paths.map((path) => call('GET', path, { token })));

    it('for whoever looks after its owner: lines, cost, credits and carbon facts of the task, as its owner has them', async () => {
      const own = (await answers(bills(task), victim.token)).map(({ text }) => text.replace(/"carbon.*/, ''));
      const coordinator = await newPerson('coordinator', organization);
      const auditor = await newPerson('auditor', organization);
      for (const token of [platform.token, coordinator.token, auditor.token]) {
        const seen = await answers(bills(task), token);
        expect(seen.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
        expect(seen.map(({ text }) => text.replace(/"carbon.*/, ''))).toEqual(own);
        const { rows } = await expectOk<{ readonly rows: readonly { readonly lines: string | null }[] }>(
          'GET',
          `${STATEMENTS}&groupBy=task&account=${victim.id}`,
          { token },
        );
        expect(rows.map(({ lines }) => lines)).toEqual([bills(task)[0]]);
        // A name is of its owner alone.
        const named = await answers(bills('a-tag-of-the-victim'), token);
        expect(named.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
      }
    });

    it.each([
      ['a member of the same organization', 'user', true],
      ['somebody of another organization', 'user', false],
      ['a coordinator of another organization', 'coordinator', false],
      ['an auditor of another organization', 'auditor', false],
    ])('not for %s, to whom it is as if there were no such task', async (_who, role, isColleague) => {
      const { token } = await newPerson(role, isColleague ? organization : (await newOrganization()).name);
      const nobodys = crypto.randomUUID();
      const asIf = (await answers(bills(nobodys), token)).map(({ status, text }) => [
        status,
        text.replaceAll(nobodys, task),
      ]);
      expect((await answers(bills(task), token)).map(({ status, text }) => [status, text])).toEqual(asIf);
      expect(asIf.map(([status]) => status)).toEqual([404, 404, 404, 404]);
      const asPool = bills(task).map((path) => path.replace('/tasks/', '/pools/'));
      for (const { status } of await answers(asPool, token)) expect(status).toBe(404);
    });
  });
});
