import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { taskSchema, taskSummarySchema, userInfoSchema, type WireTask } from '@fornax/contracts';
import { anEnd, aLease, aRef, concluded, dispatched, eventually, exited, started } from '@fornax/testing';
import { accountIdOf } from './accounts/first-account.js';
import { startHarness, type Harness } from './submission.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness({ FORNAX_LOG_KEEP_BYTES: '32768' });
}, 120_000);
afterAll(() => harness.close());

const minimal = { name: 'a task', profile: 'docker-batch', instanceCount: 4, constants: [{ key: 'DOCKER_CMD', value: 'echo ${INSTANCE_ID}' }] };
const submit = async (body: object = {}): Promise<string> => {
  const answer = await harness.call('POST', '/tasks', { ...minimal, ...body });
  if (answer.status !== 200) throw new Error(answer.text);
  return String(answer.json()['uuid']);
};
/** Reads as strictly as the clients do. */
const read = async (id: string): Promise<WireTask> => taskSchema.parse((await harness.call('GET', `/tasks/${id}`)).json());
const commits = async (): Promise<number> => (await harness.log.head()).sequence;

describe('service', () => {
  it('answers settings and versions without a token, and nothing else', async () => {
    const anonymous = (path: string) => harness.call('GET', path, undefined, { token: '' });
    expect((await anonymous('/settings')).json()).toEqual({ storage: 'http://127.0.0.1:9000' });
    expect((await anonymous('/versions')).json()).toEqual([{ version: 'v1', endOfLife: null }]);
    const refused = await anonymous('/info');
    const wrong = await harness.call('GET', '/info', undefined, { token: 'wrong' });
    expect(refused.status).toBe(401);
    expect(wrong.text).toBe(refused.text);
    expect(wrong.json()).toEqual({ message: 'Bad authentication token', error: { message: 'Bad authentication token', code: 401 }, data: {} });
    expect((await harness.call('GET', '/v1')).status).toBe(200);
  });

  it('gives the account without a null that clients cannot take', async () => {
    expect(userInfoSchema.parse((await harness.call('GET', '/info')).json())).toMatchObject({ email: harness.email, defaultScheduling: 'Flex' });
  });

  it('describes itself as OpenAPI', async () => {
    const document = (await harness.call('GET', '/openapi.json')).json() as unknown as { paths: Record<string, Record<string, { requestBody?: unknown; responses?: unknown }>> };
    expect(JSON.stringify(document.paths['/tasks']?.['post']?.requestBody)).toContain('advancedRanges');
    expect(JSON.stringify(document.paths['/tasks/{id}']?.['get']?.responses)).toContain('completedInstances');
  });

  it('lists and describes profiles', async () => {
    expect((await harness.call('GET', '/profiles')).json()).toContain('docker-batch');
    expect((await harness.call('GET', '/profiles/docker-batch')).json()).toMatchObject({ name: 'docker-batch', constants: expect.any(Array) });
    expect(await harness.call('GET', '/profiles/nope')).toMatchObject({ status: 404 });
  });

  it('says clearly what is not built, without a 5xx', async () => {
    const uuid = await submit();
    const calls: readonly (readonly [string, string])[] = [
      ['POST', `/tasks/${uuid}/clone`], ['POST', `/tasks/${uuid}/retry`], ['PATCH', `/tasks/${uuid}`], ['POST', '/jobs'], ['POST', '/pools'],
      ['GET', '/secrets-manager/data/a/b'], ['GET', `/v1/network/tasks/${uuid}/port-forward`],
    ];
    for (const [method, path] of calls) {
      const answer = await harness.call(method, path);
      expect({ path, status: answer.status, message: typeof answer.json()['message'] }).toEqual({ path, status: 400, message: 'string' });
    }
    expect((await harness.call('GET', '/pools')).json()).toEqual([]);
    expect((await harness.call('POST', '/jobs/paginate')).json()).toMatchObject({ data: [], isTruncated: false, nextToken: null });
    expect(await harness.call('GET', '/pools/x')).toMatchObject({ status: 404 });
  });
});

