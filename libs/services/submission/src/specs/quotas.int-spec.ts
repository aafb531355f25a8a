import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { organizationQuotasSchema, userInfoSchema, userQuotasSchema, type WireUserInfo } from '@fornax/contracts';
import { aLease, anEnd, aRef, concluded, dispatched, exited, started } from '@fornax/testing';
import { ended, leased, opened, ready } from './slots.fixture.js';
import { minimal, startHarness, type Harness } from './submission.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());

const API = '/fornax/v1';
let count = 0;
interface Person {
  readonly uuid: string;
  readonly email: string;
  readonly token: string;
}
const newPerson = async (more: object = {}): Promise<Person> => {
  count += 1;
  const email = `person-${count}@example.org`;
  const made = await harness.call('POST', `${API}/users`, { email, ...more });
  const token = await harness.call('POST', `${API}/users/${email}/tokens`, { name: 'test' });
  return { uuid: String(made.json()['uuid']), email, token: String(token.json()['token']) };
};
const get = async ({ token }: Person, path: string): Promise<unknown> =>
  (await harness.call('GET', path, undefined, { token })).json();
const infoOf = async (person: Person): Promise<WireUserInfo> => userInfoSchema.parse(await get(person, '/info'));
const submit = async ({ token }: Person, more: object = {}): Promise<string> => {
  const answer = await harness.call('POST', '/tasks', { ...minimal, ...more }, { token });
  if (answer.status !== 200) throw new Error(answer.text);
  return String(answer.json()['uuid']);
};
const fourCores = [{ discriminator: 'MinimumCoreHardwareConstraint', coreCount: 4 }];
const counts = (instances: number, cores: number) => ({
  runningInstancesCount: instances,
  runningCoresCount: cores,
  runningCoreCount: cores,
});

describe('what an account has stored', () => {
  it('is what storage said last while it is away, and never nothing', async () => {
    const [known, unknown] = [await newPerson(), await newPerson()];
    const stored = {
      bucketCount: 2,
      usedQuotaBytes: 1_234,
      usedQuotaBytesBucket: 1_234,
      fornax: { objectCount: 5, maxObjects: 10_000_000 },
    };
    expect(await infoOf(known)).toMatchObject(stored);
    harness.setStorage(false);
    try {
      expect(await infoOf(known)).toMatchObject(stored);
      expect((await harness.call('GET', '/info', undefined, { token: unknown.token })).status).toBe(503);
    } finally {
      harness.setStorage(true);
    }
    expect(await infoOf(unknown)).toMatchObject(stored);
  });
});

