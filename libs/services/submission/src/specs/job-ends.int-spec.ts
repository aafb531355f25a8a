import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aLease, anEnd, aRef, concluded, dispatched, started } from '@fornax/domain/specs';
import { eventually } from '@fornax/testing';
import { DOCUMENTS, errorsOf, one, startJobHarness, type JobHarness } from './jobs.fixture.js';
import { minimal, readFrom, submitTo } from './submission.fixture.js';

let harness: JobHarness;
beforeAll(async () => {
  harness = await startJobHarness();
}, 120_000);
afterAll(() => harness.close());

describe('the tasks of a job', () => {
  it('name it, are listed in order, and are cancelled when it is terminated', async () => {
    const id = await harness.createJob({ shortname: 'with-tasks' });
    const bulk = await harness.call(
      'POST',
      '/tasks',
      ['a', 'b', 'c'].map((name) => ({ ...minimal, ...one, name, jobUuid: id })),
    );
    const uuids = (JSON.parse(bulk.text) as { uuid: string }[]).map(({ uuid }) => uuid);
    const byName = await submitTo(harness, { ...one, jobUuid: 'with-tasks' });
    expect((await harness.tasksOf(id)).map(({ uuid }) => uuid).sort()).toEqual([...uuids, byName].sort());
    expect(await readFrom(harness, uuids[0] ?? '')).toMatchObject({ jobUuid: id, dependencies: null });
    await harness.run(uuids[0] ?? '');
    expect((await harness.call('POST', `/jobs/${id}/terminate`)).status).toBe(200);
    for (const uuid of [...uuids.slice(1), byName]) expect((await readFrom(harness, uuid)).state).toBe('Cancelled');
    expect((await readFrom(harness, uuids[0] ?? '')).state).toBe('Success');
    await eventually(async () => (await harness.jobState(id)) === 'Completed');
    expect((await harness.readJob(id)).previousState).toBe('Terminating');
    const late = await harness.call('POST', '/tasks', { ...minimal, jobUuid: id });
    expect([late.status, errorsOf(late)]).toEqual([400, ['jobUuid']]);
    expect((await harness.call('POST', `/jobs/${id}/terminate`)).status).toBe(200);
  });

  it('keep it terminating while they run', async () => {
    const id = await harness.createJob();
    const task = await submitTo(harness, { ...one, jobUuid: id });
    await harness.happen(task, dispatched(aLease(0)), started(aRef(0)));
    await harness.call('POST', `/jobs/${id}/terminate`);
    expect(await harness.jobState(id)).toBe('Terminating');
    expect(await readFrom(harness, task)).toMatchObject({
      state: 'PendingCancel',
      errors: [{ code: 'FX-JOB-TERMINATED', message: expect.stringContaining('its job was terminated') }],
    });
    await harness.happen(task, concluded(anEnd(0, { outcome: 'cancelled' })));
    await eventually(async () => (await harness.jobState(id)) === 'Completed');
  });

  it('wait for nothing any more once they were cancelled while they did', async () => {
    const id = await harness.createJob({ useDependencies: true });
    const first = await submitTo(harness, { ...one, jobUuid: id });
    const behind = await submitTo(harness, { ...one, jobUuid: id, dependencies: { dependsOn: [first] } });
    const aborted = await submitTo(harness, { ...one, jobUuid: id, dependencies: { dependsOn: [first] } });
    const array = await submitTo(harness, { instanceCount: 2 });
    const each = await submitTo(harness, { instanceCount: 2, fornax: { after: [{ task: array, each: true }] } });
    for (const task of [aborted, each]) expect((await harness.call('POST', `/tasks/${task}/abort`)).status).toBe(200);
    await harness.run(first);
    const unmet = 'dependencyConditionsNotFulfilled';
    expect(await readFrom(harness, aborted)).toMatchObject({
      state: 'Cancelled',
      dependencies: { dependsOn: [first], state: unmet },
      fornax: { dependencies: [{ state: 'dependencyConditionsFulfilled', actualFinalState: 'success' }] },
      errors: [],
    });
    expect(await readFrom(harness, each)).toMatchObject({
      dependencies: { state: unmet },
      fornax: { dependencies: [{ state: unmet, actualFinalState: null }] },
    });
    await harness.call('POST', `/jobs/${id}/terminate`);
    expect((await readFrom(harness, behind)).dependencies?.state).toBe(unmet);
    const graph = (await harness.call('GET', `${DOCUMENTS}/${id}/graph`)).json();
    expect(JSON.stringify(graph['dependencies'])).not.toContain('"waiting"');
  });

  it('stand in the way of its deletion, unless force is used', async () => {
    const id = await harness.createJob();
    const task = await submitTo(harness, { ...one, jobUuid: id });
    const refused = await harness.call('DELETE', `/jobs/${id}`);
    expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('should use force')]);
    expect((await harness.call('DELETE', `/jobs/${id}?force=True`)).status).toBe(200);
    await eventually(() => harness.isJobGone(id));
    expect((await harness.call('GET', `/tasks/${task}`)).status).toBe(404);
    const empty = await harness.createJob();
    expect((await harness.call('DELETE', `/jobs/${empty}?force=false`)).status).toBe(200);
    expect(await harness.isJobGone(empty)).toBe(true);
  });

  it('end behind the answer where they are many, and keep nobody waiting who ends another job', async () => {
    const [large, small] = [await harness.createJob(), await harness.createJob()];
    const bulk = Array.from({ length: 1_000 }, () => ({ ...minimal, ...one, jobUuid: large }));
    expect((await harness.call('POST', '/tasks', bulk)).status).toBe(200);
    expect((await harness.readJob(large)).fornax).toEqual({ taskCount: 1_000, unfinishedTaskCount: 1_000 });
    const beside = await submitTo(harness, { ...one, jobUuid: small });
    expect((await harness.call('DELETE', `/jobs/${large}?force=true`)).status).toBe(200);
    const answered = await harness.readJob(large);
    expect(answered.state).toBe('Deleting');
    expect(answered.fornax?.taskCount).toBeGreaterThan(0);
    expect((await harness.call('POST', `/jobs/${small}/terminate`)).status).toBe(200);
    expect((await readFrom(harness, beside)).state).toBe('Cancelled');
    expect((await harness.readJob(large)).state).toBe('Deleting');
    await eventually(() => harness.isJobGone(large), { timeoutMs: 60_000 });
    expect(await harness.tasksOf(small)).toHaveLength(1);
  }, 90_000);

  it('are cancelled behind the answer where they are many, also by a process that comes after', async () => {
    const id = await harness.createJob();
    const bulk = Array.from({ length: 600 }, () => ({ ...minimal, ...one, jobUuid: id }));
    expect((await harness.call('POST', '/tasks', bulk)).status).toBe(200);
    expect((await harness.call('POST', `/jobs/${id}/terminate`)).status).toBe(200);
    expect((await harness.readJob(id)).state).toBe('Terminating');
    await harness.restart();
    await eventually(async () => (await harness.jobState(id)) === 'Completed', { timeoutMs: 60_000 });
    expect((await harness.readJob(id)).fornax).toEqual({ taskCount: 600, unfinishedTaskCount: 0 });
  }, 90_000);

  it('do not come to it after it was deleted beside a submission', async () => {
    const id = await harness.createJob();
    const answers = await Promise.all([
      harness.call('POST', '/tasks', { ...minimal, ...one, jobUuid: id }),
      harness.call('POST', `/jobs/${id}/terminate`),
    ]);
    expect(answers[1].status).toBe(200);
    await eventually(async () => (await harness.jobState(id)) === 'Completed');
    await eventually(async () => (await harness.tasksOf(id)).every(({ state }) => state === 'Cancelled'));
  });
});

describe('the time of a job', () => {
  it('is over when it says, also after a restart, and its tasks are cancelled', async () => {
    const id = await harness.createJob({ maxWallTime: '00:00:02', completionTimeToLive: '00:00:01' });
    const task = await submitTo(harness, { ...one, jobUuid: id });
    await harness.restart();
    await eventually(async () => (await readFrom(harness, task)).state === 'Cancelled');
    const [, terminated] = (await harness.log.readAggregate('job', id)).flatMap(({ events }) => events);
    expect(terminated).toMatchObject({ type: 'JobTerminateRequested', reason: 'wall-time' });
    expect((await readFrom(harness, task)).errors).toMatchObject([
      { code: 'FX-JOB-WALL-LIMIT', message: expect.stringContaining('maxWallTime') },
    ]);
    const history = (await harness.call('GET', `/fornax/v1/tasks/${task}/events`)).json();
    expect(history['events']).toContainEqual(
      expect.objectContaining({
        type: 'TaskCancelRequested',
        reason: 'the time of its job was over',
        data: { because: 'job-wall-time' },
      }),
    );
    await eventually(() => harness.isJobGone(id));
    expect((await readFrom(harness, task)).state).toBe('Cancelled');
  }, 60_000);
});
