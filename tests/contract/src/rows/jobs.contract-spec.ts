import { describe, expect, it } from '@jest/globals';
import { eventually } from '@fornax/testing';
import { readJob, type ReadJob } from '../clients/strict-reader.js';
import { cliStyle, everyStyle, pascal, styles, type StyledClient } from '../clients/styles.js';
import {
  aTask,
  command,
  forever,
  read,
  run,
  submit,
  taskOf,
  unique,
  untilOver,
  untilRunning,
} from '../clients/tasks.js';

/** The whole DTO of the C# client, answers' fields and all. */
const DOTNET_JOB = {
  Uuid: '00000000-0000-0000-0000-000000000000',
  Name: null,
  Shortname: null,
  PoolUuid: null,
  State: null,
  PreviousState: null,
  StateTransitionTime: '0001-01-01T00:00:00',
  PreviousStateTransitionTime: '0001-01-01T00:00:00',
  LastModified: '0001-01-01T00:00:00',
  CreationDate: '0001-01-01T00:00:00',
  UseDependencies: false,
  MaxWallTime: null,
  Tags: null,
  AutoDeleteOnCompletion: false,
  CompletionTimeToLive: '00:00:00',
};

const creation = ({ style }: StyledClient, job: object): object =>
  style === 'node' ? job : { ...DOTNET_JOB, ...(pascal(job) as object) };

const make = async (client: StyledClient, job: object = {}): Promise<string> => {
  const answer = await client.send('POST', '/jobs', { body: creation(client, { name: unique('job'), ...job }) });
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.text}`);
  return (answer.json() as { readonly uuid: string }).uuid;
};
const readOf = async (client: StyledClient, id: string): Promise<ReadJob> => {
  const answer = await client.send('GET', `/jobs/${id}`);
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.text}`);
  return readJob(answer.json(), 'job');
};
const untilState = (client: StyledClient, id: string, state: string) =>
  eventually(async () => (await readOf(client, id)).state === state);
const untilGone = (client: StyledClient, id: string) =>
  eventually(async () => (await client.send('GET', `/jobs/${id}`)).status === 404);
const dependsOn = (...ids: readonly string[]) => ({ dependencies: { dependsOn: ids } });

describe.each(everyStyle)('jobs, seen by $style', (client) => {
  it(`[rows 65,66 ${client.style}] are created, read by both names, paged and searched`, async () => {
    const tag = unique('tag');
    const shortname = unique('short');
    const id = await make(client, { shortname, tags: [tag], useDependencies: true, maxWallTime: '1.02:03:04' });
    const job = await readOf(client, id);
    expect(job).toMatchObject({ uuid: id, shortname, state: 'Active', useDependencies: true, tags: [tag] });
    expect(job.maxWallTime).toBe(((24 + 2) * 60 + 3) * 60 + 4);
    expect((await readOf(client, shortname)).uuid).toBe(id);
    expect((await readOf(client, await make(client, { tags: [tag] }))).shortname).not.toBe('');
    const filter = client.leaf('Tags', 'Equal', tag);
    const page = await client.send('POST', '/jobs/paginate', { body: client.page({ filter, maximumResults: 1 }) });
    expect(page.json()).toMatchObject({ count: 1, total: 2, isTruncated: true });
    const search = await client.send('POST', '/jobs/search', {
      body: { filter: client.leaf('Shortname', 'Equal', shortname) },
    });
    expect((search.json() as unknown[]).map((found) => readJob(found, 'job').uuid)).toEqual([id]);
    expect((await client.send('GET', `/jobs/${unique('none')}`)).status).toBe(404);
  });

  it(`[row 68 ${client.style}] are terminated with what runs and waits in them`, async () => {
    const id = await make(client);
    const ended = await run(client, aTask({ jobUuid: id }));
    const running = await submit(client, aTask({ jobUuid: id, ...forever }));
    await untilRunning(client, running);
    expect((await client.send('POST', `/jobs/${id}/terminate`)).status).toBe(200);
    expect((await untilOver(client, running)).state).toBe('Cancelled');
    await untilState(client, id, 'Completed');
    expect((await read(client, ended.uuid)).state).toBe('Success');
    expect((await client.send('POST', `/jobs/${id}/terminate`)).status).toBe(200);
    expect((await client.send('POST', `/jobs/${unique('none')}/terminate`)).status).toBe(404);
  });

  it(`[row 69 ${client.style}] are deleted, by force with their tasks`, async () => {
    const id = await make(client);
    const task = await submit(client, aTask({ jobUuid: id, ...forever }));
    const refused = await client.send('DELETE', `/jobs/${id}`);
    expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('should use force')]);
    expect((await client.send('DELETE', `/jobs/${id}?force=true`)).status).toBe(200);
    await untilGone(client, id);
    expect((await client.send('GET', `/tasks/${task}`)).status).toBe(404);
    const empty = await make(client);
    expect((await client.send('DELETE', `/jobs/${empty}`)).status).toBe(200);
    await untilGone(client, empty);
  });

  it(`[row 71 ${client.style}] let a task start after others, and say how that stands`, async () => {
    const jobUuid = await make(client, { useDependencies: true });
    const first = await submit(client, aTask({ jobUuid, ...forever }));
    const second = await submit(client, aTask({ jobUuid, ...dependsOn(first) }));
    const waiting = await read(client, second);
    expect([waiting.state, waiting.dependencies?.state]).toEqual(['Submitted', 'waiting']);
    expect(waiting.dependencies?.dependsOn).toEqual([first]);
    await client.send('POST', `/tasks/${first}/abort`);
    const cancelled = await untilOver(client, second);
    expect([cancelled.state, cancelled.dependencies?.state]).toEqual(['Cancelled', 'dependencyConditionsNotFulfilled']);
    const done = await run(client, aTask({ jobUuid }));
    const third = await run(client, aTask({ jobUuid, ...dependsOn(done.uuid) }));
    expect([third.state, third.dependencies?.state]).toEqual(['Success', 'dependencyConditionsFulfilled']);
  });

  it(`[row 73 ${client.style}] end when their time is over`, async () => {
    const id = await make(client, { maxWallTime: '00:00:02' });
    const task = await submit(client, aTask({ jobUuid: id, ...forever }));
    expect((await untilOver(client, task)).state).toBe('Cancelled');
    await untilState(client, id, 'Completed');
  });
});

