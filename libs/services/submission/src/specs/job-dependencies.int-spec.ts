import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobGraphSchema } from '@fornax/contracts';
import { aLease, anEnd, concluded, dispatched } from '@fornax/domain/specs';
import { eventually } from '@fornax/testing';
import { DOCUMENTS, errorsOf, one, startJobHarness, type JobHarness } from './jobs.fixture.js';
import { minimal, readFrom, submitTo } from './submission.fixture.js';

let harness: JobHarness;
beforeAll(async () => {
  harness = await startJobHarness();
}, 120_000);
afterAll(() => harness.close());

describe('dependencies', () => {
  const dependsOn = (...ids: readonly string[]) => ({ dependencies: { dependsOn: ids } });

  it('are shown as waiting, then as they were decided', async () => {
    const jobUuid = await harness.createJob({ useDependencies: true });
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
    await harness.run(first);
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

  it('say how each of the others ended, also where one of them had decided it before', async () => {
    const jobUuid = await harness.createJob({ useDependencies: true });
    const [bad, slow] = [await submitTo(harness, { ...one, jobUuid }), await submitTo(harness, { ...one, jobUuid })];
    const behind = await submitTo(harness, { ...one, jobUuid, ...dependsOn(bad, slow) });
    await harness.run(bad, 'failure');
    await harness.happen(
      behind,
      { type: 'DependenciesFailed', ends: [{ taskId: bad, outcome: 'failure' }], at: 2_000 },
      { type: 'WaitingInstancesCancelled', instances: '0', at: 2_000 },
    );
    expect((await harness.call('POST', `/tasks/${slow}/abort`)).status).toBe(200);
    const states = (await readFrom(harness, behind)).fornax.dependencies.map((item) => [
      item.state,
      item.actualFinalState,
    ]);
    const unmet = 'dependencyConditionsNotFulfilled';
    expect(states).toEqual([
      [unmet, 'failure'],
      [unmet, 'cancelled'],
    ]);
    const graph = (await harness.call('GET', `${DOCUMENTS}/${jobUuid}/graph`)).json();
    expect(graph['dependencies']).toMatchObject([{ state: unmet }, { state: unmet }]);
  });

  it('are found by ids in capital letters', async () => {
    const jobUuid = await harness.createJob({ useDependencies: true });
    const first = await submitTo(harness, { ...one, jobUuid });
    const second = await submitTo(harness, { ...one, jobUuid, ...dependsOn(first.toUpperCase()) });
    expect((await readFrom(harness, second)).dependencies?.dependsOn).toEqual([first]);
  });

  it('are not lost by a clone out of a job that is over', async () => {
    const jobUuid = await harness.createJob({ useDependencies: true });
    const first = await submitTo(harness, { ...one, jobUuid });
    const second = await submitTo(harness, { ...one, jobUuid, ...dependsOn(first) });
    await harness.call('POST', `/jobs/${jobUuid}/terminate`);
    await eventually(async () => (await harness.jobState(jobUuid)) === 'Completed');
    expect((await harness.call('POST', `/tasks/${first}/clone`)).status).toBe(200);
    const refused = await harness.call('POST', `/tasks/${second}/clone`);
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('clone the job')]);
  });

  it('are refused where two tasks of a request have the name that they go by', async () => {
    const jobUuid = await harness.createJob({ useDependencies: true });
    const named = { ...minimal, ...one, jobUuid, shortname: 'two-of-a-name' };
    const bulk = [named, { ...named, name: 'twin' }, { ...minimal, ...one, jobUuid, ...dependsOn('two-of-a-name') }];
    const answers = JSON.parse((await harness.call('POST', '/tasks', bulk)).text) as Record<string, unknown>[];
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 400, 200]);
    expect(answers[1]?.['message']).toContain('shortname');
  });

  it('are refused naming the field', async () => {
    const jobUuid = await harness.createJob({ useDependencies: true });
    const plain = await harness.createJob();
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
      [{ instanceCount: 2, fornax: { after: [{ task: elsewhere, each: true }] } }, 'fornax.after[0].each'],
      [{ fornax: { maxParallel: 0 } }, 'fornax.maxParallel'],
    ] as const) {
      const answer = await harness.call('POST', '/tasks', { ...minimal, ...one, ...body });
      expect([answer.status, errorsOf(answer)]).toEqual([400, [field]]);
    }
  });

  it('are refused with the path of the field where they are malformed, and nothing is left behind', async () => {
    const jobUuid = await harness.createJob({ useDependencies: true });
    const before = (await harness.call('GET', '/info')).json()['taskCount'];
    const other = await submitTo(harness, { ...one, jobUuid });
    const advanced = (own: unknown) => ({ dependencies: { advancedDependsOn: [own] } });
    const after = (own: unknown) => ({ fornax: { after: [own] } });
    const many = (count: number) => Array.from({ length: count }, () => other);
    for (const [body, field] of [
      [{ dependencies: [other] }, 'dependencies'],
      [{ dependencies: { dependsOn: other } }, 'dependencies.dependsOn'],
      [{ dependencies: { dependsOn: [other, 7] } }, 'dependencies.dependsOn[1]'],
      [{ dependencies: { dependsOn: many(1_001) } }, 'dependencies.dependsOn'],
      [{ dependencies: { advancedDependsOn: {} } }, 'dependencies.advancedDependsOn'],
      [advanced(other), 'dependencies.advancedDependsOn[0]'],
      [advanced({}), 'dependencies.advancedDependsOn[0].taskUuid'],
      [
        advanced({ taskUuid: other, taskFinalStateCondition: 'success' }),
        'dependencies.advancedDependsOn[0].taskFinalStateCondition',
      ],
      [
        advanced({ taskUuid: other, taskFinalStateCondition: ['success', 'never'] }),
        'dependencies.advancedDependsOn[0].taskFinalStateCondition[1]',
      ],
      [{ fornax: { after: other } }, 'fornax.after'],
      [after(other), 'fornax.after[0]'],
      [after({ on: 'success' }), 'fornax.after[0].task'],
      [after({ task: other, on: 'sucess' }), 'fornax.after[0].on'],
      [after({ task: other, each: 'yes' }), 'fornax.after[0].each'],
      [after({ task: other, once: true }), 'fornax.after[0].once'],
    ] as const) {
      const answer = await harness.call('POST', '/tasks', { ...minimal, ...one, jobUuid, ...body });
      expect([JSON.stringify(body).slice(0, 80), answer.status, errorsOf(answer)]).toEqual([
        JSON.stringify(body).slice(0, 80),
        400,
        [field],
      ]);
    }
    expect(await harness.tasksOf(jobUuid)).toHaveLength(1);
    expect((await harness.call('GET', '/info')).json()['taskCount']).toBe(Number(before) + 1);
  });

  it('may be a thousand of one task, and of a thousand tasks on one', async () => {
    const names = Array.from({ length: 1_000 }, (_, n) => n);
    const id = await harness.createWhole({
      name: 'fan',
      tasks: [
        ...names.map((n) => ({ name: `in-${n}`, command: 'true' })),
        { name: 'middle', command: 'true', after: names.map((n) => `in-${n}`) },
        ...names.map((n) => ({ name: `out-${n}`, command: 'true', after: ['middle'] })),
      ],
    });
    const tasks = await harness.byName(id);
    expect(tasks.size).toBe(2_001);
    const middle = await readFrom(harness, String(tasks.get('middle')?.['uuid']));
    expect(middle.dependencies).toMatchObject({ state: 'waiting' });
    expect(middle.dependencies?.advancedDependsOn).toHaveLength(1_000);
    const graph = jobGraphSchema.parse((await harness.call('GET', `${DOCUMENTS}/${id}/graph`)).json());
    expect([graph.dependencies.length, graph.criticalPath.length]).toEqual([2_000, 3]);
    expect((await harness.call('DELETE', `/jobs/${id}?force=true`)).status).toBe(200);
    await eventually(() => harness.isJobGone(id), { timeoutMs: 60_000 });
  }, 120_000);

  it('may name tasks of the same request by their shortnames, whatever the order, but in no circle', async () => {
    const jobUuid = await harness.createJob({ useDependencies: true });
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
    expect((await harness.tasksOf(jobUuid)).length).toBe(3);
    const commits = await Promise.all([a, b, c].map((id) => harness.log.readAggregate('task', id ?? '', 0, 1)));
    const places = commits.map(([first]) => first?.sequence ?? 0);
    expect(places).toEqual(places.toSorted((x, y) => x - y));
  });

  it('are those of its repetition, too, unless that is given others, and in the same job as long as that takes tasks', async () => {
    const jobUuid = await harness.createJob({ useDependencies: true });
    const first = await submitTo(harness, { ...one, jobUuid });
    const second = await submitTo(harness, { ...one, jobUuid, dependencies: { dependsOn: [first] } });
    expect((await harness.call('POST', `/tasks/${second}/abort`)).status).toBe(200);
    const repeat = async (body?: object) => {
      const answer = await harness.call('POST', `/tasks/${second}/resume`, body);
      return readFrom(harness, String(answer.json()['uuid']));
    };
    const waiting = await repeat();
    expect(waiting).toMatchObject({ jobUuid, dependencies: { dependsOn: [first], state: 'waiting' } });
    expect(await repeat({ dependencies: {} })).toMatchObject({ jobUuid, dependencies: null });
    await harness.call('POST', `/jobs/${jobUuid}/terminate`);
    expect((await readFrom(harness, String(waiting.uuid))).state).toBe('Cancelled');
    const refused = await harness.call('POST', `/tasks/${second}/resume`);
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining(`waited for task ${first}`)]);
    expect(await repeat({ dependencies: {} })).toMatchObject({ jobUuid: null, dependencies: null });
  });

  it('that let a task start count for its repetition, whether they are still there or not', async () => {
    const jobUuid = await harness.createJob({ useDependencies: true });
    const first = await submitTo(harness, { ...one, jobUuid });
    const second = await submitTo(harness, { ...one, jobUuid, dependencies: { dependsOn: [first] } });
    await harness.run(first);
    await harness.happen(second, {
      type: 'DependenciesFulfilled',
      ends: [{ taskId: first, outcome: 'success' }],
      at: 1,
    });
    await harness.run(second, 'failure');
    const retry = async () => {
      const answer = await harness.call('POST', `/tasks/${second}/retry`);
      return (await readFrom(harness, String(answer.json()['uuid']))).dependencies;
    };
    expect(await retry()).toMatchObject({ dependsOn: [first], state: 'dependencyConditionsFulfilled' });
    expect((await harness.call('DELETE', `/tasks/${first}`)).status).toBe(200);
    await eventually(async () => (await harness.call('GET', `/tasks/${first}`)).status === 404);
    expect(await retry()).toBeNull();
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
        each: false,
        state: 'waiting',
        actualFinalState: null,
      },
    ]);
  });

  it('may be of each instance on the same one of another array, also of the same request', async () => {
    const after = (task: string) => ({ fornax: { after: [{ task, each: true }], maxParallel: 2 } });
    const array = { ...minimal, instanceCount: 3 };
    const bulk = [
      { ...array, shortname: 'array-b', ...after('array-a') },
      { ...array, shortname: 'array-a' },
      { ...array, instanceCount: 2, ...after('array-a') },
    ];
    const answers = JSON.parse((await harness.call('POST', '/tasks', bulk)).text) as Record<string, unknown>[];
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 400]);
    expect(answers[2]?.['message']).toContain('fornax.after[0].each');
    const [b, a] = answers.map(({ uuid }) => String(uuid)) as [string, string];
    const dependency = async () => (await readFrom(harness, b)).fornax.dependencies[0];
    const waiting = async () => (await harness.call('GET', `/fornax/v1/tasks/${b}/waiting`)).json();
    expect((await readFrom(harness, b)).fornax.maxParallel).toBe(2);
    expect(await dependency()).toMatchObject({ taskUuid: a, as: 'after', each: true, state: 'waiting' });
    expect(await waiting()).toMatchObject({ reason: 'dependencies', waiting: 3, dependsOn: [a] });
    const at = 2_000;
    await harness.happen(
      b,
      { type: 'InstancesReleased', instances: '0', at },
      { type: 'WaitingInstancesCancelled', instances: '1', because: { taskId: a, outcome: 'failure' }, at },
    );
    expect(await waiting()).toMatchObject({
      waiting: 2,
      text: expect.stringContaining('1 wait for instances') as unknown,
    });
    await harness.happen(b, { type: 'InstancesReleased', instances: '2', at }, dispatched(aLease(0), aLease(2)));
    expect(await dependency()).toMatchObject({
      state: 'dependencyConditionsNotFulfilled',
      actualFinalState: 'failure',
    });
    await harness.happen(b, concluded(anEnd(0), anEnd(2)));
    const ended = await readFrom(harness, b);
    expect([ended.state, ended.errors[0]?.code]).toEqual(['Cancelled', 'FX-DEPENDENCY']);
    const clone = await harness.call('POST', `/tasks/${b}/clone`);
    expect((await readFrom(harness, String(clone.json()['uuid']))).fornax).toMatchObject({
      maxParallel: 2,
      dependencies: [{ taskUuid: a, each: true }],
    });
    expect((await harness.call('POST', `/tasks/${b}/resume`)).text).toContain(`waited for task ${a}`);
    const resumed = await harness.call('POST', `/tasks/${b}/resume`, { fornax: { after: [] } });
    expect((await readFrom(harness, String(resumed.json()['uuid']))).fornax).toMatchObject({
      maxParallel: 2,
      dependencies: [],
    });
  });

  it('are not why instances wait beyond those that may run at once', async () => {
    const task = await submitTo(harness, { instanceCount: 3, fornax: { maxParallel: 1 } });
    await harness.happen(task, dispatched(aLease(0)));
    const path = `/fornax/v1/tasks/${task}/waiting`;
    expect((await harness.call('GET', path)).json()).toMatchObject({ reason: 'max-parallel', waiting: 2 });
  });
});
