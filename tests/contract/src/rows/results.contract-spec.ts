import { describe, expect, it } from '@jest/globals';
import { settingsSchema } from '@fornax/contracts';
import { eventually } from '@fornax/testing';
import { s3 } from '../clients/buckets.js';
import { everyStyle, nodeStyle, type StyledClient } from '../clients/styles.js';
import { aTask, command, read, run, submit, unique, untilOver, untilRunning } from '../clients/tasks.js';

const keysOf = async (bucket: string): Promise<string[]> => (await s3.listObjects(bucket)).map(({ key }) => key).sort();

const aBucket = async (): Promise<string> => {
  const bucket = unique('results');
  await s3.createBucket(bucket);
  return bucket;
};

describe.each(everyStyle)('results, as asked by $style', (client: StyledClient) => {
  it(`[row 90 ${client.style}] uploads what the filters keep under the prefix, and counts`, async () => {
    const bucket = await aBucket();
    const make = "sh -c 'mkdir -p out; for n in a b c; do echo $n > out/$n.txt; done; echo x > out/a.bin'";
    const ended = await run(
      client,
      aTask({
        ...command(make),
        resultBucket: bucket,
        resultsBucketPrefix: 'run-1',
        resultsWhitelist: String.raw`^out/.*\.txt$`,
        resultsBlacklist: 'b',
      }),
    );
    expect(ended).toMatchObject({ state: 'Success', resultBucket: bucket, resultsBucketPrefix: 'run-1' });
    expect(await keysOf(bucket)).toEqual(['run-1/out/a.txt', 'run-1/out/c.txt']);
    expect(ended.resultsCount).toBeGreaterThan(0);
    const settings = settingsSchema.parse((await client.send('GET', '/settings')).json());
    const storage = String(settings.storage).replace(/^https?:/, 's3:');
    const whole = (await client.send('GET', `/tasks/${ended.uuid}`)).json();
    expect(whole).toMatchObject({
      completedInstances: [{ results: ['a', 'c'].map((name) => `${storage}/${bucket}/run-1/out/${name}.txt`) }],
    });
  });

  it(`[row 90 ${client.style}] fills a constant into a filter, and makes a bucket that is missing`, async () => {
    const bucket = unique('made');
    const constants = [
      { key: 'DOCKER_CMD', value: "sh -c 'echo 1 > keep.txt; echo 2 > drop.txt'" },
      { key: 'WANTED', value: 'keep' },
    ];
    const filter = { resultBucket: bucket, resultsWhitelist: '^${WANTED}' };
    const ended = await run(client, aTask({ constants, ...filter }));
    expect(ended.state).toBe('Success');
    expect(await keysOf(bucket)).toEqual(['keep.txt']);
  });
});

