import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@fornax/testing';
import { DOCUMENTS, startJobHarness, type JobHarness, uuidOf } from './jobs.fixture.js';
import type { Answer } from './submission.fixture.js';

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

  it('runs in its pool again, in another one that is named, and says so where its own takes nothing', async () => {
    const pool = async (shortname: string): Promise<string> => {
      const body = { name: 'p', shortname, profile: 'docker-batch', instanceCount: 1 };
      return String((await harness.call('POST', '/pools', body)).json()['uuid']);
    };
    const [own, other] = [await pool('its-own'), await pool('stands-in')];
    const tasks = [
      { name: 'a', command: 'false' },
      { name: 'b', command: 'true', after: ['a'] },
    ];
    const id = await made({ name: 'pooled', pool: 'its-own', tasks });
    await harness.call('POST', `/jobs/${id}/terminate`);
    await eventually(async () => (await harness.jobState(id)) === 'Completed');
    const again = (kind: string, body?: object, of = id) => harness.call('POST', `${DOCUMENTS}/${of}/${kind}`, body);
    const ranIn = async (answer: Answer): Promise<readonly unknown[]> => {
      const uuid = String(answer.json()['uuid']);
      const used = [...(await harness.byName(uuid)).values()].map(({ poolUuid }) => poolUuid);
      return [(await harness.readJob(uuid)).poolUuid, ...used];
    };
    expect(await ranIn(await again('resume'))).toEqual([own, own, own]);
    const refusal = async (answer: Promise<Answer>): Promise<unknown> => {
      const { status, json } = await answer;
      return [status, json()['errors']];
    };
    const says = (text: string) => [400, { pool: [expect.stringContaining(text)] }];
    expect(await refusal(again('clone', { pool: 'nobody' }))).toEqual(says('No such pool: nobody'));
    await harness.call('POST', `/pools/${own}/close`);
    for (const kind of ['clone', 'resume', 'recover'])
      expect(await refusal(again(kind))).toEqual(says(`The pool ${own}, in which it ran, takes no new tasks`));
    expect(await refusal(again('clone', { pool: 'its-own' }))).toEqual(says('is closed'));
    const headers = { 'idempotency-key': 'in-another-pool' };
    const named = () => harness.call('POST', `${DOCUMENTS}/${id}/recover`, { pool: 'stands-in' }, { headers });
    const [first, second] = [await named(), await named()];
    expect(second.json()).toEqual(first.json());
    expect(await ranIn(first)).toEqual([other, other, other]);
    const without = await made({ name: 'alone', tasks: [{ name: 'a', command: 'true' }] });
    expect(await refusal(again('clone', { pool: 'stands-in' }, without))).toEqual(says('did not run in a pool'));
    await harness.call('DELETE', `/pools/${own}`);
    expect(await refusal(again('clone'))).toEqual(says('takes no new tasks'));
    expect(await ranIn(await again('clone', { pool: other }))).toEqual([other, other, other]);
  });
});
