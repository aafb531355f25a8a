import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobSchema, type WireJob } from '@fornax/contracts';
import { concluded, anEnd, dispatched, aLease, started, aRef } from '@fornax/domain/specs';
import { eventually } from '@fornax/testing';
import { followSse } from './sse-reader.fixture.js';
import { minimal, readFrom, startHarness, submitTo, type Answer, type Harness } from './submission.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());

const create = async (body: object = {}): Promise<string> => {
  const answer = await harness.call('POST', '/jobs/', { name: 'a job', state: '', ...body });
  if (answer.status !== 200) throw new Error(answer.text);
  return String(answer.json()['uuid']);
};
const read = async (id: string): Promise<WireJob> => {
  const answer = await harness.call('GET', `/jobs/${id}`);
  if (answer.status !== 200) throw new Error(answer.text);
  return jobSchema.parse(answer.json());
};
const stateOf = async (id: string): Promise<string> => (await read(id)).state;
const tasksOf = async (id: string): Promise<readonly Record<string, unknown>[]> =>
  JSON.parse((await harness.call('GET', `/jobs/${id}/tasks`)).text) as Record<string, unknown>[];
const end = (taskId: string, outcome: 'success' | 'failure' = 'success') =>
  harness.happen(taskId, dispatched(aLease(0)), started(aRef(0)), concluded(anEnd(0, { outcome })));
const one = { instanceCount: 1 };
const isGone = async (id: string): Promise<boolean> => (await harness.call('GET', `/jobs/${id}`)).status === 404;
const errorsOf = (answer: Answer): readonly string[] =>
  Object.keys((answer.json()['errors'] as object | undefined) ?? {});

describe('a job', () => {
  it('is created, read by id and by name, listed, paged and searched', async () => {
    const tag = 'listed-job';
    const shortname = 'nightly-job';
    const id = await create({ shortname, tags: [tag], useDependencies: true, maxWallTime: '01:00:00' });
    const job = await read(id);
    expect(job).toMatchObject({ uuid: id, shortname, state: 'Active', useDependencies: true, maxWallTime: '01:00:00' });
    expect(job).toMatchObject({ previousState: null, poolUuid: null, completionTimeToLive: '00:00:00', tags: [tag] });
    expect(await read(shortname)).toEqual(job);
    const other = await create({ tags: ['x', tag] });
    const list = JSON.parse((await harness.call('GET', `/jobs?tag=${tag},y`)).text) as WireJob[];
    expect(list.map(({ uuid }) => uuid)).toEqual([other, id]);
    const filter = { operator: 'Equal', field: 'Tags', value: tag };
    const page = (await harness.call('POST', '/jobs/paginate', { Filter: filter, MaximumResults: 1 })).json();
    expect(page).toMatchObject({ count: 1, total: 2, isTruncated: true });
    const next = (await harness.call('POST', '/jobs/paginate', { filter, token: page['nextToken'] })).json();
    expect(next).toMatchObject({ count: 1, isTruncated: false, data: [{ uuid: id }] });
    const byName = { operator: 'And', filters: [{ operator: 'Equal', field: 'Shortname', value: shortname }, filter] };
    const found = await harness.call('POST', '/jobs/search', { select: ['Uuid', 'Name'], filter: byName });
    expect(JSON.parse(found.text)).toEqual([expect.objectContaining({ uuid: id, name: 'a job' })]);
    expect((await harness.call('POST', '/jobs/search', { filter: { operator: 'Equal', field: 'Nope' } })).status).toBe(
      400,
    );
  });

  it('is made once under one key, and its name is its own', async () => {
    const headers = { 'idempotency-key': 'job-key' };
    const body = { name: 'once', shortname: 'once-job' };
    const first = await harness.call('POST', '/jobs', body, { headers });
    const again = await harness.call('POST', '/jobs', body, { headers });
    expect([again.status, again.json()['uuid']]).toEqual([200, first.json()['uuid']]);
    expect(first.headers.get('location')).toBe(`/jobs/${String(first.json()['uuid'])}`);
    const twin = await harness.call('POST', '/jobs', body);
    expect([twin.status, twin.text]).toEqual([400, expect.stringContaining('once-job')]);
    // Names of tasks are others.
    await submitTo(harness, { shortname: 'once-job' });
    await harness.call('DELETE', `/jobs/${String(first.json()['uuid'])}`);
    await eventually(async () => (await harness.call('POST', '/jobs', body)).status === 200);
  });

  it('has a limit where it asks for one of less than a second', async () => {
    expect((await read(await create({ maxWallTime: '00:00:00.5' }))).maxWallTime).toBe('00:00:01');
  });

  it('is refused naming the field, and leaves nothing behind', async () => {
    const before = (await harness.call('GET', '/info')).json()['jobCount'];
    for (const [body, field] of [
      [{}, 'name'],
      [{ name: 'n', poolUuid: 'nobody' }, 'poolUuid'],
      [{ name: 'n', maxWallTime: 'soon' }, 'maxWallTime'],
      [{ name: 'n', tags: Array.from({ length: 10 }, () => 't') }, 'tags'],
    ] as const) {
      const answer = await harness.call('POST', '/jobs', body);
      expect([answer.status, errorsOf(answer)]).toEqual([400, [field]]);
    }
    expect((await harness.call('GET', '/info')).json()['jobCount']).toBe(before);
    for (const path of ['/jobs/nobody', '/jobs/nobody/tasks'])
      expect((await harness.call('GET', path)).status).toBe(404);
    expect((await harness.call('POST', '/jobs/nobody/terminate')).status).toBe(404);
    const stranger = await harness.addAccount();
    expect((await harness.call('GET', `/jobs/${await create()}`, undefined, { token: stranger })).status).toBe(404);
  });
});

