import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DOCUMENTS, one, startJobHarness, type JobHarness } from './jobs.fixture.js';
import { minimal } from './submission.fixture.js';

let harness: JobHarness;
beforeAll(async () => {
  harness = await startJobHarness();
  expect(await statusOf('/tasks', { ...minimal, shortname: 'used' })).toBe(200);
}, 120_000);
afterAll(() => harness.close());

const command = { command: 'true' };
const statusOf = async (path: string, body: unknown): Promise<number> =>
  (await harness.call('POST', path, body)).status;

describe('buckets for results', () => {
  it('are not made for a task whose name is taken', async () => {
    expect(await statusOf('/tasks', { ...minimal, shortname: 'used', resultBucket: 'of-taken' })).toBe(400);
    expect([...harness.madeBuckets]).not.toContain('of-taken');
  });

  it('are not made for a task of a bulk that waits for one that was refused', async () => {
    const jobUuid = await harness.createJob({ useDependencies: true });
    const bulk = [
      { ...minimal, ...one, jobUuid, shortname: 'used', resultBucket: 'of-first' },
      { ...minimal, ...one, jobUuid, dependencies: { dependsOn: ['used'] }, resultBucket: 'of-second' },
      { ...minimal, ...one, jobUuid, resultBucket: 'of-third' },
    ];
    const answer = await harness.call('POST', '/tasks', bulk);
    const statuses = (JSON.parse(answer.text) as { statusCode: number }[]).map(({ statusCode }) => statusCode);
    expect(statuses).toEqual([400, 400, 200]);
    expect([...harness.madeBuckets].filter((bucket) => bucket.startsWith('of-'))).toEqual(['of-third']);
  });

  it('are made for all tasks of a document, or for none', async () => {
    const wants = (name: string, resultBucket: string, more: object = {}) => ({
      ...command,
      name,
      resultBucket,
      ...more,
    });
    const tasks = [wants('a', 'of-document-1'), wants('b', 'of-document-2')];
    for (const refused of [wants('c', 'taken'), wants('c', 'of-document-3', { resourceBuckets: ['nowhere'] })]) {
      expect(await statusOf(DOCUMENTS, { name: 'refused', tasks: [...tasks, refused] })).toBe(400);
      expect([...harness.madeBuckets].filter((bucket) => bucket.startsWith('of-document'))).toEqual([]);
    }
    expect(await statusOf(DOCUMENTS, { name: 'made', tasks })).toBe(200);
    expect([...harness.madeBuckets].filter((bucket) => bucket.startsWith('of-document'))).toHaveLength(2);
  });
});