describe('submitting', () => {
  it('shows a task as soon as it is accepted, to a strict reader', async () => {
    const answer = await harness.call('POST', '/tasks', minimal);
    const uuid = String(answer.json()['uuid']);
    expect(answer.headers.get('location')).toBe(`/tasks/${uuid}`);
    expect(await read(uuid)).toMatchObject({
      uuid, shortname: uuid, state: 'Submitted', previousState: null, instanceCount: 4, totalInstanceCount: 4, status: null, endDate: '0001-01-01T00:00:00Z',
      errors: [], completedInstances: [], resultsCount: 0, constants: minimal.constants,
    });
  });

  it('writes one commit that says who asked, why and in which trace', async () => {
    const answer = await harness.call('POST', '/tasks', minimal, {
      headers: { 'x-correlation-id': 'c-1', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
    });
    const [commit, ...more] = await harness.log.readAggregate('task', String(answer.json()['uuid']));
    expect(more).toEqual([]);
    expect(commit?.meta).toMatchObject({ actor: expect.stringMatching(/^user:/), source: 'submission', correlationId: 'c-1' });
    expect(commit?.meta.traceparent).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-/);
  });

  it('takes what the Python and the C# client send', async () => {
    const python = await submit({
      poolUuid: null, jobUuid: null, constraints: [], forcedConstants: [], labels: { MyKey: 'v' }, dependencies: { dependsOn: [] },
      advancedResourceBuckets: [{ bucketName: 'input', filtering: {}, resourcesTransformation: {}, cacheTTLSec: null }],
      tags: ['t'], completionTimeToLive: '1.02:00:00', privileges: { exportApiAndStorageCredentialsInEnvironment: false },
      retrySettings: { maxTotalRetries: null, maxPerInstanceRetries: 2 }, forcedNetworkRules: [], resultBucket: 'output', uploadResultsOnCancellation: null,
    });
    expect(await read(python)).toMatchObject({
      labels: { MyKey: 'v' }, tags: ['t'], resourceBuckets: [], resultBucket: 'output', completionTimeToLive: '1.02:00:00',
      advancedResourceBuckets: [{ bucketName: 'input', filtering: {}, resourcesTransformation: {} }], retrySettings: { maxTotalRetries: null, maxPerInstanceRetries: 2 },
    });
    const answer = await harness.call('POST', '/tasks', {
      Name: 'cs', Profile: 'docker-batch', InstanceCount: 0, AdvancedRanges: '0-2, 7', Uuid: '00000000-0000-0000-0000-000000000000',
      CreationDate: '0001-01-01T00:00:00', State: null, Errors: [], ResourceBuckets: ['input'], SchedulingType: 'OnDemand',
      HardwareConstraints: [{ Discriminator: 'MinimumCoreHardwareConstraint', CoreCount: 2 }],
    });
    expect(await read(String(answer.json()['uuid']))).toMatchObject({
      instanceCount: 0, totalInstanceCount: 4, advancedRanges: '0-2, 7', schedulingType: 'onDemand', resourceBuckets: ['input'], advancedResourceBuckets: [],
      hardwareConstraints: [{ discriminator: 'MinimumCoreHardwareConstraint', coreCount: 2 }],
    });
  });

  it('notes that docker-batch has no container engine here', async () => {
    expect((await read(await submit())).notes).toEqual([expect.stringContaining('No container engine')]);
  });

  it('keeps secrets out of the log and of every answer', async () => {
    const uuid = await submit({ constants: [{ key: 'QARNOT_SECRET_KEY', value: 'hunter2' }, { key: 'A', value: 'b' }] });
    const shown = await harness.call('GET', `/tasks/${uuid}`);
    expect(shown.text).not.toContain('hunter2');
    expect((await read(uuid)).constants).toEqual([{ key: 'QARNOT_SECRET_KEY', value: '[SECRET]' }, { key: 'A', value: 'b' }]);
    expect(JSON.stringify(await harness.log.readAggregate('task', uuid))).not.toContain('hunter2');
    const sealed = async () => (await harness.log.readAggregate('task', uuid)).flatMap(({ events }) => events)
      .flatMap((event) => ('constants' in event ? event.constants : event.type === 'TaskSubmitted' ? event.spec.constants : []) ?? [])
      .flatMap((constant) => ('sealed' in constant ? [constant.sealed] : []));
    const whole = await read(uuid);
    await harness.call('PUT', `/tasks/${uuid}`, { ...whole, Tags: ['new'] });
    expect((await read(uuid)).tags).toEqual(['new']);
    const [first, second] = await sealed();
    expect(second).toBe(first);
  });

  it('answers a repeated Idempotency-Key with the same task', async () => {
    const headers = { 'idempotency-key': 'once' };
    const [first, second] = await Promise.all([harness.call('POST', '/tasks', minimal, { headers }), harness.call('POST', '/tasks', minimal, { headers })]);
    const third = await harness.call('POST', '/tasks', minimal, { headers });
    expect([second?.json()['uuid'], third.json()['uuid']]).toEqual([first?.json()['uuid'], first?.json()['uuid']]);
    const other = await harness.call('POST', '/tasks', minimal, { headers, token: await harness.addAccount() });
    expect(other.json()['uuid']).not.toBe(first?.json()['uuid']);
  });

  it('holds a shortname for one task of the account, until that is deleted', async () => {
    const first = await submit({ shortname: 'my-task' });
    expect((await read('my-task')).uuid).toBe(first);
    expect(await harness.call('POST', '/tasks', { ...minimal, shortname: 'my-task' })).toMatchObject({ status: 400 });
    const other = await harness.addAccount();
    expect(await harness.call('POST', '/tasks', { ...minimal, shortname: 'my-task' }, { token: other })).toMatchObject({ status: 200 });
    await harness.call('DELETE', '/tasks/my-task');
    const second = await submit({ shortname: 'my-task' });
    expect(second).not.toBe(first);
  });

  it('answers a bulk item by item, in order, 207 when they differ', async () => {
    const good = await harness.call('POST', '/tasks', [minimal, minimal]);
    expect(good.status).toBe(200);
    const mixed = await harness.call('POST', '/tasks', [minimal, { ...minimal, instanceCount: 0 }, { ...minimal, resourceBuckets: ['gone'] }, minimal]);
    expect(mixed.status).toBe(207);
    expect(mixed.json()).toEqual([
      { statusCode: 200, uuid: expect.any(String), message: null },
      { statusCode: 400, uuid: null, message: expect.any(String) },
      { statusCode: 404, uuid: null, message: 'No such bucket: gone' },
      { statusCode: 200, uuid: expect.any(String), message: null },
    ]);
    const failed = await harness.call('POST', '/tasks', [{ name: 3 }, 'nonsense']);
    expect(failed.status).toBe(207);
    expect(failed.json()).toHaveLength(2);
  });

  it('says in the clients\' words that there are too many tasks', async () => {
    const token = await harness.addAccount(2);
    for (let i = 0; i < 2; i++) expect(await harness.call('POST', '/tasks', minimal, { token })).toMatchObject({ status: 200 });
    const refused = await harness.call('POST', '/tasks', minimal, { token });
    expect(refused).toMatchObject({ status: 403, text: expect.stringContaining('Maximum number of tasks reached') });
  });
});