describe('a job in a pool', () => {
  const pool = async (body: object): Promise<string> => {
    const answer = await harness.call('POST', '/pools', {
      name: 'p',
      profile: 'docker-batch',
      instanceCount: 1,
      ...body,
    });
    if (answer.status !== 200) throw new Error(answer.text);
    return String(answer.json()['uuid']);
  };
  const jobsOf = async (id: string): Promise<readonly string[]> =>
    (JSON.parse((await harness.call('GET', `/pools/${id}/jobs`)).text) as WireJob[]).map(({ uuid }) => uuid);

  it('names it, is listed below it, and gives it to its tasks', async () => {
    const poolUuid = await pool({ shortname: 'for-jobs' });
    const [byName, byId] = [await create({ poolUuid: 'for-jobs' }), await create({ poolUuid })];
    await create();
    expect((await read(byName)).poolUuid).toBe(poolUuid);
    expect(await jobsOf('for-jobs')).toEqual([byId, byName]);
    const { profile: _profile, ...withoutProfile } = minimal;
    const named = [{}, { poolUuid }, { poolUuid: 'for-jobs' }];
    const bulk = named.map((own) => ({ ...withoutProfile, ...one, ...own, jobUuid: byName }));
    const made = JSON.parse((await harness.call('POST', '/tasks', bulk)).text) as { uuid: string }[];
    for (const { uuid } of made)
      expect(await readFrom(harness, uuid)).toMatchObject({ poolUuid, jobUuid: byName, profile: 'docker-batch' });
    const below = JSON.parse((await harness.call('GET', `/pools/${poolUuid}/tasks`)).text) as { uuid: string }[];
    expect(below.map(({ uuid }) => uuid).sort()).toEqual(made.map(({ uuid }) => uuid).sort());
  });

  it('is refused, as its tasks are, where the pool is none, another one, or closed', async () => {
    const [poolUuid, other] = [await pool({}), await pool({})];
    const id = await create({ poolUuid });
    const refused = async (path: string, body: object): Promise<readonly [number, readonly string[]]> => {
      const answer = await harness.call('POST', path, { name: 'n', ...one, ...body });
      return [answer.status, errorsOf(answer)];
    };
    const naming = (field: string) => [400, [field]];
    expect(await refused('/tasks', { jobUuid: id, poolUuid: other })).toEqual(naming('poolUuid'));
    expect(await refused('/tasks', { jobUuid: id, profile: 'shell' })).toEqual(naming('profile'));
    const stranger = await harness.addAccount();
    const body = { name: 'n', poolUuid };
    expect((await harness.call('POST', '/jobs', body, { token: stranger })).status).toBe(400);
    expect((await harness.call('GET', `/pools/${poolUuid}/jobs`, undefined, { token: stranger })).status).toBe(404);
    expect((await harness.call('POST', `/pools/${poolUuid}/close`)).status).toBe(200);
    expect(await refused('/jobs', { poolUuid })).toEqual(naming('poolUuid'));
    expect(await refused('/tasks', { jobUuid: id })).toEqual(naming('poolUuid'));
    expect(await jobsOf(other)).toEqual([]);
  });
});

