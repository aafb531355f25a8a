import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { TaskEvent } from '@fornax/domain';
import { eventually } from '@fornax/testing';
import { startHarness, submitTo, type Answer, type Harness } from './submission.fixture.js';
import { startReceiver, type Received, type Receiver } from '@fornax/notify/specs';

let harness: Harness;
let receiver: Receiver;
beforeAll(async () => {
  harness = await startHarness({
    FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: '127.0.0.1:*',
    FORNAX_WEBHOOK_ATTEMPTS: '4',
    FORNAX_WEBHOOK_RETRY_MS: '20',
    FORNAX_WEBHOOK_TIMEOUT_MS: '5000',
    FORNAX_WEBHOOK_LEADER_TTL_MS: '1000',
  });
}, 120_000);
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => {
  for (const { id } of await list()) await harness.call('DELETE', `/fornax/v1/webhooks/${id}`);
  await receiver.close();
});
afterAll(() => harness.close());

interface Hook {
  readonly id: string;
  readonly secret: string;
  readonly state: string;
  readonly position: number;
  readonly failures: number;
  readonly lastError: string | null;
  readonly parkedReason: string | null;
  readonly parkedSequence: number | null;
}
const hookIn = (answer: Answer): Hook => {
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 200 });
  return answer.json() as unknown as Hook;
};
const list = async (): Promise<readonly Hook[]> =>
  (await harness.call('GET', '/fornax/v1/webhooks')).json() as unknown as readonly Hook[];
const register = async (body: object = {}): Promise<Hook> =>
  hookIn(await harness.call('POST', '/fornax/v1/webhooks', { url: receiver.url, ...body }));
const read = async (id: string): Promise<Hook> => hookIn(await harness.call('GET', `/fornax/v1/webhooks/${id}`));
const post = (id: string, what: string, body?: object): Promise<Answer> =>
  harness.call('POST', `/fornax/v1/webhooks/${id}/${what}`, body);
const tag = (n: number): TaskEvent => ({ type: 'TaskUpdated', tags: [`${n}`], at: n });

/** The ids of a task's messages without repetitions, in the order in which they were first taken. */
const takenOf = (taskId: string): readonly string[] => [
  ...new Set(receiver.taken.filter(({ data }) => data.taskId === taskId).map(({ data }) => data.id)),
];
const inLog = async (taskId: string): Promise<readonly string[]> =>
  (await harness.log.readAggregate('task', taskId)).flatMap(({ sequence, events }) =>
    events.map((_, index) => `${sequence}.${index}`),
  );
const allTaken = (taskId: string): Promise<true> =>
  eventually(async () => (JSON.stringify(takenOf(taskId)) === JSON.stringify(await inLog(taskId))) as true);
const change = async (taskId: string, from: number, to: number): Promise<void> => {
  for (let n = from; n < to; n += 1) await harness.happen(taskId, tag(n));
};

