import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@fornax/testing';
import { DOCUMENTS, startJobHarness, type JobHarness, uuidOf } from './jobs.fixture.js';

let harness: JobHarness;
beforeAll(async () => {
  harness = await startJobHarness();
}, 120_000);
afterAll(() => harness.close());

const made = (body: object): Promise<string> => harness.createWhole(body);

describe('a job that is run again', () => {
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
    const tasks = await harness.byName(id);
    const again = (kind: string, from = id) => harness.call('POST', `${DOCUMENTS}/${from}/${kind}`);
    expect((await again('retry')).status).toBe(400);
    const [first, bad, behind] = ['first', 'bad', 'behind'].map((name) => uuidOf(tasks, name)) as [
      string,
      string,
      string,
    ];
    await harness.run(first);
    const at = Date.now();
    const decided = (taskId: string, outcome: 'success' | 'failure') => [{ taskId, outcome }];
    await harness.happen(bad, { type: 'DependenciesFulfilled', ends: decided(first, 'success'), at });
    await harness.run(bad, 'failure');
    await harness.happen(
      behind,
      { type: 'DependenciesFailed', ends: decided(bad, 'failure'), at },
      { type: 'WaitingInstancesCancelled', instances: '0', at },
    );
    await eventually(async () => (await harness.byName(id)).get('behind')?.['state'] === 'Cancelled');
    const retried = String((await again('retry')).json()['uuid']);
    expect(await harness.readJob(retried)).toMatchObject({ name: 'again', tags: ['nightly'], state: 'Active' });
    const copies = await harness.byName(retried);
    expect([...copies.keys()].toSorted()).toEqual(['bad', 'behind']);
    expect(copies.get('bad')).toMatchObject({ dependencies: null, constants: [{ key: 'DOCKER_CMD', value: 'false' }] });
    expect(copies.get('behind')).toMatchObject({
      dependencies: { advancedDependsOn: [{ taskUuid: uuidOf(copies, 'bad') }], state: 'waiting' },
    });
    // What it waits for failed, and does not run again.
    expect((await again('resume')).status).toBe(400);
    const otherwise = await harness.call('POST', `${DOCUMENTS}/${id}/clone`, { name: 'other' });
    expect([otherwise.status, otherwise.json()]).toEqual([
      400,
      expect.objectContaining({ errors: { name: ['There is no such field.'] } }),
    ]);
    expect((await harness.byName(String((await again('clone')).json()['uuid']))).size).toBe(3);
    expect(
      (await harness.call('POST', `${DOCUMENTS}/${id}/clone`, undefined, { token: await harness.addAccount() })).status,
    ).toBe(404);
  });

  it('resumes what was cancelled and recovers what failed as well, in its shape, once under one key', async () => {
    const id = await made({
      name: 'stopped',
      tasks: [
        { name: 'good', command: 'true' },
        { name: 'bad', command: 'false' },
        { name: 'next', command: 'true', after: ['good'], maxParallel: 2, instanceCount: 3 },
        { name: 'last', command: 'true', after: ['next', { task: 'next', each: true }], instanceCount: 3 },
      ],
    });
    const tasks = await harness.byName(id);
    await harness.run(uuidOf(tasks, 'good'));
    await harness.run(uuidOf(tasks, 'bad'), 'failure');
    const ends = [{ taskId: uuidOf(tasks, 'good'), outcome: 'success' as const }];
    await harness.happen(uuidOf(tasks, 'next'), { type: 'DependenciesFulfilled', ends, at: Date.now() });
    await harness.call('POST', `/jobs/${id}/terminate`);
    await eventually(async () => (await harness.jobState(id)) === 'Completed');
    const again = async (kind: string): Promise<ReadonlyMap<string, Record<string, unknown>>> => {
      const headers = { 'idempotency-key': `again-${kind}` };
      const post = () => harness.call('POST', `${DOCUMENTS}/${id}/${kind}`, undefined, { headers });
      const [first, second] = [await post(), await post()];
      expect([first.status, second.json()['uuid']]).toEqual([200, first.json()['uuid']]);
      return harness.byName(String(first.json()['uuid']));
    };
    const resumed = await again('resume');
    expect([...resumed.keys()].toSorted()).toEqual(['last', 'next']);
    expect(resumed.get('next')).toMatchObject({ dependencies: null, fornax: { maxParallel: 2 } });
    const next = uuidOf(resumed, 'next');
    expect(resumed.get('last')).toMatchObject({
      fornax: {
        dependencies: [
          { taskUuid: next, each: false, state: 'waiting' },
          { taskUuid: next, each: true, state: 'waiting' },
        ],
      },
    });
    expect([...(await again('recover')).keys()].toSorted()).toEqual(['bad', 'last', 'next']);
  });
});