describe.each(styles('node', 'csharp'))('tasks of jobs, seen by $style', (client) => {
  it(`[row 67 ${client.style}] are listed whole`, async () => {
    const jobUuid = await make(client);
    const ids = [await submit(client, aTask({ jobUuid })), await submit(client, aTask({ jobUuid: jobUuid }))];
    await submit(client, aTask());
    const listed = (await client.send('GET', `/jobs/${jobUuid}/tasks`)).json() as readonly unknown[];
    expect(listed.map((one) => (one as { readonly uuid: string }).uuid).sort()).toEqual(ids.sort());
    const whole = taskOf(await client.send('GET', `/tasks/${ids[0]}`));
    expect(whole.jobUuid).toBe(jobUuid);
    expect((await client.send('GET', `/jobs/${unique('none')}/tasks`)).status).toBe(404);
  });

  it(`[row 72 ${client.style}] start after the ends that they name`, async () => {
    const jobUuid = await make(client, { useDependencies: true });
    const failed = await run(client, aTask({ jobUuid, ...command('exit 3') }));
    expect(failed.state).toBe('Failure');
    const after = (...taskFinalStateCondition: readonly string[]) =>
      run(
        client,
        aTask({ jobUuid, dependencies: { advancedDependsOn: [{ taskUuid: failed.uuid, taskFinalStateCondition }] } }),
      );
    const started = await after('Failure', 'Cancelled');
    expect(started.state).toBe('Success');
    expect(started.dependencies?.advancedDependsOn).toEqual([
      expect.objectContaining({
        taskUuid: failed.uuid,
        state: 'dependencyConditionsFulfilled',
        actualFinalState: 'failure',
      }),
    ]);
    const not = await after('Success');
    expect([not.state, not.dependencies?.state]).toEqual(['Cancelled', 'dependencyConditionsNotFulfilled']);
    expect((await after()).state).toBe('Success');
  });
});

describe('a job by its exact name', () => {
  it('[row 70 cli] is found by a search', async () => {
    const name = unique('exact');
    const id = await make(cliStyle, { name });
    await make(cliStyle, { name: `${name}-longer` });
    const found = await cliStyle.send('POST', '/jobs/search', {
      body: { Select: null, Filter: cliStyle.leaf('Name', 'Equal', name), MaximumResults: null },
    });
    expect((found.json() as readonly unknown[]).map((job) => readJob(job, 'job').uuid)).toEqual([id]);
  });
});
