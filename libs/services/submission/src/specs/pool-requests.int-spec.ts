import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aLease, anEnd, aRef, concluded, dispatched, eventually, exited } from '@fornax/testing';
import { minimal, readFrom, startHarness, submitTo, type Harness } from './submission.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());

const pool = { name: 'a pool', profile: 'docker-batch' };
const wrong = async (method: string, path: string, body: object): Promise<readonly string[]> => {
  const answer = await harness.call(method, path, body);
  expect(answer.status).toBe(400);
  return Object.keys(answer.json()['errors'] ?? {});
};
const create = async (): Promise<string> =>
  String((await harness.call('POST', '/pools', { ...pool, instanceCount: 1 })).json()['uuid']);

describe('a size that cannot be', () => {
  it('is refused with its field: more idle slots than there may be', async () => {
    const elasticProperty = { isElastic: true, maxTotalSlots: 2, minIdleSlots: 3 };
    expect(await wrong('POST', '/pools', { ...pool, elasticProperty })).toEqual(['elasticProperty.minIdleSlots']);
    const managed = { type: 'ManagedTasksQueue', maxTotalSlots: 2, minIdleSlots: 3 };
    expect(await wrong('POST', '/pools', { ...pool, scaling: { policies: [managed] } })).toEqual([
      'scaling.policies[0].minIdleSlots',
    ]);
  });

  it('is no scaling without policies, for the check as for a pool', async () => {
    expect(await wrong('POST', '/sanity-checks/pools/scaling', { policies: [] })).toEqual(['policies']);
    expect(await wrong('PUT', `/pools/${await create()}/scaling`, { policies: [] })).toEqual(['policies']);
  });
});

describe('what a pool cannot have', () => {
  const constants = (count: number) => Array.from({ length: count }, (_, n) => ({ key: `K${n}`, value: 'v' }));

  it('is more than fifty constants, also later', async () => {
    expect(await wrong('POST', '/pools', { ...pool, instanceCount: 1, constants: constants(51) })).toEqual([
      'constants',
    ]);
    const id = await create();
    expect(await wrong('PUT', `/pools/${id}`, { constants: constants(51) })).toEqual(['constants']);
    expect((await harness.call('PUT', `/pools/${id}`, { constants: constants(50) })).status).toBe(200);
  });

  it.each(['paginate', 'schema', 'search', 'summaries'])(
    'is the name %s, nor can a task or a job',
    async (shortname) => {
      expect(await wrong('POST', '/pools', { ...pool, instanceCount: 1, shortname })).toEqual(['shortname']);
      expect(await wrong('POST', '/tasks', { ...minimal, shortname })).toEqual(['shortname']);
      expect(await wrong('POST', '/jobs', { name: 'a job', shortname })).toEqual(['shortname']);
    },
  );
});

describe('a copy of a task in a pool', () => {
  it('runs in the pool too, with secrets of both, while the pool takes tasks', async () => {
    const poolUuid = await create();
    const { profile: _profile, ...task } = minimal;
    const constants = [
      { key: 'DOCKER_CMD', value: 'true' },
      { key: 'QARNOT_SECRET_OWN', value: 'a' },
    ];
    const made = await harness.call('POST', '/tasks', { ...task, instanceCount: 1, poolUuid, constants });
    // The pool has a secret since that its older tasks do not know.
    const update = { constants: [{ key: 'QARNOT_SECRET_NEW', value: 'b' }] };
    expect((await harness.call('PUT', `/pools/${poolUuid}`, update)).status).toBe(200);
    const path = `/tasks/${String(made.json()['uuid'])}/clone`;
    const copy = await readFrom(harness, String((await harness.call('POST', path, {})).json()['uuid']));
    expect(copy).toMatchObject({ poolUuid, profile: 'docker-batch' });
    expect(copy.constants.map(({ key }) => key)).toEqual(
      expect.arrayContaining(['DOCKER_CMD', 'QARNOT_SECRET_OWN', 'QARNOT_SECRET_NEW']),
    );
    expect((await harness.call('POST', `/pools/${poolUuid}/close`)).status).toBe(200);
    expect(await wrong('POST', path, {})).toEqual(['poolUuid']);
  });

  it.each([
    ['retry', 'failure'],
    ['resume', 'cancelled'],
    ['recover', 'failure'],
  ] as const)('%s runs in another pool that the request names, as its own is closed', async (kind, outcome) => {
    const [own, other] = [await create(), await create()];
    const { profile: _profile, ...task } = minimal;
    const origin = String(
      (await harness.call('POST', '/tasks', { ...task, instanceCount: 1, poolUuid: own })).json()['uuid'],
    );
    await harness.happen(origin, dispatched(aLease(0)), exited(aRef(0)), concluded(anEnd(0, { outcome })));
    await harness.call('POST', `/pools/${own}/close`);
    const path = `/tasks/${origin}/${kind}`;
    expect(await wrong('POST', path, {})).toEqual(['poolUuid']);
    expect(await wrong('POST', path, { poolUuid: 'nobody' })).toEqual(['poolUuid']);
    const copy = await harness.call('POST', path, { poolUuid: other });
    expect(await readFrom(harness, String(copy.json()['uuid']))).toMatchObject({ poolUuid: other });
  });
});

