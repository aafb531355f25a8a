import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createdSchema } from '@fornax/contracts';
import type { TaskEvent } from '@fornax/domain';
import { anEnd, aLease, concluded, dispatched, eventually } from '@fornax/testing';
import { minimal, startHarness, submitTo, type Answer, type Harness } from './submission.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());

const one = { ...minimal, instanceCount: 1 };
const statusOf = async (id: string, token = harness.token): Promise<number> =>
  (await harness.call('GET', `/tasks/${id}`, undefined, { token })).status;
const isGone = (id: string) => eventually(async () => (await statusOf(id)) === 404);
/** The whole life of a task of one instance, over at the given moment. */
const finish = async (id: string, at: number): Promise<void> => {
  const ends: readonly TaskEvent[] = [dispatched(aLease(0)), concluded(anEnd(0))];
  await harness.happen(id, ...ends.map((event) => ({ ...event, at })));
};
const typesOf = async (id: string): Promise<readonly string[]> =>
  (await harness.log.readAggregate('task', id)).flatMap(({ events }) => events.map(({ type }) => type));
const deletions = async (id: string): Promise<number> =>
  (await typesOf(id)).filter((type) => type === 'TaskDeleted').length;

describe('completionTimeToLive', () => {
  it('deletes a task so long after its end, and not before', async () => {
    const soon = await submitTo(harness, { ...one, completionTimeToLive: '00:00:02' });
    const late = await submitTo(harness, { ...one, completionTimeToLive: '00:10:00' });
    const never = await submitTo(harness, { ...one, completionTimeToLive: '00:00:00' });
    const running = await submitTo(harness, { ...one, completionTimeToLive: '00:00:01' });
    await Promise.all([finish(soon, Date.now()), finish(late, Date.now()), finish(never, 1_000)]);
    expect(await statusOf(soon)).toBe(200);
    await isGone(soon);
    expect(await Promise.all([late, never, running].map((id) => statusOf(id)))).toEqual([200, 200, 200]);
    const [last] = (await harness.log.readAggregate('task', soon)).slice(-1);
    expect(last).toMatchObject({
      events: [{ type: 'TaskDeleteRequested' }, { type: 'TaskDeleted' }],
      meta: { actor: 'service:submission' },
    });
  });

  it('counts from a cancellation, too', async () => {
    const uuid = await submitTo(harness, { ...one, completionTimeToLive: '00:00:01' });
    await harness.call('POST', `/tasks/${uuid}/abort`);
    await isGone(uuid);
  });

  it('is kept by a service that was away when the time came', async () => {
    const uuid = await submitTo(harness, { ...one, completionTimeToLive: '00:00:03' });
    await finish(uuid, Date.now());
    expect(await statusOf(uuid)).toBe(200);
    await harness.restart();
    await isGone(uuid);
  }, 60_000);

  it('is carried out once, although two processes see it', async () => {
    const twin = await harness.twin();
    const uuids = await Promise.all(
      Array.from({ length: 20 }, () => submitTo(harness, { ...one, completionTimeToLive: '00:00:01' })),
    );
    await Promise.all(uuids.map((uuid) => finish(uuid, Date.now())));
    await Promise.all(uuids.map(isGone));
    expect(await Promise.all(uuids.map(deletions))).toEqual(uuids.map(() => 1));
    await twin.close();
  }, 60_000);
});

describe('a full account', () => {
  const post = (token: string, body: object = {}): Promise<Answer> =>
    harness.call('POST', '/tasks', { ...one, ...body }, { token });
  const uuidOf = (answer: Answer): string => createdSchema.parse(answer.json()).uuid;
  const full = { status: 403, text: '{"message":"Maximum number of tasks reached"}' };

  it('is refused in the exact words of the clients, also in a bulk, and takes a task again once there is room', async () => {
    const token = await harness.addAccount(3);
    const first = uuidOf(await post(token));
    await post(token);
    const bulk = await harness.call('POST', '/tasks', [one, one], { token });
    expect(bulk.status).toBe(207);
    expect((bulk.json() as unknown as { message: string | null }[]).map(({ message }) => message)).toEqual(
      expect.arrayContaining([null, 'Maximum number of tasks reached']),
    );
    expect(await post(token)).toMatchObject(full);
    await harness.call('DELETE', `/tasks/${first}`, undefined, { token });
    expect(await post(token)).toMatchObject({ status: 200 });
    expect(await post(token)).toMatchObject(full);
  });

  it('deletes finished tasks that may go, the one that ended first before the others, and no more than it needs', async () => {
    const token = await harness.addAccount(4);
    const may = { autoDeleteOnCompletion: true };
    const [newer, older, kept, running] = [
      uuidOf(await post(token, may)),
      uuidOf(await post(token, may)),
      uuidOf(await post(token)),
      uuidOf(await post(token, may)),
    ];
    await finish(newer, 9_000);
    await finish(older, 5_000);
    await finish(kept, 1_000);
    const states = async () => Promise.all([newer, older, kept, running].map((id) => statusOf(id, token)));
    expect(await post(token)).toMatchObject({ status: 200 });
    expect(await states()).toEqual([200, 404, 200, 200]);
    expect(await post(token)).toMatchObject({ status: 200 });
    expect(await states()).toEqual([404, 404, 200, 200]);
    expect(await post(token)).toMatchObject(full);
  });

  it('never takes more than its quota, however many ask at once, and uses all the room there is', async () => {
    const token = await harness.addAccount(5);
    const first = await Promise.all(Array.from({ length: 20 }, () => post(token, { autoDeleteOnCompletion: true })));
    const accepted = first.filter(({ status }) => status === 200).map(uuidOf);
    expect(accepted).toHaveLength(5);
    await Promise.all(accepted.slice(0, 3).map((uuid) => finish(uuid, 1_000)));
    const second = await Promise.all(Array.from({ length: 20 }, () => post(token)));
    expect(second.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(second.filter(({ status }) => status === 403)).toHaveLength(17);
    const info = await harness.call('GET', '/info', undefined, { token });
    expect(info.json()).toMatchObject({ maxTask: 5, taskCount: 5 });
  });

  it('gives the place of a refused submission back', async () => {
    const token = await harness.addAccount(1);
    expect(await post(token, { resourceBuckets: ['gone'] })).toMatchObject({ status: 404 });
    expect(await post(token, { resultBucket: 'taken' })).toMatchObject({ status: 400 });
    expect(await post(token)).toMatchObject({ status: 200 });
  });

  it('answers a repeated request with the task that it made, also when its key is no longer kept', async () => {
    const token = await harness.addAccount(2);
    const ask = (body: object): Promise<Answer> =>
      harness.call('POST', '/tasks', { ...one, ...body }, { token, headers: { 'idempotency-key': 'of-long-ago' } });
    const named = { shortname: 'mine' };
    const uuid = uuidOf(await ask(named));
    await harness.nameNoted(uuid);
    // As if the process had died before it kept its answer, and a day had passed.
    const forgetKeys = () => harness.query('DELETE FROM idempotency_key');
    await forgetKeys();
    expect(uuidOf(await ask(named))).toBe(uuid);
    await post(token);
    expect(await post(token)).toMatchObject(full);
    await forgetKeys();
    expect(uuidOf(await ask(named))).toBe(uuid);
    await forgetKeys();
    expect(await ask({ ...named, instanceCount: 9 })).toMatchObject({ status: 409 });
    expect(await harness.call('GET', '/info', undefined, { token }).then((info) => info.json())).toMatchObject({
      taskCount: 2,
    });
  });
});