describe('a webhook', () => {
  it('is told everything, signed, without secrets, and shows its own secret once', async () => {
    const hook = await register({ name: 'lab' });
    const task = await submitTo(harness, { constants: [{ key: 'QARNOT_SECRET_A', value: 'hush' }] });
    await change(task, 0, 3);
    await allTaken(task);
    for (const message of receiver.received) receiver.verify(hook.secret, message);
    expect(receiver.received[0]).toMatchObject({ type: 'TaskSubmitted', path: '/hook', data: { taskId: task } });
    const everything = JSON.stringify(receiver.received) + JSON.stringify(await list());
    expect(everything).not.toMatch(/hush|sealed|whsec_/);
    const commits = JSON.stringify(await harness.log.readAggregate('webhook', hook.id));
    expect(commits).not.toContain(hook.secret);
    expect(commits).not.toContain('/hook');
    expect(await read(hook.id)).toMatchObject({ name: 'lab', url: receiver.url, state: 'active', failures: 0 });
  });

  it('is told what it asked for only, and of its owner’s tasks only', async () => {
    const [mine, other] = [await submitTo(harness), await submitTo(harness)];
    await register({ tasks: [mine], types: ['TaskUpdated'] });
    const token = await harness.addAccount();
    const body = { name: 'x', instanceCount: 1, profile: 'docker-batch' };
    await harness.call('POST', '/tasks', body, { token });
    await change(other, 0, 2);
    await harness.happen(mine, { type: 'WaitingReasonChanged', reason: 'quota', detail: null, at: 1 });
    await change(mine, 0, 2);
    await eventually(() => receiver.taken.length >= 2);
    expect(receiver.received.map(({ type, data }) => [type, data.taskId])).toEqual([
      ['TaskUpdated', mine],
      ['TaskUpdated', mine],
    ]);
  });

  it('is told about jobs and pools, those of its owner alone, and again when its receiver fails', async () => {
    const types = [
      'JobCreated',
      'JobTerminateRequested',
      'JobCompleted',
      'PoolCreated',
      'PoolCloseRequested',
      'PoolClosed',
    ];
    const hook = await register({ types });
    const failed = new Set<string>();
    receiver.answer(({ id }) => {
      const isFirst = !failed.has(id);
      failed.add(id);
      return isFirst ? 503 : 200;
    });
    const make = async (path: string, body: object, token = harness.token): Promise<string> => {
      const answer = await harness.call('POST', path, body, { token });
      if (answer.status !== 200) throw new Error(answer.text);
      return String(answer.json()['uuid']);
    };
    const pool = { name: 'p', profile: 'docker-batch', instanceCount: 1 };
    const stranger = await harness.addAccount();
    await make('/jobs', { name: 'not mine' }, stranger);
    await make('/pools', pool, stranger);
    const [job, slots] = [await make('/jobs', { name: 'mine' }), await make('/pools', pool)];
    await harness.call('POST', `/jobs/${job}/terminate`);
    await harness.call('POST', `/pools/${slots}/close`);
    const told = (id: string): readonly string[] =>
      receiver.taken.filter(({ text }) => text.includes(id)).map(({ type }) => type);
    await eventually(() => told(job).length === 3 && told(slots).length >= 2);
    expect(told(job)).toEqual(['JobCreated', 'JobTerminateRequested', 'JobCompleted']);
    expect(told(slots)[0]).toBe('PoolCreated');
    for (const message of receiver.taken) {
      receiver.verify(hook.secret, message);
      expect([job, slots].some((id) => message.text.includes(id))).toBe(true);
      expect(message.data.taskId).toBeNull();
    }
    expect(receiver.received.length).toBeGreaterThanOrEqual(2 * receiver.taken.length);
  });

  it('is tried again when its receiver fails, in order for each task, others not waiting', async () => {
    await register();
    const [bad, good] = [await submitTo(harness), await submitTo(harness)];
    const failures = new Map<string, number>();
    receiver.answer(({ id, data }) => {
      const count = failures.get(id) ?? 0;
      failures.set(id, count + 1);
      return data.taskId === bad && count < 2 ? 503 : 200;
    });
    await Promise.all([change(bad, 0, 5), change(good, 0, 5)]);
    await allTaken(bad);
    await allTaken(good);
    const repeated = receiver.received.filter(({ data }) => data.taskId === bad);
    expect(repeated.length).toBeGreaterThanOrEqual(2 * (await inLog(bad)).length);
  });

  it('is parked when nothing helps, says why, and goes on where it stopped', async () => {
    const hook = await register();
    const task = await submitTo(harness);
    await allTaken(task);
    receiver.answer(() => 500);
    await change(task, 0, 3);
    const [, first] = await harness.log.readAggregate('task', task);
    const parked = await eventually(async () => {
      const now = await read(hook.id);
      return now.state === 'parked' && now;
    });
    expect(parked).toMatchObject({
      parkedReason: 'answered with status 500',
      lastError: 'answered with status 500',
      failures: 4,
      parkedSequence: first?.sequence,
      position: (first?.sequence ?? 0) - 1,
    });
    const types = (await harness.log.readAggregate('webhook', hook.id)).flatMap(({ events }) =>
      events.map(({ type }) => type),
    );
    expect(types).toEqual(['WebhookRegistered', 'WebhookParked']);
    const before = receiver.received.length;
    await change(task, 3, 5);
    expect(receiver.received.length).toBe(before);
    receiver.answer(() => 200);
    expect(hookIn(await post(hook.id, 'resume'))).toMatchObject({ state: 'active', parkedReason: null });
    await allTaken(task);
  });

  it('is parked at once when its receiver is gone for good, and does not follow redirects', async () => {
    const hook = await register();
    receiver.answer(() => 410);
    await submitTo(harness);
    await eventually(async () => (await read(hook.id)).state === 'parked');
    expect(receiver.received.length).toBe(1);
    receiver.answer(() => ({ redirect: '/elsewhere' }));
    await post(hook.id, 'resume');
    await eventually(async () => (await read(hook.id)).parkedReason?.includes('redirect'));
    expect(receiver.received.map(({ path }) => path)).not.toContain('/elsewhere');
  });

  it('is replayed from a sequence or from an instant', async () => {
    const task = await submitTo(harness);
    await change(task, 0, 4);
    const hook = await register();
    const expected = await inLog(task);
    const { sequence } = (await harness.log.readAggregate('task', task))[0] ?? { sequence: 0 };
    hookIn(await post(hook.id, 'replay', { from: sequence }));
    await allTaken(task);
    receiver.taken.length = 0;
    const [first] = await harness.log.readAggregate('task', task);
    hookIn(await post(hook.id, 'replay', { from: new Date(first?.at ?? 0).toISOString() }));
    await allTaken(task);
    receiver.taken.length = 0;
    hookIn(await post(hook.id, 'replay', { from: Number(expected[2]?.split('.')[0]) }));
    await eventually(() => receiver.taken.length >= expected.length - 2);
    expect(takenOf(task)).toEqual(expected.slice(2));
    for (const from of [999_999, 'soon', -1]) expect((await post(hook.id, 'replay', { from })).status).toBe(400);
  });

  it('gets everything at least once, in order for each task, when the server is started again in the middle', async () => {
    await register();
    const tasks = [await submitTo(harness), await submitTo(harness)];
    for (let round = 0; round < 3; round += 1) {
      receiver.answer(({ data }) => (data.sequence % 3 === round ? 'hang' : 200));
      await Promise.all(tasks.map((task) => change(task, round * 4, round * 4 + 4)));
      await eventually(() => receiver.received.length > round);
      await harness.restart();
    }
    receiver.answer(() => 200);
    await Promise.all(tasks.map(allTaken));
    for (const task of tasks) {
      const order = receiver.taken.filter(({ data }) => data.taskId === task).map(({ data }) => data.sequence);
      // A repetition goes back, but never skips what has not been taken yet.
      let highest = 0;
      const known = (await inLog(task)).map((id) => Number(id.split('.')[0]));
      for (const place of order) {
        const next = known.find((one) => one > highest) ?? Number.POSITIVE_INFINITY;
        expect(place).toBeLessThanOrEqual(next);
        highest = Math.max(highest, place);
      }
    }
  }, 60_000);

  it('is delivered by one of several replicas', async () => {
    await register();
    const twin = await harness.twin();
    const task = await submitTo(harness);
    await change(task, 0, 10);
    await allTaken(task);
    const ids = receiver.received.map(({ id }: Received) => id);
    expect(new Set(ids).size).toBe(ids.length);
    await twin.close();
  }, 60_000);

  it('is tried out on demand', async () => {
    const hook = await register({ types: ['TaskDeleted'] });
    expect((await post(hook.id, 'test')).json()).toMatchObject({ ok: true, status: 204, error: null });
    receiver.answer(() => 418);
    expect((await post(hook.id, 'test')).json()).toMatchObject({
      ok: false,
      status: 418,
      error: 'answered with status 418',
    });
    expect(receiver.received.map(({ type }) => type)).toEqual(['WebhookTest', 'WebhookTest']);
    for (const message of receiver.received) receiver.verify(hook.secret, message);
  });

  it('is told nothing any more when it was deleted', async () => {
    const hook = await register();
    expect((await harness.call('DELETE', `/fornax/v1/webhooks/${hook.id}`)).status).toBe(200);
    expect((await harness.call('GET', `/fornax/v1/webhooks/${hook.id}`)).status).toBe(404);
    expect((await post(hook.id, 'resume')).status).toBe(404);
    const second = await register();
    const task = await submitTo(harness);
    await allTaken(task);
    expect(receiver.received.length).toBe(1);
    expect(await list()).toMatchObject([{ id: second.id }]);
  });

  it('is nobody else’s business, and refuses what makes no sense', async () => {
    const hook = await register();
    const token = await harness.addAccount();
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/resume'],
      ['POST', '/test'],
    ] as const)
      expect((await harness.call(method, `/fornax/v1/webhooks/${hook.id}${path}`, undefined, { token })).status).toBe(
        404,
      );
    expect((await harness.call('GET', '/fornax/v1/webhooks', undefined, { token })).json()).toEqual([]);
    const refused = [
      { url: 'ftp://x' },
      { url: 'http://u:p@127.0.0.1/' },
      { url: 'nonsense' },
      { url: 'http://169.254.169.254/' },
      { url: 'http://[::1]:80/' },
      { types: ['Nonsense'] },
      { from: 'soon' },
    ];
    for (const body of refused) {
      const answer = await harness.call('POST', '/fornax/v1/webhooks', { url: receiver.url, ...body });
      expect({ body, status: answer.status }).toEqual({ body, status: 400 });
    }
    const unknown = await harness.call('POST', '/fornax/v1/webhooks', { url: receiver.url, tasks: ['nobody'] });
    expect(unknown.status).toBe(404);
  });

  it('is made once however often its request is repeated, and its secret is kept nowhere in clear', async () => {
    const headers = { 'idempotency-key': 'once' };
    const call = () => harness.call('POST', '/fornax/v1/webhooks', { url: receiver.url }, { headers });
    const { secret } = hookIn(await call());
    const repeated = await call();
    expect(repeated.text).not.toContain('whsec_');
    expect((await list()).length).toBe(1);
    const kept = JSON.stringify(await harness.query('SELECT * FROM idempotency_key'));
    expect(kept).not.toContain(secret);
  });

  it('of a disabled account waits, and is told in order once the account is enabled again', async () => {
    const token = await harness.addAccount();
    const as = { token };
    const email = String((await harness.call('GET', '/info', undefined, as)).json()['email']);
    const setDisabled = async (disabled: boolean): Promise<number> =>
      (await harness.call('PATCH', `/fornax/v1/users/${email}`, { disabled })).status;
    const hook = hookIn(await harness.call('POST', '/fornax/v1/webhooks', { url: receiver.url }, as));
    const body = { name: 'x', instanceCount: 1, profile: 'docker-batch' };
    const task = String((await harness.call('POST', '/tasks', body, as)).json()['uuid']);
    await allTaken(task);
    expect(await setDisabled(true)).toBe(200);
    const before = takenOf(task).length;
    await change(task, 0, 3);
    // Whoever is not disabled is told what comes after it.
    await register();
    const mine = await submitTo(harness);
    await change(mine, 0, 1);
    await allTaken(mine);
    expect(takenOf(task)).toHaveLength(before);
    expect(await setDisabled(false)).toBe(200);
    await allTaken(task);
    await harness.call('DELETE', `/fornax/v1/webhooks/${hook.id}`, undefined, as);
  });

  it('survives a rebuild of its rows', async () => {
    const hook = await register();
    const rebuilt = await harness.call('POST', '/fornax/v1/projections/webhooks/rebuild?verify=true');
    expect(rebuilt.json()).toMatchObject({ differences: [] });
    expect((await read(hook.id)).state).toBe('active');
  });
});