describe('[rows 3 and 4] counters', () => {
  it('are true while tasks run, by plan, and again when they are over', async () => {
    const ada = await newPerson();
    expect(await infoOf(ada)).toMatchObject({ taskCount: 0, runningTaskCount: 0, runningInstanceCount: 0 });
    const flex = await submit(ada);
    const onDemand = await submit(ada, { schedulingType: 'OnDemand', hardwareConstraints: fourCores });
    const reserved = await submit(ada, { schedulingType: 'reserved' });
    await submit(await newPerson());
    await harness.happen(flex, dispatched(aLease(0), aLease(1), aLease(2)), started(aRef(0), aRef(1)));
    await harness.happen(onDemand, dispatched(aLease(0)), started(aRef(0)));
    await harness.happen(reserved, dispatched(aLease(0)), started(aRef(0)));
    const info = await infoOf(ada);
    expect(info).toMatchObject({
      taskCount: 3,
      runningTaskCount: 3,
      runningInstanceCount: 4,
      runningCoreCount: 7,
      runningFlexInstanceCount: 2,
      runningFlexCoreCount: 2,
      runningOnDemandInstanceCount: 1,
      runningOnDemandCoreCount: 4,
      computingQuotas: { user: { flex: counts(2, 2), onDemand: counts(1, 4), reserved: [] }, organization: null },
    });
    expect(userQuotasSchema.parse(await get(ada, '/quotas/computing-quotas/user'))).toEqual(info.computingQuotas.user);

    await harness.happen(flex, exited(aRef(0)), concluded(anEnd(0)));
    await harness.happen(onDemand, exited(aRef(0)), concluded(anEnd(0)));
    expect(await infoOf(ada)).toMatchObject({ taskCount: 3, runningTaskCount: 2, runningInstanceCount: 2 });
    await harness.call('DELETE', `/tasks/${reserved}`, undefined, { token: ada.token });
    await harness.happen(reserved, concluded(anEnd(0, { outcome: 'cancelled' })), { type: 'TaskDeleted', at: 5_000 });
    expect(await infoOf(ada)).toMatchObject({ taskCount: 2, runningTaskCount: 1, runningInstanceCount: 1 });
  });

  it('have the slots of pools, and what runs in these but once', async () => {
    const ada = await newPerson();
    const twoCores = [{ discriminator: 'MinimumCoreHardwareConstraint', coreCount: 2 }];
    const pool = { name: 'warm', profile: 'docker-batch', instanceCount: 3, hardwareConstraints: twoCores };
    const shared = { ...pool, multiSlotsSettings: { slotsPerNode: 4 }, schedulingType: 'OnDemand' };
    const [flex, onDemand] = await Promise.all(
      [pool, shared].map(async (body) => {
        const made = await harness.call('POST', '/pools', body, { token: ada.token });
        return String(made.json()['uuid']);
      }),
    );
    await harness.happenToPool(flex ?? '', opened('0-2'), leased(0), leased(1), leased(2), ready(0), ready(1));
    await harness.happenToPool(onDemand ?? '', opened('0'), leased(0), ready(0));
    const inPool = await submit(ada, { profile: undefined, poolUuid: flex });
    await harness.happen(inPool, dispatched(aLease(0)), started(aRef(0)));
    const slots = { flex: counts(2, 4), onDemand: counts(1, 8) };
    expect(await infoOf(ada)).toMatchObject({
      runningTaskCount: 1,
      runningInstanceCount: 3,
      runningCoreCount: 12,
      computingQuotas: { user: slots },
    });
    await harness.happenToPool(flex ?? '', ended(0), ended(1), ended(2));
    expect(userQuotasSchema.parse(await get(ada, '/quotas/computing-quotas/user'))).toMatchObject({
      flex: counts(0, 0),
      onDemand: counts(1, 8),
    });
  });

  it('show quotas as they were changed, by plan', async () => {
    const ada = await newPerson({ quotas: { maxInstances: 10, maxCores: 20, flex: { maxInstances: 4 } } });
    expect(await infoOf(ada)).toMatchObject({
      maxInstances: 10,
      maxFlexInstances: 4,
      maxFlexCores: 20,
      maxOnDemandInstances: 10,
      defaultScheduling: 'Flex',
    });
    await harness.call('PATCH', `${API}/users/${ada.email}`, { quotas: { maxInstances: 3, maxTasks: 7 } });
    expect(await infoOf(ada)).toMatchObject({ maxTask: 7, maxInstances: 3, maxFlexInstances: 3 });
  });

  it('show how many pools may have slots at once: as many as there may be, unless somebody says it', async () => {
    const ada = await newPerson({ quotas: { maxPools: 8 } });
    expect(await infoOf(ada)).toMatchObject({ maxPool: 8, maxRunningPool: 8 });
    const path = `${API}/users/${ada.email}`;
    const changed = await harness.call('PATCH', path, { quotas: { maxRunningPools: 2 } });
    expect(changed.json()).toMatchObject({ quotas: { maxPools: 8, maxRunningPools: 2 } });
    expect(await infoOf(ada)).toMatchObject({ maxPool: 8, maxRunningPool: 2 });
    const made = await harness.call('POST', `${API}/organizations`, { name: 'Pooled', quotas: { maxRunningPools: 1 } });
    expect(made.text).not.toContain('maxRunningPools');
  });

  it('of an organization add up its members, for its members', async () => {
    await harness.call('POST', `${API}/organizations`, { name: 'Acme', quotas: { maxInstances: 50, maxCores: 60 } });
    const [ada, bob, idle] = [
      await newPerson({ organization: 'Acme' }),
      await newPerson({ organization: 'Acme' }),
      await newPerson({ organization: 'Acme' }),
    ];
    const stranger = await newPerson();
    for (const person of [ada, bob, stranger])
      await harness.happen(await submit(person), dispatched(aLease(0)), started(aRef(0)));
    const path = '/quotas/computing-quotas/organization';
    const coordinator = await newPerson({ organization: 'Acme', role: 'coordinator' });
    const auditor = await newPerson({ organization: 'Acme', role: 'auditor' });
    // What a colleague runs is nothing for a plain member: the same answer, without who.
    const flex = { maxInstances: 50, maxCores: 60, ...counts(2, 2), runningCountsPerUser: null };
    const onDemand = { maxInstances: 50, maxCores: 60, ...counts(0, 0), runningCountsPerUser: null };
    for (const member of [idle, ada])
      expect(await get(member, path)).toEqual({ name: 'Acme', flex, onDemand, reserved: [] });
    expect(await get(coordinator, path)).toEqual(await get(auditor, path));
    expect(organizationQuotasSchema.parse(await get(auditor, path))).toEqual({
      name: 'Acme',
      flex: {
        maxInstances: 50,
        maxCores: 60,
        ...counts(2, 2),
        runningCountsPerUser: { [ada.email]: counts(1, 1), [bob.email]: counts(1, 1) },
      },
      onDemand: { maxInstances: 50, maxCores: 60, ...counts(0, 0), runningCountsPerUser: {} },
      reserved: [],
    });
    expect((await infoOf(ada)).computingQuotas.organization).toMatchObject({ name: 'Acme', flex: counts(2, 2) });
    expect(await harness.call('GET', path, undefined, { token: stranger.token })).toMatchObject({ status: 404 });
    await harness.call('PATCH', `${API}/users/${ada.email}`, { organization: '' });
    expect(await harness.call('GET', path, undefined, { token: ada.token })).toMatchObject({ status: 404 });
    expect((await infoOf(bob)).computingQuotas.organization).toMatchObject({ flex: counts(1, 1) });
  });
});