describe('the tasks of a job', () => {
  it('name it, are listed in order, and are cancelled when it is terminated', async () => {
    const id = await create({ shortname: 'with-tasks' });
    const bulk = await harness.call(
      'POST',
      '/tasks',
      ['a', 'b', 'c'].map((name) => ({ ...minimal, ...one, name, jobUuid: id })),
    );
    const uuids = (JSON.parse(bulk.text) as { uuid: string }[]).map(({ uuid }) => uuid);
    const byName = await submitTo(harness, { ...one, jobUuid: 'with-tasks' });
    expect((await tasksOf(id)).map(({ uuid }) => uuid).sort()).toEqual([...uuids, byName].sort());
    expect(await readFrom(harness, uuids[0] ?? '')).toMatchObject({ jobUuid: id, dependencies: null });
    await end(uuids[0] ?? '');
    expect((await harness.call('POST', `/jobs/${id}/terminate`)).status).toBe(200);
    for (const uuid of [...uuids.slice(1), byName]) expect((await readFrom(harness, uuid)).state).toBe('Cancelled');
    expect((await readFrom(harness, uuids[0] ?? '')).state).toBe('Success');
    await eventually(async () => (await stateOf(id)) === 'Completed');
    expect((await read(id)).previousState).toBe('Terminating');
    const late = await harness.call('POST', '/tasks', { ...minimal, jobUuid: id });
    expect([late.status, errorsOf(late)]).toEqual([400, ['jobUuid']]);
    expect((await harness.call('POST', `/jobs/${id}/terminate`)).status).toBe(200);
  });

  it('keep it terminating while they run', async () => {
    const id = await create();
    const task = await submitTo(harness, { ...one, jobUuid: id });
    await harness.happen(task, dispatched(aLease(0)), started(aRef(0)));
    await harness.call('POST', `/jobs/${id}/terminate`);
    expect(await stateOf(id)).toBe('Terminating');
    expect((await readFrom(harness, task)).state).toBe('PendingCancel');
    await harness.happen(task, concluded(anEnd(0, { outcome: 'cancelled' })));
    await eventually(async () => (await stateOf(id)) === 'Completed');
  });

  it('stand in the way of its deletion, unless force is used', async () => {
    const id = await create();
    const task = await submitTo(harness, { ...one, jobUuid: id });
    const refused = await harness.call('DELETE', `/jobs/${id}`);
    expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('should use force')]);
    expect((await harness.call('DELETE', `/jobs/${id}?force=True`)).status).toBe(200);
    await eventually(() => isGone(id));
    expect((await harness.call('GET', `/tasks/${task}`)).status).toBe(404);
    const empty = await create();
    expect((await harness.call('DELETE', `/jobs/${empty}?force=false`)).status).toBe(200);
    expect(await isGone(empty)).toBe(true);
  });

  it('keep nobody waiting who ends another job', async () => {
    const [large, small] = [await create(), await create()];
    const bulk = Array.from({ length: 500 }, () => ({ ...minimal, ...one, jobUuid: large }));
    expect((await harness.call('POST', '/tasks', bulk)).status).toBe(200);
    const over: string[] = [];
    const deletion = harness.call('DELETE', `/jobs/${large}?force=true`).then(() => over.push('large'));
    await eventually(async () => (await stateOf(large)) === 'Deleting');
    expect((await harness.call('POST', `/jobs/${small}/terminate`)).status).toBe(200);
    over.push('small');
    await deletion;
    expect(over).toEqual(['small', 'large']);
    await eventually(() => isGone(large));
  });

  it('do not come to it after it was deleted beside a submission', async () => {
    const id = await create();
    const answers = await Promise.all([
      harness.call('POST', '/tasks', { ...minimal, ...one, jobUuid: id }),
      harness.call('POST', `/jobs/${id}/terminate`),
    ]);
    expect(answers[1].status).toBe(200);
    await eventually(async () => (await stateOf(id)) === 'Completed');
    await eventually(async () => (await tasksOf(id)).every(({ state }) => state === 'Cancelled'));
  });
});

