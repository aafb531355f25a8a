import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@fornax/testing';
import { diamond, DOCUMENTS, errorsOf, startJobHarness, type JobHarness, uuidOf } from './jobs.fixture.js';

let harness: JobHarness;
beforeAll(async () => {
  harness = await startJobHarness();
}, 120_000);
afterAll(() => harness.close());

const made = (body: object = diamond): Promise<string> => harness.createWhole(body);

describe('a job as one document', () => {
  it('is made with its tasks, and what these wait for', async () => {
    const id = await made();
    expect(await harness.readJob(id)).toMatchObject({ state: 'Active', useDependencies: true });
    const tasks = await harness.byName(id);
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

  it('keeps the order of its tasks, and so does its clone', async () => {
    const names = Array.from({ length: 20 }, (_, at) => `t${at}`);
    const id = await made({ name: 'ordered', tasks: names.map((name) => ({ name, command: 'true' })) });
    const namesOf = async (jobId: string) => (await harness.tasksOf(jobId)).map((task) => task['name']);
    expect(await namesOf(id)).toEqual(names);
    const clone = await harness.call('POST', `${DOCUMENTS}/${id}/clone`);
    expect(await namesOf(String(clone.json()['uuid']))).toEqual(names);
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
      [{ name: 'n', tasks: [one], shade: 1 }, ['shade']],
      [{ name: 'n', tasks: [{ ...one, jobUuid: 'x' }] }, ['tasks[0].jobUuid']],
      [
        { tasks: [{ ...one, jobUuid: 'x', command: 1 }], shade: 1 },
        ['name', 'shade', 'tasks[0].command', 'tasks[0].jobUuid'],
      ],
      [{ name: 'n', shortname: randomUUID(), tasks: [one] }, ['shortname']],
      [
        { name: 'n', tasks: [{ ...one, labels: JSON.parse('{ "__proto__": "lost" }') as object }] },
        ['tasks[0].labels.__proto__'],
      ],
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
      [{ name: 'n', pool: 'nobody', tasks: [one] }, ['pool']],
      [{ name: 'n', project: 'nobody', tasks: [one, { name: 'b' }] }, ['project']],
      [{ name: 'n', tasks: [{ ...one, matrix: { 'a b': [1] } }] }, ['tasks[0].matrix']],
      // What is wrong with tasks beside each other is told with what the platform does not know.
      [
        {
          name: 'n',
          pool: 'nobody',
          project: 'nobody',
          tasks: [
            { ...one, after: ['c'] },
            { name: 'b', environment: { DOCKER_CMD: 'x' }, command: 'true' },
          ],
        },
        ['pool', 'tasks[0].after[0]', 'tasks[1].environment.DOCKER_CMD'],
      ],
      [
        {
          name: 'n',
          project: 'nobody',
          tasks: [
            { ...one, after: ['c'] },
            { name: 'b', profile: 'no-such' },
          ],
        },
        ['project', 'tasks[0].after[0]', 'tasks[1].profile'],
      ],
      [
        {
          name: 'n',
          tasks: [
            { ...one, instanceCount: 2 },
            { name: 'b', matrix: { x: [1, 2, 3] }, after: [{ task: 'a', each: true }] },
          ],
        },
        ['tasks[1].after[0].each'],
      ],
    ] as const) {
      const answer = await harness.call('POST', DOCUMENTS, body);
      expect([answer.status, errorsOf(answer).toSorted()]).toEqual([400, [...fields].toSorted()]);
    }
    const missing = { name: 'n', tasks: [one, { name: 'b', resourceBuckets: ['no-such-bucket'] }] };
    const refusal = await harness.call('POST', DOCUMENTS, missing);
    expect([refusal.status, refusal.json()]).toEqual([
      400,
      expect.objectContaining({ errors: { 'tasks[1].resourceBuckets[0]': ['No such bucket: no-such-bucket'] } }),
    ]);
    const shared = await harness.call('POST', DOCUMENTS, { ...missing, resourceBuckets: ['none'], tasks: [one] });
    expect(shared.json()).toMatchObject({ errors: { 'resourceBuckets[0]': ['No such bucket: none'] } });
    expect(await counts()).toEqual(before);
  });

  it('has a history, also once it is deleted', async () => {
    const id = await made();
    await harness.call('DELETE', `/jobs/${id}?force=true`);
    await eventually(() => harness.isJobGone(id));
    const types = async (token?: string) => {
      const answer = await harness.call('GET', `${DOCUMENTS}/${id}/events`, undefined, token ? { token } : {});
      return ((answer.json()['events'] ?? []) as { type: string }[]).map(({ type }) => type);
    };
    expect(await types()).toEqual(['JobCreated', 'JobDeleteRequested', 'JobDeleted']);
    expect(await types(await harness.addAccount())).toEqual([]);
  });

  it('is read as of any moment as it was shown then', async () => {
    const id = await made();
    const read = (query: string, token?: string) =>
      harness.call('GET', `${DOCUMENTS}/${id}${query}`, undefined, token ? { token } : {});
    const first = (await read('')).json();
    const [created] = await harness.log.readAggregate('job', id);
    const sequence = created?.sequence ?? 0;
    await harness.call('POST', `/jobs/${id}/terminate`);
    await eventually(async () => (await harness.jobState(id)) === 'Completed');
    const then = await read(`?asOf=${sequence}`);
    expect(then.json()).toEqual(first);
    expect(then.headers.get('fornax-sequence')).toBe(String(sequence));
    const [, terminated, completed] = await harness.log.readAggregate('job', id);
    expect((await read(`?asOf=${terminated?.sequence}`)).json()['state']).toBe('Terminating');
    expect((await read(`?asOf=${new Date().toISOString()}`)).json()).toEqual((await read('')).json());
    const early = await read(`?asOf=${sequence - 1}`);
    expect([early.status, early.text]).toEqual([404, expect.stringContaining('did not exist yet')]);
    for (const wrong of ['999999999', 'soon']) expect((await read(`?asOf=${wrong}`)).status).toBe(400);
    expect((await read(`?asOf=${sequence}`, await harness.addAccount())).status).toBe(404);
    await harness.call('DELETE', `/jobs/${id.toUpperCase()}`);
    await eventually(() => harness.isJobGone(id));
    expect((await read(`?asOf=${completed?.sequence}`)).json()['state']).toBe('Completed');
    const gone = await read(`?asOf=${new Date().toISOString()}`);
    expect([gone.status, gone.text]).toEqual([404, expect.stringContaining('was deleted')]);
  });

  it('is made once under one key', async () => {
    const headers = { 'idempotency-key': 'document-key' };
    const first = await harness.call('POST', DOCUMENTS, diamond, { headers });
    const again = await harness.call('POST', DOCUMENTS, diamond, { headers });
    expect([again.status, again.json()['uuid']]).toEqual([200, first.json()['uuid']]);
    expect(await harness.tasksOf(String(first.json()['uuid']))).toHaveLength(4);
  });

  it('has a published schema', async () => {
    expect((await harness.call('GET', `${DOCUMENTS}/schema`)).json()).toMatchObject({
      required: expect.arrayContaining(['name', 'tasks']) as unknown,
      additionalProperties: false,
    });
  });

  it('is shown as a graph, as JSON and DOT', async () => {
    const id = await made();
    const tasks = await harness.byName(id);
    const graph = (await harness.call('GET', `${DOCUMENTS}/${id}/graph`)).json();
    expect(graph).toMatchObject({ uuid: id, expectedEnd: null });
    expect(graph['criticalPath']).toHaveLength(3);
    expect(graph['dependencies']).toContainEqual({
      from: uuidOf(tasks, 'prepare'),
      to: uuidOf(tasks, 'left'),
      on: ['success'],
      each: false,
      state: 'waiting',
    });
    const dot = await harness.call('GET', `${DOCUMENTS}/${id}/graph?format=dot`);
    expect(dot.headers.get('content-type')).toContain('text/vnd.graphviz');
    expect(dot.text).toContain(`"${uuidOf(tasks, 'right')}" -> "${uuidOf(tasks, 'join')}" [label="any"`);
    expect((await harness.call('GET', `${DOCUMENTS}/${id}/graph?format=svg`)).status).toBe(400);
    expect((await harness.call('GET', `${DOCUMENTS}/nobody/graph`)).status).toBe(404);
  });
});