describe('[row 46] projects on tasks', () => {
  const projectOf = async (person: Person, task: string) =>
    (await get(person, `/tasks/${task}`)) as { readonly projectUuid: string };

  it('are the default one unless another one is named', async () => {
    const ada = await newPerson();
    const { projects } = await infoOf(ada);
    expect(projects).toEqual([
      {
        uuid: ada.uuid,
        name: 'Default',
        slug: 'default',
        description: '',
        organizationUuid: '00000000-0000-0000-0000-000000000000',
        isDefault: true,
      },
    ]);
    const made = await harness.call('POST', `${API}/me/projects`, { name: 'Other' }, { token: ada.token });
    const other = String(made.json()['uuid']);
    const [plain, named] = [await submit(ada), await submit(ada, { ProjectUuid: other.toUpperCase() })];
    expect((await projectOf(ada, plain)).projectUuid).toBe(ada.uuid);
    expect((await projectOf(ada, named)).projectUuid).toBe(other);
    const filter = { Operator: 'Equal', Field: 'ProjectUuid', Value: other };
    const found = await harness.call('POST', '/tasks/search', { Filter: filter }, { token: ada.token });
    expect(found.json()).toMatchObject([{ uuid: named }]);
    await harness.call('PATCH', `${API}/me/projects/other`, { isDefault: true }, { token: ada.token });
    expect((await projectOf(ada, await submit(ada, { projectUuid: null }))).projectUuid).toBe(other);
    const clone = await harness.call('POST', `/tasks/${plain}/clone`, {}, { token: ada.token });
    expect((await projectOf(ada, String(clone.json()['uuid']))).projectUuid).toBe(ada.uuid);
  });

  it('are named where a pool has one that takes no more tasks', async () => {
    const ada = await newPerson();
    const { token } = ada;
    const gone = await harness.call('POST', `${API}/me/projects`, { name: 'Gone' }, { token });
    const projectUuid = String(gone.json()['uuid']);
    const pool = { name: 'warm', profile: 'docker-batch', instanceCount: 1, projectUuid };
    const poolUuid = String((await harness.call('POST', '/pools', pool, { token })).json()['uuid']);
    await harness.call('PATCH', `${API}/me/projects/gone`, { archived: true }, { token });
    const { profile: _profile, ...task } = minimal;
    const refused = await harness.call('POST', '/tasks', { ...task, poolUuid }, { token });
    expect([refused.status, refused.json()['errors']]).toEqual([
      400,
      { poolUuid: [`The project of the pool takes no more tasks: ${projectUuid}`] },
    ]);
  });

  it('are refused by name when they are unknown, archived or of somebody else', async () => {
    const [ada, eve] = [await newPerson(), await newPerson()];
    const made = await harness.call('POST', `${API}/me/projects`, { name: 'Old' }, { token: ada.token });
    const old = String(made.json()['uuid']);
    await harness.call('PATCH', `${API}/me/projects/old`, { archived: true }, { token: ada.token });
    for (const projectUuid of [old, eve.uuid, 'b2a3f3f0-0000-4000-8000-000000000001', 'default']) {
      const answer = await harness.call('POST', '/tasks', { ...minimal, projectUuid }, { token: ada.token });
      expect([projectUuid, answer.status, answer.json()['errors']]).toEqual([
        projectUuid,
        400,
        { projectUuid: [expect.any(String)] },
      ]);
    }
  });

  it('are null on a task that is older than projects', async () => {
    const uuid = '0198a000-0000-7000-8000-000000000123';
    const sample = await submit({ uuid: '', email: '', token: harness.token });
    const [commit] = await harness.log.readAggregate('task', sample);
    const [event] = commit?.events ?? [];
    if (event?.type !== 'TaskSubmitted') throw new Error('no submission');
    const { projectUuid: _, ...spec } = event.spec;
    await harness.happen(uuid, { ...event, taskId: uuid, spec });
    expect((await harness.call('GET', `/tasks/${uuid}`)).json()).toMatchObject({ projectUuid: null });
  });
});