describe('dependencies', () => {
  const dependsOn = (...ids: readonly string[]) => ({ dependencies: { dependsOn: ids } });

  it('are shown as waiting, then as they were decided', async () => {
    const jobUuid = await create({ useDependencies: true });
    const first = await submitTo(harness, { ...one, jobUuid });
    const advancedDependsOn = [{ TaskUuid: first, TaskFinalStateCondition: ['Failure', 'Cancelled'] }];
    const second = await submitTo(harness, { ...one, jobUuid, ...dependsOn(first) });
    const third = await submitTo(harness, { ...one, jobUuid, dependencies: { advancedDependsOn } });
    expect((await readFrom(harness, second)).dependencies).toEqual({
      dependsOn: [first],
      advancedDependsOn: [],
      state: 'waiting',
    });
    const waiting = (await harness.call('GET', `/fornax/v1/tasks/${second}/waiting`)).json();
    expect(waiting).toMatchObject({ reason: 'dependencies', dependsOn: [first], waiting: 1 });
    expect(waiting['text']).toContain(first);
    await end(first);
    const ends = [{ taskId: first, outcome: 'success' as const }];
    await harness.happen(second, { type: 'DependenciesFulfilled', ends, at: 2_000 });
    await harness.happen(
      third,
      { type: 'DependenciesFailed', ends, at: 2_000 },
      { type: 'WaitingInstancesCancelled', instances: '0', at: 2_000 },
    );
    expect((await readFrom(harness, second)).dependencies?.state).toBe('dependencyConditionsFulfilled');
    const cancelled = await readFrom(harness, third);
    expect(cancelled.state).toBe('Cancelled');
    expect(cancelled.errors[0]).toMatchObject({ code: 'FX-DEPENDENCY', message: expect.stringContaining(first) });
    expect(cancelled.dependencies?.advancedDependsOn).toEqual([
      {
        taskUuid: first,
        taskFinalStateCondition: ['failure', 'cancelled'],
        state: 'dependencyConditionsNotFulfilled',
        actualFinalState: 'success',
      },
    ]);
  });

  it('are found by ids in capital letters', async () => {
    const jobUuid = await create({ useDependencies: true });
    const first = await submitTo(harness, { ...one, jobUuid });
    const second = await submitTo(harness, { ...one, jobUuid, ...dependsOn(first.toUpperCase()) });
    expect((await readFrom(harness, second)).dependencies?.dependsOn).toEqual([first]);
  });

  it('are not lost by a clone out of a job that is over', async () => {
    const jobUuid = await create({ useDependencies: true });
    const first = await submitTo(harness, { ...one, jobUuid });
    const second = await submitTo(harness, { ...one, jobUuid, ...dependsOn(first) });
    await harness.call('POST', `/jobs/${jobUuid}/terminate`);
    await eventually(async () => (await stateOf(jobUuid)) === 'Completed');
    expect((await harness.call('POST', `/tasks/${first}/clone`)).status).toBe(200);
    const refused = await harness.call('POST', `/tasks/${second}/clone`);
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('clone the job')]);
  });

  it('are refused where two tasks of a request have the name that they go by', async () => {
    const jobUuid = await create({ useDependencies: true });
    const named = { ...minimal, ...one, jobUuid, shortname: 'two-of-a-name' };
    const bulk = [named, { ...named, name: 'twin' }, { ...minimal, ...one, jobUuid, ...dependsOn('two-of-a-name') }];
    const answers = JSON.parse((await harness.call('POST', '/tasks', bulk)).text) as Record<string, unknown>[];
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 400, 200]);
    expect(answers[1]?.['message']).toContain('shortname');
  });

  it('are refused naming the field', async () => {
    const jobUuid = await create({ useDependencies: true });
    const plain = await create();
    const inJob = await submitTo(harness, { ...one, jobUuid });
    const elsewhere = await submitTo(harness, one);
    const stranger = await harness.addAccount();
    const foreign = String(
      (await harness.call('POST', '/tasks', { ...minimal, ...one }, { token: stranger })).json()['uuid'],
    );
    for (const [body, field] of [
      [{ ...dependsOn(inJob) }, 'dependencies'],
      [{ jobUuid: plain, ...dependsOn(inJob) }, 'dependencies'],
      [{ jobUuid, ...dependsOn(inJob, 'nobody') }, 'dependencies.dependsOn[1]'],
      [{ jobUuid, ...dependsOn(elsewhere) }, 'dependencies.dependsOn[0]'],
      [
        {
          jobUuid,
          dependencies: {
            dependsOn: [inJob],
            advancedDependsOn: [{ taskUuid: inJob.toUpperCase(), taskFinalStateCondition: ['failure'] }],
          },
        },
        'dependencies.advancedDependsOn[0].taskUuid',
      ],
      [{ jobUuid, ...dependsOn(foreign) }, 'dependencies.dependsOn[0]'],
      [
        { jobUuid, dependencies: { advancedDependsOn: [{ taskUuid: 'nobody' }] } },
        'dependencies.advancedDependsOn[0].taskUuid',
      ],
      [{ jobUuid: 'nobody' }, 'jobUuid'],
      [{ fornax: { after: [{ task: 'nobody' }] } }, 'fornax.after[0].task'],
    ] as const) {
      const answer = await harness.call('POST', '/tasks', { ...minimal, ...one, ...body });
      expect([answer.status, errorsOf(answer)]).toEqual([400, [field]]);
    }
    const each = { fornax: { after: [{ task: elsewhere, each: true }] } };
    expect((await harness.call('POST', '/tasks', { ...minimal, ...one, ...each })).status).toBe(403);
  });

  it('may name tasks of the same request by their shortnames, whatever the order, but in no circle', async () => {
    const jobUuid = await create({ useDependencies: true });
    const item = (shortname: string, ...ids: readonly string[]) => ({
      ...minimal,
      ...one,
      jobUuid,
      shortname,
      ...dependsOn(...ids),
    });
    const body = [
      item('bulk-c', 'bulk-b', 'bulk-a'),
      item('bulk-b', 'bulk-a'),
      item('bulk-a'),
      item('x', 'y'),
      item('y', 'x'),
      item('z', 'y'),
    ];
    const answer = await harness.call('POST', '/tasks', body);
    const results = JSON.parse(answer.text) as { uuid: string | null; statusCode: number; message: string }[];
    expect([answer.status, results.map(({ statusCode }) => statusCode)]).toEqual([207, [200, 200, 200, 400, 400, 400]]);
    expect(results[3]?.message).toContain('circle');
    const [c, b, a] = results.map(({ uuid }) => uuid ?? '');
    expect((await readFrom(harness, c ?? '')).dependencies?.dependsOn).toEqual([b, a]);
    expect((await tasksOf(jobUuid)).length).toBe(3);
    const commits = await Promise.all([a, b, c].map((id) => harness.log.readAggregate('task', id ?? '', 0, 1)));
    const places = commits.map(([first]) => first?.sequence ?? 0);
    expect(places).toEqual(places.toSorted((x, y) => x - y));
  });

  it('are those that its repetition is given, in the same job as long as that takes tasks', async () => {
    const jobUuid = await create({ useDependencies: true });
    const first = await submitTo(harness, { ...one, jobUuid });
    const second = await submitTo(harness, { ...one, jobUuid, dependencies: { dependsOn: [first] } });
    expect((await harness.call('POST', `/tasks/${second}/abort`)).status).toBe(200);
    const repeat = async (body?: object) => {
      const answer = await harness.call('POST', `/tasks/${second}/resume`, body);
      return readFrom(harness, String(answer.json()['uuid']));
    };
    expect(await repeat()).toMatchObject({ jobUuid, dependencies: null });
    const waiting = await repeat({ dependencies: { dependsOn: [first] } });
    expect(waiting).toMatchObject({ jobUuid, dependencies: { dependsOn: [first], state: 'waiting' } });
    await harness.call('POST', `/jobs/${jobUuid}/terminate`);
    expect((await readFrom(harness, String(waiting.uuid))).state).toBe('Cancelled');
    expect(await repeat()).toMatchObject({ jobUuid: null, dependencies: null });
  });

  it('need no job between tasks of one project', async () => {
    const first = await submitTo(harness, one);
    const second = await submitTo(harness, { ...one, fornax: { after: [{ task: first, on: 'any' }] } });
    const { dependencies, fornax } = await readFrom(harness, second);
    expect(dependencies).toMatchObject({ dependsOn: [], advancedDependsOn: [], state: 'waiting' });
    expect(fornax.dependencies).toEqual([
      {
        taskUuid: first,
        on: ['success', 'failure', 'cancelled'],
        as: 'after',
        state: 'waiting',
        actualFinalState: null,
      },
    ]);
  });
});

