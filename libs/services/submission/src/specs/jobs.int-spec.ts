import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { WireJob } from '@fornax/contracts';
import { eventually } from '@fornax/testing';
import { errorsOf, one, startJobHarness, type JobHarness } from './jobs.fixture.js';
import { followSse } from './sse-reader.fixture.js';
import { minimal, readFrom, submitTo } from './submission.fixture.js';

let harness: JobHarness;
beforeAll(async () => {
  harness = await startJobHarness();
}, 120_000);
afterAll(() => harness.close());

describe('a job', () => {
  it('is created, read by id and by name, listed, paged and searched', async () => {
    const tag = 'listed-job';
    const shortname = 'nightly-job';
    const id = await harness.createJob({ shortname, tags: [tag], useDependencies: true, maxWallTime: '01:00:00' });
    const job = await harness.readJob(id);
    expect(job).toMatchObject({ uuid: id, shortname, state: 'Active', useDependencies: true, maxWallTime: '01:00:00' });
    expect(job).toMatchObject({ previousState: null, poolUuid: null, completionTimeToLive: '00:00:00', tags: [tag] });
    expect(await harness.readJob(shortname)).toEqual(job);
    const other = await harness.createJob({ tags: ['x', tag] });
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
    expect((await harness.readJob(await harness.createJob({ maxWallTime: '00:00:00.5' }))).maxWallTime).toBe(
      '00:00:01',
    );
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
    expect(
      (await harness.call('GET', `/jobs/${await harness.createJob()}`, undefined, { token: stranger })).status,
    ).toBe(404);
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
    const [byName, byId] = [await harness.createJob({ poolUuid: 'for-jobs' }), await harness.createJob({ poolUuid })];
    await harness.createJob();
    expect((await harness.readJob(byName)).poolUuid).toBe(poolUuid);
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
    const id = await harness.createJob({ poolUuid });
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
    const id = await harness.createJob();
    await harness.call('POST', `/jobs/${id}/terminate`);
    await eventually(() => stream.messages.filter(({ data }) => data.includes(id)).length === 2);
    expect(JSON.parse(stream.messages[0]?.data ?? '{}')).toMatchObject({ taskId: null, aggregate: 'job' });
    stream.close();
  });
});