describe('a pool that tasks were submitted to a moment ago', () => {
  const submitInto = (poolUuid: string) => {
    const { profile: _profile, ...task } = minimal;
    return harness.call('POST', '/tasks', { ...task, instanceCount: 1, poolUuid });
  };
  const made = async (name: string) => readFrom(harness, String((await submitInto(name)).json()['uuid']));

  it('is taken as it is now: with new constants, closed by another process, or another one of its name', async () => {
    const named = { ...pool, instanceCount: 1, shortname: 'larder' };
    const first = String((await harness.call('POST', '/pools', named)).json()['uuid']);
    expect((await made('larder')).poolUuid).toBe(first);
    const constants = [{ key: 'SHELF', value: 'upper' }];
    expect((await harness.call('PUT', `/pools/${first}`, { constants })).status).toBe(200);
    expect((await made('larder')).constants).toContainEqual(expect.objectContaining({ key: 'SHELF', value: 'upper' }));

    await harness.happenToPool(first, { type: 'PoolCloseRequested', at: Date.now() });
    await eventually(async () => (await submitInto('larder')).status === 400);
    expect((await harness.call('DELETE', `/pools/${first}`)).status).toBe(200);
    await eventually(async () => (await harness.call('POST', '/pools', named)).status === 200);
    const second = String((await harness.call('GET', '/pools/larder')).json()['uuid']);
    expect(second).not.toBe(first);
    expect((await made('larder')).poolUuid).toBe(second);
  });
});

describe('a task in a pool of a project', () => {
  it('belongs to that project, says no other, and is refused once that is archived', async () => {
    const named = { user: 'ada@example.org', name: 'Wind' };
    const project = String((await harness.call('POST', '/fornax/v1/projects', named)).json()['uuid']);
    const body = { ...pool, instanceCount: 1, projectUuid: project };
    const poolUuid = String((await harness.call('POST', '/pools', body)).json()['uuid']);
    const { profile: _profile, ...task } = minimal;
    const inPool = { ...task, instanceCount: 1, poolUuid };
    const made = String((await harness.call('POST', '/tasks', inPool)).json()['uuid']);
    expect(await readFrom(harness, made)).toMatchObject({ projectUuid: project });
    const other = (await readFrom(harness, await submitTo(harness))).projectUuid ?? '';
    expect(other).not.toBe(project);
    expect(await wrong('POST', '/tasks', { ...inPool, projectUuid: other })).toEqual(['projectUuid']);
    expect((await harness.call('POST', '/tasks', { ...inPool, projectUuid: project })).status).toBe(200);
    await harness.call('PATCH', `/fornax/v1/projects/${project}`, { archived: true });
    expect(await wrong('POST', '/tasks', inPool)).toEqual(['poolUuid']);
  });
});

describe('the jobs of a pool', () => {
  it('are those that run in it, newest first, and no others', async () => {
    const [poolUuid, other] = [await create(), await create()];
    const job = async (name: string, pool?: string): Promise<string> => {
      const body = { name, ...(pool === undefined ? {} : { poolUuid: pool }) };
      return String((await harness.call('POST', '/jobs', body)).json()['uuid']);
    };
    const [first, second] = [await job('first', poolUuid), await job('second', poolUuid)];
    await job('elsewhere', other);
    await job('nowhere');
    const answer = await harness.call('GET', `/pools/${poolUuid}/jobs`);
    const jobs = JSON.parse(answer.text) as readonly Record<string, unknown>[];
    expect(jobs.map(({ uuid, poolUuid: of }) => [uuid, of])).toEqual([
      [second, poolUuid],
      [first, poolUuid],
    ]);
    const task = await harness.call('POST', '/tasks', { name: 't', jobUuid: first, instanceCount: 1 });
    expect(await readFrom(harness, String(task.json()['uuid']))).toMatchObject({ jobUuid: first, poolUuid });
    expect((await harness.call('GET', '/pools/nobody/jobs')).status).toBe(404);
    const stranger = await harness.addAccount();
    expect((await harness.call('GET', `/pools/${poolUuid}/jobs`, undefined, { token: stranger })).status).toBe(404);
  });
});

describe('a pool that is deleted', () => {
  it('has cancelled few tasks when that is answered', async () => {
    const poolUuid = await create();
    const { profile: _profile, ...task } = minimal;
    const made = await harness.call('POST', '/tasks', { ...task, instanceCount: 1, poolUuid });
    expect((await harness.call('DELETE', `/pools/${poolUuid}`)).status).toBe(200);
    expect(await readFrom(harness, String(made.json()['uuid']))).toMatchObject({
      state: 'Cancelled',
      errors: [{ code: 'FX-POOL-DELETED', message: 'The task was cancelled because its pool was deleted' }],
    });
  });

  it('cancels many tasks behind the answer, also by a process that comes after', async () => {
    const poolUuid = await create();
    const { profile: _profile, ...task } = minimal;
    const tasks = Array.from({ length: 1_100 }, () => ({ ...task, instanceCount: 1, poolUuid }));
    for (const part of [tasks.slice(0, 550), tasks.slice(550)])
      expect((await harness.call('POST', '/tasks', part)).status).toBe(200);
    const [first] = await harness.query(`SELECT task_id FROM task WHERE spec->>'poolUuid' = $1 ORDER BY task_id`, [
      poolUuid,
    ]);
    expect((await harness.call('DELETE', `/pools/${poolUuid}`)).status).toBe(200);
    const open = () =>
      harness.query(
        `SELECT task_id FROM task WHERE spec->>'poolUuid' = $1 AND state NOT IN ('Cancelled', 'PendingCancel')`,
        [poolUuid],
      );
    expect((await open()).length).toBeGreaterThan(0);
    expect((await harness.call('GET', `/pools/${poolUuid}`)).status).toBe(404);
    await harness.restart();
    await eventually(async () => (await open()).length === 0, { timeoutMs: 60_000 });
    const { task_id: id } = first as { readonly task_id: string };
    expect((await readFrom(harness, id)).state).toBe('Cancelled');
  }, 120_000);
});