describe('results that are no plain files', () => {
  it('are stored under names that storage can hold, or named', async () => {
    const bucket = await aBucket();
    const odd = String.raw`printf x > "$(printf "od\377d")"`;
    const make = `sh -c 'echo a > ok; ${odd}; ln -s ok link; ln -s /etc/passwd leak; mkfifo pipe'`;
    const ended = await run(nodeStyle, aTask({ ...command(make), resultBucket: bucket }));
    expect(ended.state).toBe('Success');
    expect(await keysOf(bucket)).toEqual(['link', 'od%FFd', 'ok']);
    const whole = (await nodeStyle.send('GET', `/tasks/${ended.uuid}`)).json();
    expect(whole).toMatchObject({
      notes: expect.arrayContaining([
        'No results, since they are links that lead out of the job: "leak"',
        'No results, since they are pipes: "pipe"',
      ]),
    });
  });

  it('fail the instance once, with the reason, when storage can never take them', async () => {
    const bucket = await aBucket();
    const name = 'n'.repeat(250);
    const make = `sh -c 'echo a > ok; for at in 1 2 3 4 5; do mkdir ${name}; cd ${name}; done; echo x > deep'`;
    const ended = await run(nodeStyle, aTask({ ...command(make), resultBucket: bucket }));
    expect(ended).toMatchObject({
      state: 'Failure',
      completedInstances: [{ executionAttemptCount: 1 }],
      errors: [{ code: 'FX-RESULT', message: expect.stringContaining('1,024 bytes'), debug: '' }],
    });
    expect(await keysOf(bucket)).toEqual(['ok']);
  });

  it('fail the instance when their bucket is gone by the end', async () => {
    const bucket = await aBucket();
    const writes = command("sh -c 'echo a > a; echo ready; while [ ! -e stop ]; do sleep 0.1; done'");
    const resources = await aBucket();
    const id = await submit(nodeStyle, aTask({ ...writes, resultBucket: bucket, resourceBuckets: [resources] }));
    await eventually(async () => (await nodeStyle.send('GET', `/tasks/${id}/stdout`)).text.includes('ready'));
    // What is printed may be there before it is known that the instance runs.
    await untilRunning(nodeStyle, id);
    await s3.deleteBucket(bucket);
    await s3.putObject(resources, 'stop', '');
    expect((await nodeStyle.send('PATCH', `/tasks/${id}`)).status).toBe(200);
    const ended = await untilOver(nodeStyle, id);
    expect(ended).toMatchObject({
      state: 'Failure',
      completedInstances: [{ executionAttemptCount: 1 }],
      errors: [{ code: 'FX-RESULT', message: expect.stringContaining(bucket) }],
    });
  });

  it.each(['resourceBuckets', 'advancedResourceBuckets'])(
    'are refused with their field beyond a hundred: %s',
    async (field) => {
      const bucket = await aBucket();
      const of = (count: number) =>
        Array.from({ length: count }, () => (field === 'resourceBuckets' ? bucket : { bucketName: bucket }));
      const submitting = (count: number) =>
        nodeStyle.send('POST', '/tasks', { body: { ...nodeStyle.creation(aTask()), [field]: of(count) } });
      const refused = await submitting(101);
      expect(refused.status).toBe(400);
      expect(refused.text).toContain(field);
      expect((await submitting(100)).status).toBe(200);
    },
  );

  it.each([
    { what: 'resources', code: 'FX-INPUT' },
    { what: 'results', code: 'FX-RESULT' },
  ])(
    'fail the instance when the bucket of its $what goes between its submission and its start',
    async ({ what, code }) => {
      const [bucket, gate] = [await aBucket(), await aBucket()];
      await s3.putObject(bucket, 'k', 'v');
      const first = command("sh -c 'while [ ! -e stop ]; do sleep 0.1; done'");
      const before = await submit(nodeStyle, aTask({ ...first, resourceBuckets: [gate] }));
      const creation = nodeStyle.creation(
        aTask({
          ...command("sh -c 'echo a > a'"),
          ...(what === 'results' ? { resultBucket: bucket } : { resourceBuckets: [bucket] }),
        }),
      );
      const body = { ...creation, fornax: { after: [{ task: before }] } };
      const answer = await nodeStyle.send('POST', '/tasks', { body });
      expect(answer.status).toBe(200);
      const { uuid } = answer.json() as { readonly uuid: string };
      await untilRunning(nodeStyle, before);
      await s3.deleteObject(bucket, 'k');
      await s3.deleteBucket(bucket);
      await s3.putObject(gate, 'stop', '');
      expect((await nodeStyle.send('PATCH', `/tasks/${before}`)).status).toBe(200);
      const ended = await untilOver(nodeStyle, uuid);
      // The user's cause: it is not tried again, and what ran is billed as any other failure is.
      expect(ended).toMatchObject({
        state: 'Failure',
        completedInstances: [{ executionAttemptCount: 1 }],
        errors: [{ code, message: expect.stringContaining(bucket) }],
      });
      const lines = await nodeStyle.send('GET', `/fornax/v1/billing/tasks/${uuid}/lines`);
      expect(lines.json()).toMatchObject({ lines: [{ attempt: 1, outcome: 'failure', cause: 'user' }] });
    },
  );
});

describe('what the Node client cancels', () => {
  it.each([
    { uploadResultsOnCancellation: true, expected: ['partial.txt'] },
    { uploadResultsOnCancellation: false, expected: [] },
  ])('[row 89 node] uploads results on cancellation: $uploadResultsOnCancellation', async (one) => {
    const bucket = await aBucket();
    const { uploadResultsOnCancellation, expected } = one;
    const writes = command("sh -c 'echo partial > partial.txt; echo ready; sleep 3600'");
    const id = await submit(nodeStyle, aTask({ ...writes, resultBucket: bucket, uploadResultsOnCancellation }));
    await eventually(async () => (await nodeStyle.send('GET', `/tasks/${id}/stdout`)).text.includes('ready'));
    expect((await nodeStyle.send('POST', `/tasks/${id}/abort`)).status).toBe(200);
    expect((await untilOver(nodeStyle, id)).state).toBe('Cancelled');
    expect(await keysOf(bucket)).toEqual(expected);
    expect((await read(nodeStyle, id)).uploadResultsOnCancellation).toBe(uploadResultsOnCancellation);
  });
});