describe('the time of a job', () => {
  it('is over when it says, also after a restart, and its tasks are cancelled', async () => {
    const id = await create({ maxWallTime: '00:00:02', completionTimeToLive: '00:00:01' });
    const task = await submitTo(harness, { ...one, jobUuid: id });
    await harness.restart();
    await eventually(async () => (await readFrom(harness, task)).state === 'Cancelled', { timeoutMs: 20_000 });
    const [, terminated] = (await harness.log.readAggregate('job', id)).flatMap(({ events }) => events);
    expect(terminated).toMatchObject({ type: 'JobTerminateRequested', reason: 'wall-time' });
    await eventually(() => isGone(id), { timeoutMs: 20_000 });
    expect((await readFrom(harness, task)).state).toBe('Cancelled');
  }, 60_000);
});

describe('the quota of jobs', () => {
  it('counts finished ones, and makes room by those that may go', async () => {
    const token = await harness.addAccount();
    const make = (body: object = {}) => harness.call('POST', '/jobs', { name: 'q', ...body }, { token });
    const id = String((await make({ autoDeleteOnCompletion: true })).json()['uuid']);
    const [{ owner = '' } = {}] = (await harness.query('SELECT owner FROM job WHERE job_id = $1', [id])) as {
      owner: string;
    }[];
    const quotas = { maxTasks: 10, maxJobs: 2, maxBuckets: 10, maxStorageBytes: 1e9, maxInstances: 100, maxCores: 100 };
    const meta = { actor: 'service:test' as const, source: 'test', correlationId: 'test' };
    const before = await harness.log.readAggregate('account', owner);
    await harness.log.append(
      'account',
      owner,
      { id: `quota-${id}`, meta, at: 1, events: [{ type: 'QuotasChanged', accountId: owner, quotas, at: 1 }] },
      before.at(-1)?.sequence ?? 0,
    );
    await eventually(async () => (await harness.call('GET', '/info', undefined, { token })).json()['maxJob'] === 2);
    expect((await make()).status).toBe(200);
    const refused = await make();
    expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('Maximum number of jobs reached')]);
    await harness.call('POST', `/jobs/${id}/terminate`, undefined, { token });
    await eventually(async () => (await make()).status === 200);
    expect((await harness.call('GET', `/jobs/${id}`, undefined, { token })).status).toBe(404);
  });
});