describe('bad input', () => {
  const tooMany = Array.from({ length: 151 }, (_, i) => ({ key: `A${i}`, value: '' }));
  it.each([
    ['no body', undefined],
    ['a body that is a number', '5'],
    ['no name', { name: undefined }],
    ['no profile', { profile: undefined }],
    ['an unknown profile', { profile: 'nope' }],
    ['an unknown pool', { poolUuid: 'b2a3f3f0-0000-4000-8000-000000000001' }],
    ['an unknown job', { jobUuid: 'b2a3f3f0-0000-4000-8000-000000000001' }],
    ['an unknown project', { projectUuid: 'b2a3f3f0-0000-4000-8000-000000000001' }],
    ['no instances', { instanceCount: undefined }],
    ['zero instances', { instanceCount: 0 }],
    ['a negative count', { instanceCount: -1 }],
    ['a huge count', { instanceCount: 100_001 }],
    ['an absurd count', { instanceCount: 1e300 }],
    ['a count with a fraction', { instanceCount: 1.5 }],
    ['a count that is a text', { instanceCount: 'four' }],
    ['malformed ranges', { advancedRanges: '1-' }],
    ['reversed ranges', { advancedRanges: '3-1' }],
    ['doubled ranges', { advancedRanges: '1,1' }],
    ['negative ranges', { advancedRanges: '-5' }],
    ['huge ranges', { advancedRanges: '0-100000' }],
    ['ranges beyond all numbers', { advancedRanges: '0-99999999999999999999' }],
    ['constants that are a map', { constants: { DOCKER_CMD: 'x' } }],
    ['constants that are texts', { constants: ['DOCKER_CMD=x'] }],
    ['a constant without value', { constants: [{ key: 'A' }] }],
    ['a constant that is too long', { constants: [{ key: 'A', value: 'x'.repeat(2_049) }] }],
    ['too many constants', { constants: tooMany }],
    ['a pattern that is none', { resultsWhitelist: '*' }],
    ['ten tags', { tags: Array.from({ length: 10 }, String) }],
    ['a hardware constraint of no kind', { hardwareConstraints: [{ discriminator: 'Warm' }] }],
    ['a shortname with a space', { shortname: 'a b' }],
    ['dependencies without a job', { dependencies: { dependsOn: ['b2a3f3f0-0000-4000-8000-000000000001'] } }],
    ['a reservation without the plan', { targetedReservationName: 'mine' }],
    ['a result bucket of somebody else', { resultBucket: 'taken' }],
    ['buckets given twice over', { resourceBuckets: ['input'], advancedResourceBuckets: [{ bucketName: 'other' }] }],
    ['a NUL', { name: 'a\0b' }],
  ])('answers 400 to %s and leaves nothing', async (_, change) => {
    const before = await commits();
    const body = typeof change === 'object' ? { ...minimal, ...change } : change;
    const answer = await harness.call('POST', '/tasks', body);
    expect({ status: answer.status, message: typeof answer.json()['message'] }).toEqual({ status: 400, message: 'string' });
    expect(await commits()).toBe(before);
  });

  it('answers validation errors as problem details that name the field', async () => {
    const answer = await harness.call('POST', '/tasks', { ...minimal, instanceCount: 0 });
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.json()).toMatchObject({ status: 400, errors: { instanceCount: [expect.any(String)] } });
  });

  it('answers 404 to a missing bucket, by name, and frees the shortname', async () => {
    const answer = await harness.call('POST', '/tasks', { ...minimal, shortname: 'free', resourceBuckets: ['gone'] });
    expect(answer).toMatchObject({ status: 404, text: JSON.stringify({ message: 'No such bucket: gone' }) });
    await submit({ shortname: 'free' });
  });

  it('leaves nothing of a submission that dies half way, and takes it when it is sent again', async () => {
    const before = await commits();
    harness.setStorage(false);
    const refused = await harness.call('POST', '/tasks', { ...minimal, shortname: 'half-way', resultBucket: 'output' });
    harness.setStorage(true);
    expect(refused.status).toBe(503);
    expect(await commits()).toBe(before);
    expect(await harness.query(`SELECT 1 FROM shortname WHERE shortname = 'half-way'`)).toEqual([]);
    await submit({ shortname: 'half-way', resultBucket: 'output' });
  }, 20_000);

  it('frees a name that a dead process held for a task it never wrote', async () => {
    const uuid = await submit({ shortname: 'held' });
    const [held] = await harness.query(`SELECT owner FROM shortname WHERE task_id = $1`, [uuid]) as { owner: string }[];
    const hold = (shortname: string, age: string) =>
      harness.query(`INSERT INTO shortname (owner, shortname, task_id, reserved_at) VALUES ($1, $2, $2, now() - $3::interval)`, [held?.owner, shortname, age]);
    await hold('young', '1 second');
    await hold('old', '2 minutes');
    expect(await harness.call('POST', '/tasks', { ...minimal, shortname: 'young' })).toMatchObject({ status: 400 });
    expect(await harness.call('POST', '/tasks', { ...minimal, shortname: 'old' })).toMatchObject({ status: 200 });
  });

  it('goes on with a task whose acceptance was not learnt, under the same name', async () => {
    const uuid = await submit({ shortname: 'unsure' });
    await harness.query(`UPDATE shortname SET is_outcome_unknown = true WHERE task_id = $1`, [uuid]);
    expect(await submit({ shortname: 'unsure' })).toBe(uuid);
  });

  it('answers malformed JSON with 400 and a body over the limit with 413', async () => {
    expect(await harness.call('POST', '/tasks', '{"name":')).toMatchObject({ status: 400 });
    const large = await harness.call('POST', '/tasks', JSON.stringify({ ...minimal, name: 'x'.repeat(1_100_000) }));
    expect({ status: large.status, message: typeof large.json()['message'] }).toEqual({ status: 413, message: 'string' });
  });

  it('takes a NUL anywhere in a request for what it is: nothing of ours', async () => {
    const token = Buffer.from(JSON.stringify(['name', 0, 'a\0', 'b'])).toString('base64url');
    expect(await harness.call('GET', '/tasks/%00')).toMatchObject({ status: 404 });
    expect(await harness.call('GET', '/tasks/a%00b/stdout')).toMatchObject({ status: 404 });
    expect(await harness.call('GET', '/tasks?tag=%00')).toMatchObject({ status: 200, text: '[]' });
    expect(await harness.call('POST', '/tasks/paginate', { token })).toMatchObject({ status: 400 });
    expect(await harness.call('POST', '/tasks/search', { filter: { operator: 'Equal', field: 'Name', value: '\0' } })).toMatchObject({ status: 400 });
    expect(await harness.call('GET', '/profiles/%00')).toMatchObject({ status: 404 });
  });

  it('does not find unknown tasks, nor those of somebody else', async () => {
    const uuid = await submit({ shortname: 'private' });
    const token = await harness.addAccount();
    const calls: readonly (readonly [string, string])[] = [
      ['GET', ''], ['PUT', ''], ['DELETE', ''], ['POST', '/abort'], ['GET', '/stdout'], ['POST', '/stderr/0'], ['POST', '/clone'],
    ];
    for (const [method, path] of calls) {
      for (const id of [uuid, 'private']) expect(await harness.call(method, `/tasks/${id}${path}`, undefined, { token })).toMatchObject({ status: 404 });
      expect(await harness.call(method, `/tasks/b2a3f3f0-0000-4000-8000-000000000001${path}`)).toMatchObject({ status: 404 });
    }
    expect(await read(uuid)).toMatchObject({ state: 'Submitted' });
    expect((await harness.call('GET', '/tasks', undefined, { token })).json()).toEqual([]);
  });
});

