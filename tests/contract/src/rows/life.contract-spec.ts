import { describe, expect, it } from '@jest/globals';
import { eventually } from '@fornax/testing';
import { s3 } from '../clients/buckets.js';
import { everyStyle, nodeStyle, styles, type StyledClient } from '../clients/styles.js';
import {
  aTask,
  command,
  forever,
  isOver,
  read,
  run,
  submit,
  unique,
  untilOver,
  untilRunning,
} from '../clients/tasks.js';

const text = async (client: StyledClient, path: string, method = 'GET'): Promise<string> => {
  const answer = await client.send(method, path);
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.text}`);
  expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
  return answer.text;
};
const lines = (output: string): string[] => output.split('\n').filter(Boolean).sort();

describe.each(everyStyle)('output, read by $style', (client) => {
  it(`[rows 33,35,37 ${client.style}] is whole, with the instance in front for a task and without for an instance`, async () => {
    const shell = command(`sh -c 'echo out \${INSTANCE_ID}; echo err \${INSTANCE_ID} >&2'`);
    const { uuid } = await run(client, aTask({ instanceCount: 3, ...shell }));
    expect(lines(await text(client, `/tasks/${uuid}/stdout`))).toEqual(['0> out 0', '1> out 1', '2> out 2']);
    expect(lines(await text(client, `/tasks/${uuid}/stderr`))).toEqual(['0> err 0', '1> err 1', '2> err 2']);
    expect(await text(client, `/tasks/${uuid}/stdout/1`)).toBe('out 1\n');
    expect(await text(client, `/tasks/${uuid}/stderr/2`)).toBe('err 2\n');
    for (const path of ['stdout/3', 'stdout/x', 'stderr/-1', 'stdout/99999999999']) {
      expect([path, (await client.send('GET', `/tasks/${uuid}/${path}`)).status]).toEqual([path, 404]);
    }
    expect((await client.send('GET', '/tasks/none/stdout')).status).toBe(404);
  });

  it(`[row 35 ${client.style}] is empty for every instance of a fresh task`, async () => {
    const id = await submit(client, aTask({ instanceCount: 4, ...command('sleep 1') }));
    for (const instance of [0, 2, 3]) expect(await text(client, `/tasks/${id}/stdout/${instance}`)).toBe('');
    await client.send('DELETE', `/tasks/${id}`);
  });

  it(`[rows 34,36 ${client.style}] is fresh since the last POST, each for its own, and GET does not move it`, async () => {
    const gate = unique('gate');
    await s3.createBucket(gate);
    const two = command("sh -c 'echo first; until [ -e go ]; do sleep 0.1; done; echo second'");
    const id = await submit(client, aTask({ ...two, resourceBuckets: [gate] }));
    const task = `/tasks/${id}/stdout`;
    expect(await eventually(async () => (await text(client, task, 'POST')) || undefined)).toBe('0> first\n');
    expect(await text(client, task, 'POST')).toBe('');
    expect(await text(client, task)).toBe('0> first\n');
    expect(await text(client, `${task}/0`, 'POST')).toBe('first\n');
    expect(await text(client, `${task}/0`, 'POST')).toBe('');
    await s3.putObject(gate, 'go', Buffer.from(''));
    // What is printed may be read before the start is in the log.
    await untilRunning(client, id);
    expect((await client.send('PATCH', `/tasks/${id}`)).status).toBe(200);
    await untilOver(client, id);
    expect(await text(client, task, 'POST')).toBe('0> second\n');
    expect(await text(client, `${task}/0`, 'POST')).toBe('second\n');
    expect(await text(client, task)).toBe('0> first\n0> second\n');
    expect((await client.send('POST', `${task}/7`)).status).toBe(404);
  });
});

describe.each(everyStyle)('actions, by $style', (client) => {
  it(`[row 30 ${client.style}] deletes a running task and a finished one; afterwards they are gone`, async () => {
    const tag = unique('delete');
    const running = await submit(client, aTask({ ...forever, tags: [tag] }));
    await untilRunning(client, running);
    const finished = (await run(client, aTask({ tags: [tag] }))).uuid;
    for (const id of [running, finished]) {
      const deleted = await client.send('DELETE', `/tasks/${id}`);
      expect([deleted.status, deleted.text]).toEqual([200, '']);
      expect((await client.send('GET', `/tasks/${id}`)).status).toBe(404);
      expect((await client.send('DELETE', `/tasks/${id}`)).status).toBe(404);
    }
    const left = (await client.send('GET', `/tasks/summaries?tag=${tag}`)).json() as { state: string }[];
    expect(left.every(({ state }) => state === 'PendingDelete')).toBe(true);
    await eventually(async () => (await client.send('GET', `/tasks/summaries?tag=${tag}`)).text === '[]');
  });

  it(`[row 31 ${client.style}] aborts at once, and not what is over`, async () => {
    const id = await submit(client, aTask({ instanceCount: 2, ...forever }));
    await untilRunning(client, id);
    const aborted = await client.send('POST', `/tasks/${id}/abort`);
    expect([aborted.status, aborted.text]).toEqual([200, '']);
    expect(['PendingCancel', 'Cancelled']).toContain((await read(client, id)).state);
    expect((await untilOver(client, id)).state).toBe('Cancelled');
    const again = await client.send('POST', `/tasks/${id}/abort`);
    expect([again.status, typeof (again.json() as { message: unknown }).message]).toEqual([403, 'string']);
    expect((await client.send('POST', '/tasks/none/abort')).status).toBe(404);
    const finished = await run(client, aTask());
    expect((await client.send('POST', `/tasks/${finished.uuid}/abort`)).status).toBe(403);
  });

  it(`[row 92 ${client.style}] goes through its states in order and keeps the times of change`, async () => {
    const id = await submit(client, aTask({ instanceCount: 2, ...command('sleep 0.4') }));
    const seen = [await read(client, id)];
    await eventually(async () => {
      const now = await read(client, id);
      if (now.state !== seen.at(-1)?.state) seen.push(now);
      return isOver(now);
    });
    const ended = await read(client, id);
    const order = [
      ...['Submitted', 'PartiallyDispatched', 'FullyDispatched', 'PartiallyExecuting', 'FullyExecuting'],
      ...['UploadingResults', 'Success'],
    ];
    const places = seen.map(({ state }) => order.indexOf(state));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(ended).toMatchObject({ state: 'Success', previousState: 'UploadingResults' });
    const { creationDate, previousStateTransitionTime, stateTransitionTime, endDate, lastModified } = ended;
    const times = [creationDate, previousStateTransitionTime, stateTransitionTime].map((at) => at.getTime());
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(Math.abs(endDate.getTime() - stateTransitionTime.getTime())).toBeLessThanOrEqual(1_000);
    expect(lastModified.getTime()).toBeGreaterThanOrEqual(stateTransitionTime.getTime());
  });

  it(`[row 91 ${client.style}] fills completed instances, status and ranges`, async () => {
    const some = command(`sh -c 'exit $((INSTANCE_ID / 2))'`);
    const ended = await run(client, aTask({ advancedRanges: '0-2', instanceCount: 0, ...some }));
    const { completedInstances, status } = ended;
    const outcomes = completedInstances.map(({ instanceId, state, error }) => [instanceId, state, error !== null]);
    expect(outcomes.sort()).toEqual([
      [0, 'Success', false],
      [1, 'Success', false],
      [2, 'Failure', true],
    ]);
    for (const { executionAttemptCount, specificationKey, cpuModel, coreCount, wallTimeSec } of completedInstances) {
      expect([executionAttemptCount, coreCount > 0, wallTimeSec > 0]).toEqual([1, true, true]);
      expect(specificationKey.length * cpuModel.length).toBeGreaterThan(0);
    }
    expect(status).toMatchObject({
      succeededRange: '0-1',
      failedRange: '2',
      executedRange: '0-2',
      failedOnlyRange: '2',
      cancelledRange: '',
      startedOnceRange: '0-2',
      // Two of three: what failed is not done.
      executionProgress: 66.667,
    });
    expect(status?.executionTimeByCpuModel.length).toBeGreaterThan(0);
    expect(ended.progress).toBe(66.667);
  });

  it(`[row 107 ${client.style}] explains a failure with code, message and debug text`, async () => {
    const { uuid } = await run(client, aTask(command(`sh -c 'echo it broke >&2; exit 3'`)));
    // Output may be on its way for longer than a read of its task waits for it.
    const shown = async () => {
      const task = await read(client, uuid);
      return task.errors.every(({ debug }) => debug === '') ? undefined : task;
    };
    const failed = await eventually(shown, { timeoutMs: 60_000 });
    expect(failed.state).toBe('Failure');
    const [first] = failed.errors;
    expect(first?.code).not.toBe('');
    expect(first?.message).toContain('3');
    expect(first?.debug).toBe('it broke\n');
    expect(failed.completedInstances[0]?.error?.debug).toBe('it broke\n');
    // What a command prints is output, which is deleted with its task; the event log holds none of it.
    const events = await client.send('GET', `/fornax/v1/tasks/${failed.uuid}/events`);
    expect([events.status, events.text.includes('FX-EXIT'), events.text.includes('it broke\\n')]).toEqual([
      200,
      true,
      false,
    ]);
    const none = await run(client, aTask(command('no-such-program-anywhere')));
    expect([none.state, none.errors.length > 0]).toEqual(['Failure', true]);
  });

  it(`[row 82 ${client.style}] gives constants and the instance to the environment and to \${...}`, async () => {
    const shell =
      "sh -c 'echo $INSTANCE_ID/$INSTANCE_COUNT ${INSTANCE_ID} $MY_VALUE ${MY_VALUE} ${NO_SUCH_NAME} $DOCKER_TAG'";
    const constants = [
      { key: 'DOCKER_CMD', value: shell },
      { key: 'MY_VALUE', value: 'mine' },
    ];
    const { uuid } = await run(client, aTask({ instanceCount: 2, constants }));
    expect(await text(client, `/tasks/${uuid}/stdout/1`)).toBe('1/2 1 mine mine latest\n');
    const bare = await run(client, aTask(command('echo hello world from node ${INSTANCE_ID}!')));
    expect(await text(client, `/tasks/${bare.uuid}/stdout`)).toBe('0> hello world from node 0!\n');
  });

  it(`[row 84 ${client.style}] tries again as often as it may, and counts`, async () => {
    const failing = { ...command("sh -c 'echo try; exit 1'"), retrySettings: { maxPerInstanceRetries: 2 } };
    const ended = await run(client, aTask(failing));
    expect([ended.state, ended.completedInstances[0]?.executionAttemptCount]).toEqual(['Failure', 3]);
    expect(ended.retrySettings).toEqual({ maxTotalRetries: null, maxPerInstanceRetries: 2 });
    const old = await run(client, aTask({ ...command('false'), maxRetriesPerInstance: 1 }));
    expect([old.maxRetriesPerInstance, old.completedInstances[0]?.executionAttemptCount]).toEqual([1, 2]);
    const both = { maxPerInstanceRetries: 5, maxTotalRetries: 1 };
    const strict = await run(client, aTask({ instanceCount: 2, ...command('false'), retrySettings: both }));
    const attempts = strict.completedInstances.map(({ executionAttemptCount }) => executionAttemptCount);
    expect(attempts.reduce((sum, count) => sum + count, 0)).toBe(3);
  });
});

describe.each(styles('csharp', 'cli'))('changes, by $style', (client) => {
  it(`[row 28 ${client.style}] replaces constants and tags with PUT and keeps what is secret`, async () => {
    const constants = [
      { key: 'DOCKER_CMD', value: "sh -c 'until [ -e /job/never ] || [ $((n=n+1)) -gt 15 ]; do sleep 0.1; done'" },
      { key: 'QARNOT_SECRET_KEY', value: 'very secret' },
    ];
    const id = await submit(client, aTask({ constants, tags: ['old'] }));
    const before = await read(client, id);
    expect(before.constants).toContainEqual({ key: 'QARNOT_SECRET_KEY', value: '[SECRET]' });
    const changed = [...before.constants, { key: 'ADDED', value: 'new' }];
    const body = client.creation({ ...aTask(), name: 'ignored', constants: changed, tags: ['new', 'tags'] });
    const answer = await client.send('PUT', `/tasks/${id}`, { body });
    expect([answer.status, answer.text]).toEqual([200, '']);
    const after = await read(client, id);
    expect(after).toMatchObject({ name: 'contract', tags: ['new', 'tags'] });
    expect(after.constants).toEqual(changed);
    expect((await client.send('GET', `/tasks/${id}`)).text).not.toContain('very secret');
    expect((await client.send('PUT', '/tasks/none', { body })).status).toBe(404);
    await client.send('DELETE', `/tasks/${id}`);
  });
});

describe('what the Node client asks of a fresh task', () => {
  it('[row 42 node] names instance 0 in the port forwards at once', async () => {
    const id = await submit(nodeStyle, aTask({ instanceCount: 4 }));
    const forwards = await nodeStyle.send('GET', `/v1/network/tasks/${id}/port-forward`);
    expect(forwards.json()).toEqual({ 0: {}, 1: {}, 2: {}, 3: {} });
    expect((await nodeStyle.send('GET', '/v1/network/tasks/none/port-forward')).status).toBe(404);
  });
});
