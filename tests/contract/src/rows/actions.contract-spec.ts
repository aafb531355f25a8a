import { describe, expect, it } from '@jest/globals';
import { eventually } from '@fornax/testing';
import { s3 } from '../clients/buckets.js';
import { csharpStyle, everyStyle, nodeStyle, type TaskInput } from '../clients/styles.js';
import { aTask, command, forever, read, run, submit, unique, untilOver, untilRunning } from '../clients/tasks.js';

describe.each(everyStyle)('resources, updated by $style', (client) => {
  it(`[row 29 ${client.style}] brings new files to a running instance, and refuses a task that does not run`, async () => {
    const bucket = unique('input');
    await s3.createBucket(bucket);
    await s3.putObject(bucket, 'first.txt', Buffer.from('first'));
    const waits = command("sh -c 'cat first.txt; until [ -e second.txt ]; do sleep 0.1; done; cat second.txt'");
    const id = await submit(client, aTask({ ...waits, resourceBuckets: [bucket] }));
    await eventually(async () => (await client.send('GET', `/tasks/${id}/stdout`)).text.includes('first'));
    // What it prints may be read before its start is.
    await untilRunning(client, id);
    await s3.putObject(bucket, 'second.txt', Buffer.from('second'));
    const patched = await client.send('PATCH', `/tasks/${id}`);
    expect([patched.status, patched.text]).toEqual([200, '']);
    expect((await untilOver(client, id)).state).toBe('Success');
    expect((await client.send('GET', `/tasks/${id}/stdout/0`)).text).toBe('firstsecond');

    const over = await client.send('PATCH', `/tasks/${id}`);
    expect([over.status, typeof (over.json() as { message: unknown }).message]).toEqual([400, 'string']);
    expect((await client.send('PATCH', '/tasks/none')).status).toBe(404);
  });
});

const repeat = async (kind: string, id: string, body?: TaskInput): Promise<string> => {
  const answer = await nodeStyle.send('POST', `/tasks/${id}/${kind}`, body === undefined ? {} : { body });
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.text}`);
  return (answer.json() as { readonly uuid: string }).uuid;
};

describe('tasks from tasks, by the Node client', () => {
  it('[row 32 node] clones a task with all that it has, but for id and shortname', async () => {
    const constants = [
      { key: 'DOCKER_CMD', value: 'sh -c \'test -n "$QARNOT_SECRET_A" && echo $INSTANCE_ID\'' },
      { key: 'QARNOT_SECRET_A', value: 'secret' },
    ];
    const shortname = unique('origin');
    const id = await submit(nodeStyle, aTask({ constants, shortname, tags: ['cloned'], advancedRanges: '2-3' }));
    const origin = await untilOver(nodeStyle, id);
    const clone = await untilOver(nodeStyle, await repeat('clone', shortname));
    expect(clone.uuid).not.toBe(origin.uuid);
    expect(clone.shortname).toBe(clone.uuid);
    for (const key of [
      'name',
      'profile',
      'tags',
      'advancedRanges',
      'constants',
      'totalInstanceCount',
      'state',
    ] as const)
      expect([key, clone[key]]).toEqual([key, origin[key]]);
    expect(clone.state).toBe('Success');
    const changed = await read(nodeStyle, await repeat('clone', id, { name: 'other', tags: ['changed'] }));
    expect(changed).toMatchObject({ name: 'other', tags: ['changed'], profile: 'docker-batch' });
  });

  it('[row 32 node] retries the failed instances', async () => {
    const origin = await run(nodeStyle, aTask({ instanceCount: 4, ...command("sh -c 'exit $((INSTANCE_ID / 2))'") }));
    const again = await untilOver(nodeStyle, await repeat('retry', origin.uuid));
    expect(again).toMatchObject({ totalInstanceCount: 2, state: 'Failure' });
    expect(again.status?.failedRange).toBe('2-3');
    const good = await untilOver(nodeStyle, await repeat('retry', origin.uuid, command('true')));
    expect([good.state, good.status?.succeededRange]).toEqual(['Success', '2-3']);
    expect((await read(nodeStyle, origin.uuid)).state).toBe('Failure');
    const success = await run(nodeStyle, aTask());
    expect((await nodeStyle.send('POST', `/tasks/${success.uuid}/retry`)).status).toBe(400);
  });

  it('[row 32 node] resumes the cancelled instances, and recovers failed and cancelled ones', async () => {
    const some = "sh -c '[ $INSTANCE_ID = 0 ] && exit 0; [ $INSTANCE_ID = 1 ] && exit 1; sleep 3600'";
    const id = await submit(nodeStyle, aTask({ instanceCount: 4, ...command(some) }));
    await eventually(async () => (await read(nodeStyle, id)).completedInstances.length === 2);
    await nodeStyle.send('POST', `/tasks/${id}/abort`);
    await untilOver(nodeStyle, id);
    const resumed = await untilOver(nodeStyle, await repeat('resume', id, command('true')));
    expect(resumed.status?.succeededRange).toBe('2-3');
    const recovered = await untilOver(nodeStyle, await repeat('recover', id, command('true')));
    expect(recovered.status?.succeededRange).toBe('1-3');
  });

  it('[row 32 node] does not know tasks that are not there, nor repeats what still runs', async () => {
    const id = await submit(nodeStyle, aTask(forever));
    await untilRunning(nodeStyle, id);
    for (const kind of ['retry', 'resume', 'recover']) {
      expect([kind, (await nodeStyle.send('POST', `/tasks/none/${kind}`)).status]).toEqual([kind, 404]);
      expect([kind, (await nodeStyle.send('POST', `/tasks/${id}/${kind}`)).status]).toEqual([kind, 400]);
    }
    await nodeStyle.send('DELETE', `/tasks/${id}`);
  });
});

/** No node has so many cores: such a task waits for good. */
const tooLarge = [{ discriminator: 'MinimumCoreHardwareConstraint', coreCount: 100_000 }];

describe('a wait that is too long, for the C# client', () => {
  it('[row 88 csharp] fails a task that nothing takes in time, and says so', async () => {
    const waiting = aTask({ hardwareConstraints: tooLarge, maxTimeQueueSeconds: 1 });
    const failed = await run(csharpStyle, waiting);
    expect([failed.state, failed.maxTimeQueueSeconds]).toEqual(['Failure', 1]);
    expect(failed.errors[0]?.message).toMatch(/queue|wait/i);
    const taken = await run(csharpStyle, aTask({ maxTimeQueueSeconds: 3600 }));
    expect(taken.state).toBe('Success');
  });
});