describe('what happens to jobs', () => {
  it('is told live to their owner', async () => {
    const url = `${harness.test.url}/fornax/v1/events?types=JobCreated,JobCompleted&snapshot=false`;
    const stream = await followSse(url, { authorization: harness.token });
    const id = await create();
    await harness.call('POST', `/jobs/${id}/terminate`);
    await eventually(() => stream.messages.filter(({ data }) => data.includes(id)).length === 2);
    expect(JSON.parse(stream.messages[0]?.data ?? '{}')).toMatchObject({ taskId: null, aggregate: 'job' });
    stream.close();
  });
});

describe('a job as one document', () => {
  const documents = '/fornax/v1/jobs';
  const diamond = {
    name: 'diamond',
    environment: { SHARED: 'all' },
    tasks: [
      { name: 'join', command: 'true', after: ['left', { task: 'right', on: 'any' }] },
      { name: 'left', command: 'true', after: ['prepare'] },
      { name: 'right', command: 'true', after: ['prepare'], environment: { OWN: 1 } },
      { name: 'prepare', command: 'true', instanceCount: 6 },
    ],
  };
  const made = async (body: object = diamond): Promise<string> => {
    const answer = await harness.call('POST', documents, body);
    if (answer.status !== 200) throw new Error(answer.text);
    return String(answer.json()['uuid']);
  };
  const byName = async (id: string): Promise<ReadonlyMap<string, Record<string, unknown>>> =>
    new Map((await tasksOf(id)).map((task) => [String(task['name']), task]));
  const uuidOf = (tasks: ReadonlyMap<string, Record<string, unknown>>, name: string): string =>
    String(tasks.get(name)?.['uuid']);

  it('is made with its tasks, and what these wait for', async () => {
    const id = await made();
    expect(await read(id)).toMatchObject({ state: 'Active', useDependencies: true });
    const tasks = await byName(id);
    expect([...tasks.keys()].toSorted()).toEqual(['join', 'left', 'prepare', 'right']);
    expect(tasks.get('prepare')).toMatchObject({ instanceCount: 6, jobUuid: id, dependencies: null });
    expect(tasks.get('right')).toMatchObject({
      constants: expect.arrayContaining([
        { key: 'SHARED', value: 'all' },
        { key: 'OWN', value: '1' },
        { key: 'DOCKER_CMD', value: 'true' },
      ]) as unknown,
      dependencies: { state: 'waiting', advancedDependsOn: [{ taskUuid: uuidOf(tasks, 'prepare') }] },
    });
  });

  it('is refused with the paths of its fields, and leaves nothing behind', async () => {
    const counts = async () => {
      const info = (await harness.call('GET', '/info')).json();
      return [info['jobCount'], info['taskCount']];
    };
    const before = await counts();
    const one = { name: 'a', command: 'true' };
    for (const [body, fields] of [
      [{ name: 'n' }, ['tasks']],
      [{ name: 'n', tasks: [] }, ['tasks']],
      [{ name: 'n', tasks: [one], shade: 1 }, ['']],
      [{ name: 'n', tasks: [{ ...one, jobUuid: 'x' }] }, ['tasks[0]']],
      [{ name: 'n', tasks: [one, one] }, ['tasks[1].name']],
      [{ name: 'n', tasks: [{ ...one, after: ['b', { task: 'a' }] }] }, ['tasks[0].after[0]', 'tasks[0].after']],
      [
        {
          name: 'n',
          tasks: [
            { ...one, after: ['b'] },
            { name: 'b', after: ['a'] },
          ],
        },
        ['tasks[0].after'],
      ],
      [{ name: 'n', tasks: [one, { name: 'b', profile: 'no-such' }] }, ['tasks[1].profile']],
      [{ name: 'n', tasks: [one, { name: 'b', instanceCount: 0 }] }, ['tasks[1].instanceCount']],
      [{ name: 'n', tasks: [{ ...one, matrix: { a: [] } }] }, ['tasks[0].matrix.a']],
      [{ name: 'n', pool: 'nobody', tasks: [one] }, ['poolUuid']],
    ] as const) {
      const answer = await harness.call('POST', documents, body);
      expect([answer.status, errorsOf(answer).toSorted()]).toEqual([400, [...fields].toSorted()]);
    }
    const missing = { name: 'n', tasks: [one, { name: 'b', resourceBuckets: ['no-such-bucket'] }] };
    expect((await harness.call('POST', documents, missing)).status).toBe(404);
    expect(await counts()).toEqual(before);
  });

  it('has a history, also once it is deleted', async () => {
    const id = await made();
    await harness.call('DELETE', `/jobs/${id}?force=true`);
    await eventually(() => isGone(id));
    const types = async (token?: string) => {
      const answer = await harness.call('GET', `${documents}/${id}/events`, undefined, token ? { token } : {});
      return ((answer.json()['events'] ?? []) as { type: string }[]).map(({ type }) => type);
    };
    expect(await types()).toEqual(['JobCreated', 'JobDeleteRequested', 'JobDeleted']);
    expect(await types(await harness.addAccount())).toEqual([]);
  });

  it('is made once under one key', async () => {
    const headers = { 'idempotency-key': 'document-key' };
    const first = await harness.call('POST', documents, diamond, { headers });
    const again = await harness.call('POST', documents, diamond, { headers });
    expect([again.status, again.json()['uuid']]).toEqual([200, first.json()['uuid']]);
    expect(await tasksOf(String(first.json()['uuid']))).toHaveLength(4);
  });

  it('is there as a whole, once, when its process was gone after the log took the job', async () => {
    const refused = `CREATE FUNCTION is_gone() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'the process is gone'; END $$ LANGUAGE plpgsql`;
    await harness.query(refused);
    // From here on a process may read what is staged, but says nowhere that it goes on with it.
    await harness.query('CREATE TRIGGER gone BEFORE UPDATE ON staged_job FOR EACH ROW EXECUTE FUNCTION is_gone()');
    const name = 'interrupted';
    expect((await harness.call('POST', documents, { ...diamond, name })).status).toBe(409);
    const [job] = JSON.parse((await harness.call('GET', '/jobs')).text) as WireJob[];
    expect([job?.name, await tasksOf(String(job?.uuid))]).toEqual([name, []]);
    await harness.query('DROP TRIGGER gone ON staged_job');
    await harness.query('DROP FUNCTION is_gone');
    await harness.restart();
    const id = String(job?.uuid);
    await eventually(async () => (await tasksOf(id)).length === 4, { timeoutMs: 60_000 });
    await eventually(async () => (await harness.query('SELECT FROM staged_job')).length === 0, { timeoutMs: 60_000 });
    expect(await harness.query('SELECT FROM staged_task')).toEqual([]);
    const submitted: string[] = [];
    for await (const commits of harness.logItself.read({ from: 1, aggregates: ['task'] }))
      for (const { events, aggregateId } of commits)
        if (events.some((event) => event.type === 'TaskSubmitted' && event.spec.jobId === id))
          submitted.push(aggregateId);
    expect(submitted.toSorted()).toEqual((await tasksOf(id)).map(({ uuid }) => String(uuid)).toSorted());
  }, 120_000);

  it('leaves nothing staged when the log does not take the job, and drops what is not of the job that it has', async () => {
    const id = await made();
    await harness.query('INSERT INTO staged_job (job_id, commit_id, staged_ms, due_ms) VALUES ($1, $2, 0, 0)', [
      id,
      'other',
    ]);
    await harness.query(
      `INSERT INTO staged_task (job_id, position, task_id, owner, spec, meta) VALUES ($1, 1, 'foreign', 'x', '{}', '{}')`,
      [id],
    );
    await made();
    await eventually(async () => (await harness.query('SELECT FROM staged_task')).length === 0, { timeoutMs: 60_000 });
    expect(await tasksOf(id)).toHaveLength(4);
  }, 120_000);

  it('has a published schema', async () => {
    expect((await harness.call('GET', `${documents}/schema`)).json()).toMatchObject({
      required: expect.arrayContaining(['name', 'tasks']) as unknown,
      additionalProperties: false,
    });
  });

  it('is shown as a graph, as JSON and DOT', async () => {
    const id = await made();
    const tasks = await byName(id);
    const graph = (await harness.call('GET', `${documents}/${id}/graph`)).json();
    expect(graph).toMatchObject({ uuid: id, expectedEnd: null });
    expect(graph['criticalPath']).toHaveLength(3);
    expect(graph['dependencies']).toContainEqual({
      from: uuidOf(tasks, 'prepare'),
      to: uuidOf(tasks, 'left'),
      on: ['success'],
      state: 'waiting',
    });
    const dot = await harness.call('GET', `${documents}/${id}/graph?format=dot`);
    expect(dot.headers.get('content-type')).toContain('text/vnd.graphviz');
    expect(dot.text).toContain(`"${uuidOf(tasks, 'right')}" -> "${uuidOf(tasks, 'join')}" [label="any"`);
    expect((await harness.call('GET', `${documents}/${id}/graph?format=svg`)).status).toBe(400);
    expect((await harness.call('GET', `${documents}/nobody/graph`)).status).toBe(404);
  });

  it('runs again what did not succeed, in its shape', async () => {
    const id = await made({
      name: 'again',
      tags: ['nightly'],
      tasks: [
        { name: 'first', command: 'true' },
        { name: 'bad', command: 'false', after: ['first'] },
        { name: 'behind', command: 'true', after: ['bad'] },
      ],
    });
    const tasks = await byName(id);
    const again = (kind: string, from = id) => harness.call('POST', `${documents}/${from}/${kind}`);
    expect((await again('retry')).status).toBe(400);
    const [first, bad, behind] = ['first', 'bad', 'behind'].map((name) => uuidOf(tasks, name)) as [
      string,
      string,
      string,
    ];
    await end(first);
    const at = Date.now();
    const decided = (taskId: string, outcome: 'success' | 'failure') => [{ taskId, outcome }];
    await harness.happen(bad, { type: 'DependenciesFulfilled', ends: decided(first, 'success'), at });
    await end(bad, 'failure');
    await harness.happen(
      behind,
      { type: 'DependenciesFailed', ends: decided(bad, 'failure'), at },
      { type: 'WaitingInstancesCancelled', instances: '0', at },
    );
    await eventually(async () => (await byName(id)).get('behind')?.['state'] === 'Cancelled');
    const retried = String((await again('retry')).json()['uuid']);
    expect(await read(retried)).toMatchObject({ name: 'again', tags: ['nightly'], state: 'Active' });
    const copies = await byName(retried);
    expect([...copies.keys()].toSorted()).toEqual(['bad', 'behind']);
    expect(copies.get('bad')).toMatchObject({ dependencies: null, constants: [{ key: 'DOCKER_CMD', value: 'false' }] });
    expect(copies.get('behind')).toMatchObject({
      dependencies: { advancedDependsOn: [{ taskUuid: uuidOf(copies, 'bad') }], state: 'waiting' },
    });
    // What it waits for failed, and does not run again.
    expect((await again('resume')).status).toBe(400);
    expect((await byName(String((await again('clone')).json()['uuid']))).size).toBe(3);
    expect(
      (await harness.call('POST', `${documents}/${id}/clone`, undefined, { token: await harness.addAccount() })).status,
    ).toBe(404);
  });
});
