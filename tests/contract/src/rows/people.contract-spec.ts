import { describe, expect, it } from '@jest/globals';
import { eventually } from '@fornax/testing';
import { anOrganization, aPerson, aProject, type Person } from '../clients/people.js';
import { readInfo, readUserQuotas } from '../clients/strict-reader.js';
import { csharpStyle, nodeStyle, styles, type StyledClient, type TaskInput } from '../clients/styles.js';
import { aTask, forever, submit, taskOf, untilOver } from '../clients/tasks.js';

/** A client with another user's token. */
const as = (client: StyledClient, { token }: Person): StyledClient => ({
  ...client,
  send: (method, path, asked = {}) => client.send(method, path, { token, ...asked }),
});

const refusal = async (client: StyledClient, task: TaskInput): Promise<readonly [number, string]> => {
  const answer = await client.send('POST', '/tasks', { body: client.creation(task) });
  return [answer.status, (answer.json() as { readonly message?: string }).message ?? ''];
};

describe.each(styles('csharp', 'cli'))('a quota of tasks, seen by $style', (client) => {
  it(`[row 86 ${client.style}] refuses in the exact words, and makes room by what may be deleted`, async () => {
    const person = await aPerson({ quotas: { maxTasks: 2 } });
    const mine = as(client, person);
    const kept = await submit(mine, aTask());
    const spare = await submit(mine, aTask({ autoDeleteOnCompletion: true }));
    await untilOver(mine, kept);
    await untilOver(mine, spare);
    const info = (await mine.send('GET', '/info')).json();
    expect(info).toMatchObject({ maxTask: 2, taskCount: 2 });
    // Room is made by the one that may go.
    const third = await submit(mine, aTask());
    await eventually(async () => (await mine.send('GET', `/tasks/${spare}`)).status === 404);
    expect((await mine.send('GET', `/tasks/${kept}`)).status).toBe(200);
    await untilOver(mine, third);
    const [status, message] = await refusal(mine, aTask());
    expect([status, message.toLowerCase()]).toEqual([403, expect.stringContaining('maximum number of tasks reached')]);
    await mine.send('DELETE', `/tasks/${kept}`);
    await eventually(
      async () => (await mine.send('POST', '/tasks', { body: client.creation(aTask()) })).status === 200,
    );
  });

  it(`[row 87 ${client.style}] keeps a finished task as long as it asked, and no longer`, async () => {
    const short = await submit(client, aTask({ completionTimeToLive: '00:00:02' }));
    const long = await submit(client, aTask({ completionTimeToLive: '01:00:00' }));
    await untilOver(client, short);
    await untilOver(client, long);
    await eventually(async () => (await client.send('GET', `/tasks/${short}`)).status === 404, { timeoutMs: 30_000 });
    expect((await client.send('GET', `/tasks/${long}`)).status).toBe(200);
  });
});

describe('projects, seen by the C# client', () => {
  it('[row 46 csharp] puts tasks into the default project or the one that is named', async () => {
    const person = await aPerson();
    const project = await aProject({ user: person.email });
    const mine = as(csharpStyle, person);
    const { projects } = readInfo((await mine.send('GET', '/info')).json(), 'info');
    expect(projects.filter(({ isDefault }) => isDefault)).toHaveLength(1);
    expect(projects.find(({ uuid }) => uuid === project.uuid)).toMatchObject({
      name: project.name,
      slug: project.slug,
      description: 'a project',
    });
    const put = async (more: TaskInput): Promise<string | null> => {
      const id = await submit(mine, aTask(more));
      return taskOf(await mine.send('GET', `/tasks/${id}`)).projectUuid;
    };
    expect(await put({ projectUuid: project.uuid })).toBe(project.uuid);
    expect(await put({})).toBe(projects.find(({ isDefault }) => isDefault)?.uuid);
    const nobodys = '11111111-1111-4111-8111-111111111111';
    expect((await refusal(mine, aTask({ projectUuid: nobodys })))[0]).toBe(400);
    const others = await aProject({ user: (await aPerson()).email });
    expect((await refusal(mine, aTask({ projectUuid: others.uuid })))[0]).toBe(400);
    const filter = csharpStyle.leaf('ProjectUuid', 'Equal', project.uuid);
    const found = (await mine.send('POST', '/tasks/search', { body: { Filter: filter } })).json();
    expect(found).toHaveLength(1);
  });
});

describe('quotas of an organization', () => {
  it('[row 4 csharp] tells its members how much they may run together', async () => {
    const organization = await anOrganization();
    const mine = as(csharpStyle, await aPerson({ organization }));
    readUserQuotas((await mine.send('GET', '/quotas/computing-quotas/user')).json(), 'user');
    const quotas = await mine.send('GET', '/quotas/computing-quotas/organization');
    expect([quotas.status, quotas.json()]).toMatchObject([200, { name: organization, flex: { maxInstances: 50 } }]);
    const alone = as(csharpStyle, await aPerson());
    expect((await alone.send('GET', '/quotas/computing-quotas/organization')).status).toBe(404);
    const info = (await mine.send('GET', '/info')).json();
    expect(info).toMatchObject({ computingQuotas: { organization: { name: organization } } });
    expect(readInfo(info, 'info').computingQuotas.organization?.name).toBe(organization);
  });
});

describe('reading for another account', () => {
  it('[row 110 any] shows the other account its own, and changes nothing of it', async () => {
    const person = await aPerson();
    const mine = as(nodeStyle, person);
    const id = await submit(mine, aTask(forever));
    const headers = { QarnotReadOnlyRequestForAccount: person.email };
    const look = (method: string, path: string, body?: unknown) =>
      nodeStyle.send(method, path, { headers, ...(body === undefined ? {} : { body }) });
    // An operator finds the task by its id anyway, but its own lists stay its own.
    expect((await nodeStyle.send('GET', '/tasks')).json()).not.toContainEqual(expect.objectContaining({ uuid: id }));
    expect((await look('GET', `/tasks/${id}`)).status).toBe(200);
    expect((await look('GET', '/info')).json()).toMatchObject({ email: person.email });
    expect((await look('POST', '/tasks/search', {})).json()).toHaveLength(1);
    expect((await look('POST', '/tasks/paginate', {})).json()).toMatchObject({ count: 1 });
    expect((await look('POST', `/tasks/${id}/abort`)).status).toBe(403);
    expect((await look('DELETE', `/tasks/${id}`)).status).toBe(403);
    expect((await look('POST', '/tasks', aTask())).status).toBe(403);
    // Nobody but an operator, or an auditor of the same organization, may look.
    const other = as(nodeStyle, await aPerson());
    expect((await other.send('GET', `/tasks/${id}`)).status).toBe(404);
    expect((await other.send('GET', `/tasks/${id}`, { headers })).status).toBe(403);
    await mine.send('DELETE', `/tasks/${id}`);
  });
});
