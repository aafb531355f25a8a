import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { WireTask } from '@fornax/contracts';
import { minimal, readFrom, startHarness, submitTo, type Harness } from './submission.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());

const submit = (body?: object): Promise<string> => submitTo(harness, body);
const read = (id: string): Promise<WireTask> => readFrom(harness, id);
const commits = async (): Promise<number> => (await harness.log.head()).sequence;

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
    ['a reservation with another plan', { targetedReservationName: 'mine', schedulingType: 'OnDemand' }],
    ['a reserved machine without the plan', { targetedReservedMachineKey: '8c-32g' }],
    ['a plan of no name', { schedulingType: 'Spot' }],
    ['a result bucket of somebody else', { resultBucket: 'taken' }],
    ['buckets given twice over', { resourceBuckets: ['input'], advancedResourceBuckets: [{ bucketName: 'other' }] }],
    ['a NUL', { name: 'a\0b' }],
  ])('answers 400 to %s and leaves nothing', async (_, change) => {
    const before = await commits();
    const body = typeof change === 'object' ? { ...minimal, ...change } : change;
    const answer = await harness.call('POST', '/tasks', body);
    expect({ status: answer.status, message: typeof answer.json()['message'] }).toEqual({
      status: 400,
      message: 'string',
    });
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
  }, 60_000);

  it('frees a name that a dead process held for a task it never wrote', async () => {
    const uuid = await submit({ shortname: 'held' });
    const [held] = (await harness.query(`SELECT owner FROM shortname WHERE task_id = $1`, [uuid])) as {
      owner: string;
    }[];
    const hold = (shortname: string, age: string) =>
      harness.query(
        `INSERT INTO shortname (owner, shortname, task_id, reserved_at) VALUES ($1, $2, $2, now() - $3::interval)`,
        [held?.owner, shortname, age],
      );
    await hold('young', '1 second');
    await hold('old', '2 minutes');
    expect(await harness.call('POST', '/tasks', { ...minimal, shortname: 'young' })).toMatchObject({ status: 400 });
    expect(await harness.call('POST', '/tasks', { ...minimal, shortname: 'old' })).toMatchObject({ status: 200 });
  });

  it('goes on with a task whose acceptance was not learned, under the same name', async () => {
    const uuid = await submit({ shortname: 'unsure' });
    await harness.nameNoted(uuid);
    await harness.query(`UPDATE shortname SET is_outcome_unknown = true WHERE task_id = $1`, [uuid]);
    expect(await harness.call('POST', '/tasks', { ...minimal, shortname: 'unsure', instanceCount: 9 })).toMatchObject({
      status: 400,
    });
    expect(await submit({ shortname: 'unsure' })).toBe(uuid);
    expect(await harness.call('POST', '/tasks', { ...minimal, shortname: 'unsure' })).toMatchObject({ status: 400 });
  });

  it('answers malformed JSON with 400 and a body over the limit with 413', async () => {
    expect(await harness.call('POST', '/tasks', '{"name":')).toMatchObject({ status: 400 });
    const large = await harness.call('POST', '/tasks', JSON.stringify({ ...minimal, name: 'x'.repeat(1_100_000) }));
    expect({ status: large.status, message: typeof large.json()['message'] }).toEqual({
      status: 413,
      message: 'string',
    });
  });

  it('takes a NUL anywhere in a request for what it is: nothing of ours', async () => {
    const token = Buffer.from(JSON.stringify(['name', 0, 'a\0', 'b'])).toString('base64url');
    expect(await harness.call('GET', '/tasks/%00')).toMatchObject({ status: 404 });
    expect(await harness.call('GET', '/tasks/a%00b/stdout')).toMatchObject({ status: 404 });
    expect(await harness.call('GET', '/tasks?tag=%00')).toMatchObject({ status: 200, text: '[]' });
    expect(await harness.call('POST', '/tasks/paginate', { token })).toMatchObject({ status: 400 });
    expect(
      await harness.call('POST', '/tasks/search', { filter: { operator: 'Equal', field: 'Name', value: '\0' } }),
    ).toMatchObject({ status: 400 });
    expect(await harness.call('GET', '/profiles/%00')).toMatchObject({ status: 404 });
  });

  it('does not find unknown tasks, nor those of somebody else', async () => {
    const uuid = await submit({ shortname: 'private' });
    const token = await harness.addAccount();
    const calls: readonly (readonly [string, string])[] = [
      ['GET', ''],
      ['PUT', ''],
      ['DELETE', ''],
      ['POST', '/abort'],
      ['GET', '/stdout'],
      ['POST', '/stderr/0'],
      ['POST', '/clone'],
    ];
    for (const [method, path] of calls) {
      for (const id of [uuid, 'private'])
        expect(await harness.call(method, `/tasks/${id}${path}`, undefined, { token })).toMatchObject({ status: 404 });
      expect(await harness.call(method, `/tasks/b2a3f3f0-0000-4000-8000-000000000001${path}`)).toMatchObject({
        status: 404,
      });
    }
    expect(await read(uuid)).toMatchObject({ state: 'Submitted' });
    expect((await harness.call('GET', '/tasks', undefined, { token })).json()).toEqual([]);
  });
});