describe('the life of a task', () => {
  it('goes from Submitted to Success, with UploadingResults before the end and everything filled in', async () => {
    const uuid = await submit({ instanceCount: 2, resultBucket: 'output' });
    await harness.happen(uuid, dispatched(aLease(0)));
    expect(await read(uuid)).toMatchObject({ state: 'PartiallyDispatched', previousState: 'Submitted' });
    await harness.happen(uuid, dispatched(aLease(1)), started(aRef(0), aRef(1)));
    expect(await read(uuid)).toMatchObject({ state: 'FullyExecuting', previousState: 'FullyDispatched', runningInstanceCount: 2 });
    await harness.happen(uuid, exited(aRef(0)), concluded(anEnd(0, { uploadedFiles: 1, endedAt: 3_000 }), anEnd(1, { endedAt: 3_000, uploadedFiles: 1 })));
    const task = await read(uuid);
    expect(task).toMatchObject({ state: 'Success', previousState: 'UploadingResults', progress: 100, resultsCount: 1, executionTime: '00:00:04' });
    expect(task.endDate).not.toBe('0001-01-01T00:00:00Z');
    expect(task.completedInstances.map(({ instanceId, state, execTimeSec }) => [instanceId, state, execTimeSec])).toEqual([[0, 'Success', 2], [1, 'Success', 2]]);
    expect(task.status).toMatchObject({
      succeededRange: '0-1', executedRange: '0-1', failedRange: '', startedOnceRange: '0-1', executionTimeSec: 4,
      executionTimeByCpuModel: [{ model: 'Intel Xeon', time: 4, core: 8 }],
    });
    expect(await harness.call('POST', `/tasks/${uuid}/abort`)).toMatchObject({ status: 403 });
  });

  it('gives a failed task an error', async () => {
    const uuid = await submit({ instanceCount: 1 });
    await harness.happen(uuid, dispatched(aLease(0)), started(aRef(0)), concluded(anEnd(0, { outcome: 'failure', cause: 'user', exitCode: 3 })));
    const task = await read(uuid);
    expect(task).toMatchObject({ state: 'Failure', previousState: 'UploadingResults', errors: [{ code: 'FX-EXIT' }] });
    expect(task.completedInstances).toMatchObject([{ state: 'Failure', error: { message: 'Instance 0 exited with code 3' } }]);
  });

  it('survives whatever text a node reports', async () => {
    const uuid = await submit({ instanceCount: 1 });
    const error = { code: 'X', message: 'bad \0 \ud800 text', debug: '' };
    await harness.happen(uuid, dispatched(aLease(0)), concluded(anEnd(0, { outcome: 'failure', cause: 'platform', error })));
    expect((await read(uuid)).state).toBe('Failure');
  });

  it('cancels at once what only waits, and asks running instances to end', async () => {
    const waiting = await submit();
    expect(await harness.call('POST', `/tasks/${waiting}/abort`)).toMatchObject({ status: 200, text: '' });
    expect((await read(waiting)).state).toBe('Cancelled');
    const running = await submit({ instanceCount: 1 });
    await harness.happen(running, dispatched(aLease(0)), started(aRef(0)));
    await harness.call('POST', `/tasks/${running}/abort`);
    expect((await read(running)).state).toBe('PendingCancel');
    await harness.happen(running, concluded(anEnd(0, { outcome: 'cancelled' })));
    expect(await read(running)).toMatchObject({ state: 'Cancelled', previousState: 'PendingCancel' });
  });

  it('forgets a deleted task', async () => {
    const uuid = await submit();
    expect(await harness.call('DELETE', `/tasks/${uuid}`)).toMatchObject({ status: 200 });
    expect(await harness.call('GET', `/tasks/${uuid}`)).toMatchObject({ status: 404 });
    expect(await harness.call('DELETE', `/tasks/${uuid}`)).toMatchObject({ status: 404 });
    const running = await submit({ instanceCount: 1, tags: ['deleting'] });
    await harness.happen(running, dispatched(aLease(0)));
    await harness.call('DELETE', `/tasks/${running}`);
    expect(await harness.call('GET', `/tasks/${running}`)).toMatchObject({ status: 404 });
    expect((await harness.call('GET', '/tasks/summaries?tag=deleting')).json()).toMatchObject([{ state: 'PendingDelete' }]);
  });

  it('decides on the newest facts although its rows are old', async () => {
    const uuid = await submit({ instanceCount: 1 });
    const writes = [harness.happen(uuid, dispatched(aLease(0))), harness.call('POST', `/tasks/${uuid}/abort`)] as const;
    await Promise.allSettled(writes);
    const events = (await harness.log.readAggregate('task', uuid)).flatMap((commit) => commit.events.map(({ type }) => type));
    expect(events).toContain('TaskCancelRequested');
  });
});

describe('lists', () => {
  it('pages by keyset, newest first, while tasks come in', async () => {
    const token = await harness.addAccount();
    const add = async (name: string) => String((await harness.call('POST', '/tasks', { ...minimal, name }, { token })).json()['uuid']);
    const uuids = [await add('a'), await add('b'), await add('c')];
    const page = async (body: object) => (await harness.call('POST', '/tasks/summaries/paginate', body, { token })).json() as unknown as {
      data: { uuid: string; name: string }[]; nextToken: string | null; isTruncated: boolean; count: number; total: number;
    };
    const first = await page({ Token: null, Filter: null, MaximumResults: 2 });
    expect(first).toMatchObject({ count: 2, total: 3, isTruncated: true, nextToken: expect.any(String) });
    for (const summary of first.data) taskSummarySchema.parse(summary);
    await add('d');
    const second = await page({ token: first.nextToken, maximumResults: 2 });
    expect(second).toMatchObject({ count: 1, isTruncated: false, nextToken: null });
    expect([...first.data, ...second.data].map(({ uuid }) => uuid)).toEqual([...uuids].reverse());
    const byName = await page({ maximumResults: 3, orderBy: 'Name', orderType: 'asc' });
    expect(byName.data.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect((await page({ token: byName.nextToken })).data.map(({ name }) => name)).toEqual(['d']);
    expect(await harness.call('POST', '/tasks/paginate', { token: 'nonsense' }, { token })).toMatchObject({ status: 400 });
    expect(await harness.call('POST', '/tasks/paginate', { orderBy: 'owner' }, { token })).toMatchObject({ status: 400 });
  });

  it('filters as the clients do', async () => {
    const token = await harness.addAccount();
    const add = async (body: object) => (await harness.call('POST', '/tasks', { ...minimal, ...body }, { token })).status;
    expect([await add({ name: 'sim-1', tags: ['x', 'y'] }), await add({ name: 'sim-2', tags: ['y'] }), await add({ name: 'render', shortname: 'rr' })]).toEqual([200, 200, 200]);
    const names = async (filter: unknown): Promise<string[]> => {
      const answer = await harness.call('POST', '/tasks/search', { filter, maximumResults: null, select: null }, { token });
      if (answer.status !== 200) return [String(answer.status)];
      return (answer.json() as unknown as WireTask[]).map((task) => taskSchema.parse(task).name).sort();
    };
    expect(await names(null)).toEqual(['render', 'sim-1', 'sim-2']);
    expect(await names({ operator: 'Equal', field: 'Tags', value: 'y' })).toEqual(['sim-1', 'sim-2']);
    expect(await names({ Operator: 'And', Filters: [{ Value: 'x', Field: 'Tags', Operator: 'Equal' }] })).toEqual(['sim-1']);
    expect(await names({ operator: 'NotEqual', field: 'tags', value: 'x' })).toEqual(['render', 'sim-2']);
    expect(await names({ operator: 'Or', filters: [{ operator: 'Equal', field: 'Name', value: 'render' }, { operator: 'In', field: 'Tags', value: ['x'] }] })).toEqual(['render', 'sim-1']);
    expect(await names({ operator: 'In', field: 'Name', values: ['sim-2', 'render'] })).toEqual(['render', 'sim-2']);
    expect(await names({ operator: 'NotIn', field: 'Name', values: ['sim-2', 'render'] })).toEqual(['sim-1']);
    expect(await names({ operator: 'Like', field: 'Name', value: '/^sim/' })).toEqual(['sim-1', 'sim-2']);
    expect(await names({ operator: 'Equal', field: 'State', value: 'submitted' })).toHaveLength(3);
    expect(await names({ operator: 'GreaterThan', field: 'CreationDate', value: '2001-01-01T00:00:00' })).toHaveLength(3);
    expect(await names({ operator: 'LessThan', field: 'EndDate', value: '2001-01-01' })).toHaveLength(3);
    expect(await names({ operator: 'GreaterThanOrEqual', field: 'InstanceCount', value: '5' })).toEqual([]);
    expect(await names({ operator: 'Equal', field: 'PoolUuid', value: null })).toHaveLength(3);
    expect(await names({ operator: 'Equal', field: 'Shortname', value: 'rr' })).toEqual(['render']);
    for (const bad of [
      { operator: 'Equal', field: 'Nope', value: 1 }, { operator: 'Near', field: 'Name', value: 1 }, { operator: 'Like', field: 'Name', value: '(' },
      { operator: 'In', field: 'Name', value: 'x' }, { operator: 'LessThan', field: 'CreationDate', value: 'soon' }, { operator: 'Equal', field: 'Name', value: { a: 1 } },
      { operator: 'Like', field: 'Name', value: '(?<=a)(?<n>b)' }, { operator: 'Equal', field: 'Name\'; DROP TABLE task; --', value: 1 },
    ]) expect(await names(bad)).toEqual(['400']);
    const byTag = (query: string) => harness.call('GET', `/tasks?${query}`, undefined, { token });
    expect((await byTag('tag=x,nope')).json()).toMatchObject([{ name: 'sim-1' }]);
    expect((await byTag('tag=x&tag=y')).json()).toHaveLength(2);
  });
});

describe('output', () => {
  it('prefixes whole lines in order of arrival, gives instances bare, and each fresh byte once', async () => {
    const uuid = await submit({ instanceCount: 3 });
    await harness.happen(uuid, dispatched(aLease(0), aLease(1)), started(aRef(0), aRef(1)));
    const get = async (path: string) => (await harness.call('GET', `/tasks/${uuid}/${path}`)).text;
    const post = async (path: string) => (await harness.call('POST', `/tasks/${uuid}/${path}`)).text;
    expect([await get('stdout'), await get('stdout/2'), await post('stderr')]).toEqual(['', '', '']);
    await harness.print(uuid, 1, 'hello ');
    await harness.print(uuid, 0, 'zero\n');
    expect(await post('stdout')).toBe('0> zero\n');
    await harness.print(uuid, 1, 'world\nsecond\n');
    await harness.print(uuid, 0, 'oops\n', { stream: 'stderr' });
    expect(await get('stdout')).toBe('0> zero\n1> hello world\n1> second\n');
    expect(await post('stdout')).toBe('1> hello world\n1> second\n');
    expect(await post('stdout')).toBe('');
    expect(await get('stdout/1')).toBe('hello world\nsecond\n');
    expect([await post('stdout/1'), await post('stdout/1')]).toEqual(['hello world\nsecond\n', '']);
    expect(await get('stderr')).toBe('0> oops\n');
    expect((await harness.call('GET', `/tasks/${uuid}/stdout`)).headers.get('content-type')).toBe('text/plain; charset=utf-8');
    for (const bad of ['3', '-1', 'x', '99999999999']) expect(await harness.call('GET', `/tasks/${uuid}/stdout/${bad}`)).toMatchObject({ status: 404 });
  });

  it('does not tear a character that two chunks share', async () => {
    const uuid = await submit({ instanceCount: 1 });
    await harness.happen(uuid, dispatched(aLease(0)), started(aRef(0)));
    const bytes = Buffer.from('déjà €\n');
    const cut = bytes.indexOf(Buffer.from('€')) + 1;
    await harness.print(uuid, 0, bytes.subarray(0, cut));
    const first = (await harness.call('POST', `/tasks/${uuid}/stdout/0`)).text;
    await harness.print(uuid, 0, bytes.subarray(cut));
    const second = (await harness.call('POST', `/tasks/${uuid}/stdout/0`)).text;
    expect([first, second]).toEqual(['déjà ', '€\n']);
  });

  it('shows only the latest attempt of an instance, and a last line without end once the instance is over', async () => {
    const uuid = await submit({ instanceCount: 1 });
    await harness.happen(uuid, dispatched(aLease(0)), started(aRef(0)));
    await harness.print(uuid, 0, 'first try\n');
    await harness.happen(uuid, { type: 'InstancesRequeued', attempts: [anEnd(0, { outcome: 'failure', cause: 'node-lost' })], at: 2_000 }, dispatched(aLease(0, { attempt: 2 })));
    expect((await harness.call('GET', `/tasks/${uuid}/stdout`)).text).toBe('');
    await harness.print(uuid, 0, 'second try', { attempt: 2 });
    await harness.print(uuid, 0, 'ghost\n', { attempt: 1 });
    expect((await harness.call('POST', `/tasks/${uuid}/stdout`)).text).toBe('');
    await harness.happen(uuid, concluded(anEnd(0, { attempt: 2 })));
    expect((await harness.call('POST', `/tasks/${uuid}/stdout`)).text).toBe('0> second try\n');
    expect((await harness.call('GET', `/tasks/${uuid}/stdout/0`)).text).toBe('second try');
  });

  it('goes with its task', async () => {
    const uuid = await submit({ instanceCount: 1 });
    await harness.print(uuid, 0, 'x\n');
    await harness.call('GET', `/tasks/${uuid}/stdout`);
    expect(await harness.query('SELECT 1 FROM log_chunk WHERE task_id = $1', [uuid])).toHaveLength(1);
    await harness.call('DELETE', `/tasks/${uuid}`);
    expect(await harness.call('GET', `/tasks/${uuid}/stdout`)).toMatchObject({ status: 404 });
    await eventually(async () => (await harness.query('SELECT 1 FROM log_chunk WHERE task_id = $1', [uuid])).length === 0);
  });

  it('keeps only the last part of a stream that grows too large, and says so', async () => {
    const uuid = await submit({ instanceCount: 1 });
    await harness.happen(uuid, dispatched(aLease(0)), started(aRef(0)));
    const line = (n: number) => `${String(n).padStart(999, '.')}\n`;
    for (let n = 0; n < 40; n++) await harness.print(uuid, 0, line(n));
    const text = (await harness.call('GET', `/tasks/${uuid}/stdout/0`)).text;
    expect(text).toMatch(/^\[\d+ bytes of older output were dropped\]\n/);
    expect(text.endsWith(line(39))).toBe(true);
    expect(text.length).toBeLessThan(32_768 + 100);
  });
});

describe('starting again', () => {
  it('changes no account, keeps the tasks, and neither loses nor doubles output', async () => {
    const uuid = await submit({ instanceCount: 1 });
    await harness.print(uuid, 0, 'before\n');
    expect((await harness.call('POST', `/tasks/${uuid}/stdout`)).text).toBe('0> before\n');
    await harness.print(uuid, 0, 'between\n');
    const before = await commits();
    await harness.restart();
    expect(await commits()).toBe(before);
    await harness.print(uuid, 0, 'after\n');
    expect((await harness.call('POST', `/tasks/${uuid}/stdout`)).text).toBe('0> between\n0> after\n');
    expect((await harness.call('GET', `/tasks/${uuid}/stdout`)).text).toBe('0> before\n0> between\n0> after\n');
    expect((await read(uuid)).state).toBe('Submitted');
  });

  it('is one service in two processes: one account, one status, output once', async () => {
    const twin = await harness.twin();
    const there = async (method: string, path: string, body?: object): Promise<string> => {
      const response = await fetch(`${twin.url}${path}`, { method, headers: { authorization: harness.token }, ...(body ? { body: JSON.stringify(body) } : {}) });
      return response.text();
    };
    expect((await harness.log.readAggregate('account', accountIdOf(harness.email))).flatMap(({ events }) => events.map(({ type }) => type)))
      .toEqual(['AccountCreated', 'TokenIssued']);
    const uuid = await submit({ instanceCount: 1 });
    expect(await there('GET', `/tasks/${uuid}`)).toContain('"state":"Submitted"');
    await harness.happen(uuid, dispatched(aLease(0)), started(aRef(0)));
    for (let n = 0; n < 20; n++) await harness.print(uuid, 0, `${n}\n`);
    const fresh = [(await harness.call('POST', `/tasks/${uuid}/stdout`)).text, await there('POST', `/tasks/${uuid}/stdout`)].join('');
    expect(fresh).toBe(Array.from({ length: 20 }, (_, n) => `0> ${n}\n`).join(''));
    await there('POST', `/tasks/${uuid}/abort`);
    expect((await read(uuid)).state).toBe('PendingCancel');
    await twin.close();
  }, 20_000);

  it('goes on after a crash of the log\'s server, with tasks and with output', async () => {
    const uuid = await submit({ instanceCount: 1 });
    await harness.happen(uuid, dispatched(aLease(0)), started(aRef(0)));
    await harness.print(uuid, 0, 'one\n');
    expect((await harness.call('POST', `/tasks/${uuid}/stdout`)).text).toBe('0> one\n');
    await harness.crashNats();
    await eventually(async () => (await harness.call('POST', '/tasks', minimal)).status === 200, { timeoutMs: 20_000 });
    await harness.print(uuid, 0, 'two\n');
    expect(await eventually(async () => (await harness.call('POST', `/tasks/${uuid}/stdout`)).text || undefined)).toBe('0> two\n');
    await harness.call('POST', `/tasks/${uuid}/abort`);
    expect((await read(uuid)).state).toBe('PendingCancel');
  }, 60_000);

  it('rebuilds the status from the log without a difference', async () => {
    const answer = await eventually(async () => {
      const rebuilt = await harness.call('POST', '/fornax/v1/projections/status/rebuild?verify=true');
      return rebuilt.status === 200 ? rebuilt : undefined;
    });
    expect(answer.json()).toMatchObject({ differences: expect.anything() });
    for (const difference of answer.json()['differences'] as unknown as { onlyLive: number; onlyRebuilt: number }[]) {
      expect(difference).toMatchObject({ onlyLive: 0, onlyRebuilt: 0 });
    }
  });
});
