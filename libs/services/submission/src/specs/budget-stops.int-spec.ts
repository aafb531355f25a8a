import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eachLimited } from '@fornax/base';
import { MOST_STOPS, RPC, type StopSnapshotsReply } from '@fornax/contracts';
import type { SpendingEvent } from '@fornax/domain';
import type { Nats } from '@fornax/event-store';
import { startReceiver, type Receiver } from '@fornax/notify/specs';
import { NATS } from '@fornax/service-kit';
import { aCommit, aLease, dispatched, eventually, started } from '@fornax/testing';
import { readFrom, startHarness, submitTo, type Harness } from './submission.fixture.js';

const GRACE_MS = 3_000;
type Stand = Pick<StopSnapshotsReply['snapshots'][number], 'status'> & { readonly triggeredAt?: number };

let harness: Harness;
let receiver: Receiver;
/** What the snapshot service would answer of tasks; of the others, that there is nothing to take. */
const stands = new Map<string, Stand>();
let isSnapshotThere = true;
/** Of these it tells nothing. */
const leftOut = new Set<string>();
/** Batches with one of these it does not answer. */
const silent = new Set<string>();
/** What it says of these cannot be read. */
const garbled = new Set<string>();
const asked: { readonly taskIds: readonly string[]; readonly stop: unknown }[] = [];
const answerOn = (connection: Nats): void =>
  void connection.subscribe(RPC.stopSnapshots, {
    queue: 'snapshot',
    callback: (_, message) => {
      const request = message.json<{ taskIds: readonly string[]; stop: unknown }>();
      asked.push(request);
      if (!isSnapshotThere || request.taskIds.some((taskId) => silent.has(taskId))) return;
      const told = request.taskIds.filter((taskId) => !leftOut.has(taskId));
      const snapshots = told.map((taskId) => ({
        taskId,
        ...(garbled.has(taskId) ? { status: 'garbled' } : (stands.get(taskId) ?? { status: 'none' })),
      }));
      message.respond(JSON.stringify({ ok: { snapshots } }));
    },
  });

beforeAll(async () => {
  harness = await startHarness({
    FORNAX_BUDGET_STOP_GRACE_S: String(GRACE_MS / 1_000),
    FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: '127.0.0.1:*',
  });
  receiver = await startReceiver();
  answerOn(harness.test.app.get<Nats>(NATS));
}, 120_000);
afterAll(async () => {
  await receiver?.close();
  await harness?.close();
});

const say = async (id: string, ...events: readonly SpendingEvent[]): Promise<void> => {
  const last = (await harness.log.readAggregate('spending', id)).at(-1)?.sequence ?? 0;
  await harness.log.append('spending', id, aCommit(randomUUID(), events), last);
};
const exhausted = (budgetId: string, projectId: string, more: object = {}): SpendingEvent => ({
  type: 'BudgetExhausted',
  budgetId,
  projectId,
  policy: 'StopAndBlockAll',
  consumedMicros: 10_000,
  totalMicros: 10_000,
  until: null,
  at: Date.now(),
  ...more,
});
const released = (budgetId: string, projectId: string): SpendingEvent => ({
  type: 'BudgetReleased',
  budgetId,
  projectId,
  at: Date.now(),
});
const aProject = async (): Promise<string> =>
  String((await harness.call('POST', '/fornax/v1/me/projects', { name: randomUUID() })).json()['uuid']);
const runs = async (projectUuid: string): Promise<string> => {
  const id = await submitTo(harness, { projectUuid, instanceCount: 2 });
  const leases = [aLease(0), aLease(1)];
  await harness.happen(id, dispatched(...leases), started(...leases));
  return id;
};
const cancels = async (id: string) =>
  (await harness.log.readAggregate('task', id)).flatMap(({ events }) =>
    events.filter(({ type }) => type === 'TaskCancelRequested'),
  );
const untilCancelled = (id: string) => eventually(async () => (await cancels(id)).length > 0);

describe('a project whose budget stops what runs', () => {
  it('has what runs cancelled, with the reason on the task, in its history and for webhooks, and nothing else', async () => {
    const project = await aProject();
    const other = await runs(await aProject());
    const [running, waiting] = [await runs(project), await submitTo(harness, { projectUuid: project })];
    const made = await harness.call('POST', '/fornax/v1/webhooks', {
      url: receiver.url,
      types: ['TaskCancelRequested'],
    });
    expect(made.status).toBe(200);
    await say('stops', exhausted('stops', project));
    await untilCancelled(running);
    expect(await cancels(running)).toMatchObject([{ because: 'budget-exhausted' }]);
    const { errors } = await eventually(async () => {
      const read = await readFrom(harness, running);
      return read.errors.length > 0 ? read : undefined;
    });
    expect(errors).toMatchObject([{ code: 'FX-BUDGET', message: expect.stringContaining('StopAndBlockAll') }]);
    const history = (await harness.call('GET', `/fornax/v1/tasks/${running}/events`)).json();
    expect(history['events']).toContainEqual(
      expect.objectContaining({
        type: 'TaskCancelRequested',
        reason: 'a budget of its project is used up',
        data: { because: 'budget-exhausted' },
      }),
    );
    await eventually(() => Promise.resolve(receiver.taken.length > 0));
    expect(receiver.taken[0]).toMatchObject({ data: { data: { because: 'budget-exhausted' } } });
    expect(JSON.stringify(receiver.taken)).toContain(running);
    expect([await cancels(waiting), await cancels(other)]).toEqual([[], []]);
    await say('stops', released('stops', project));
  }, 60_000);

  it('waits for snapshots that were asked for before, for as long as they may take', async () => {
    const project = await aProject();
    const [done, slow] = [await runs(project), await runs(project)];
    const triggeredAt = Date.now();
    stands.set(done, { status: 'open', triggeredAt }).set(slow, { status: 'open', triggeredAt });
    await say('saves', exhausted('saves', project));
    await eventually(() => asked.some(({ taskIds }) => taskIds.includes(done) && taskIds.includes(slow)));
    expect([await cancels(done), await cancels(slow)]).toEqual([[], []]);
    stands.set(done, { status: 'over' });
    const snapshot = { type: 'SnapshotFailed', taskId: done, reason: 'test', at: Date.now() } as const;
    await harness.log.append('snapshot', `snap_${done}`, aCommit(randomUUID(), [snapshot]), 0);
    await untilCancelled(done);
    expect(Date.now()).toBeLessThan(triggeredAt + GRACE_MS + 1_000);
    await untilCancelled(slow);
    const [{ at } = { at: 0 }] = await cancels(slow);
    expect(at).toBeGreaterThanOrEqual(triggeredAt + GRACE_MS);
    await say('saves', released('saves', project));
  }, 60_000);

  it('waits no longer for a snapshot service that does not answer, and asks it again meanwhile', async () => {
    const project = await aProject();
    const id = await runs(project);
    isSnapshotThere = false;
    const [before, since] = [asked.length, Date.now()];
    await say('alone', exhausted('alone', project));
    await untilCancelled(id);
    isSnapshotThere = true;
    expect((await cancels(id))[0]?.at).toBeGreaterThanOrEqual(since + GRACE_MS);
    expect(asked.length).toBeGreaterThan(before + 1);
    await say('alone', released('alone', project));
  }, 60_000);

  it('waits no longer for the batch that is not answered because others are, nor less for a task that is left out', async () => {
    const project = await aProject();
    const ids: string[] = [];
    await eachLimited(Array.from({ length: MOST_STOPS + 2 }), 8, async () => void ids.push(await runs(project)));
    ids.sort();
    const [unknown = '', ...others] = ids;
    const alone = others.at(-1) ?? '';
    for (const id of others) stands.set(id, { status: 'open', triggeredAt: Date.now() + 60_000 });
    leftOut.add(unknown);
    silent.add(alone);
    const since = Date.now();
    await say('batches', exhausted('batches', project));
    await untilCancelled(alone);
    await untilCancelled(unknown);
    const [[first], [second]] = [await cancels(alone), await cancels(unknown)];
    expect(Math.min(first?.at ?? 0, second?.at ?? 0)).toBeGreaterThanOrEqual(since + GRACE_MS);
    expect(await cancels(others[0] ?? '')).toEqual([]);
    await say('batches', released('batches', project));
  }, 120_000);

  it('is stopped though another one before it cannot be', async () => {
    const [bad, good] = [await aProject(), await aProject()];
    const [unstoppable, id] = [await runs(bad), await runs(good)];
    garbled.add(unstoppable);
    const at = Date.now();
    await say('cannot', exhausted('cannot', bad, { at }));
    await eventually(() => asked.some(({ taskIds }) => taskIds.includes(unstoppable)));
    await say('can', exhausted('can', good, { at: at + 1 }));
    await untilCancelled(id);
    expect(await cancels(unstoppable)).toEqual([]);
    garbled.clear();
    await untilCancelled(unstoppable);
    await say('cannot', released('cannot', bad));
    await say('can', released('can', good));
  }, 60_000);

  it('leaves alone what is let go of before its snapshot is over, and stops what begins as long as it is on', async () => {
    const project = await aProject();
    const saved = await runs(project);
    stands.set(saved, { status: 'open', triggeredAt: Date.now() + 60_000 });
    const late = await submitTo(harness, { projectUuid: project });
    await say('raised', exhausted('raised', project));
    await eventually(() => asked.some(({ taskIds }) => taskIds.includes(saved)));
    // The scheduler did not know it yet.
    await harness.happen(late, dispatched(aLease(0)));
    await untilCancelled(late);
    await say('raised', released('raised', project));
    stands.set(saved, { status: 'over' });
    await eventually(
      async () => (await harness.call('POST', '/tasks', { ...task, projectUuid: project })).status === 200,
    );
    expect(await cancels(saved)).toEqual([]);
  }, 60_000);

  it('closes pools that hold slots, and no others', async () => {
    const project = await aProject();
    const create = async (): Promise<string> =>
      String((await harness.call('POST', '/pools', { ...pool, projectUuid: project })).json()['uuid']);
    const [held, idle] = [await create(), await create()];
    const opened = { type: 'PoolResized', opened: '0', closed: '', policyName: null, at: Date.now() } as const;
    await harness.happenToPool(held, opened, { type: 'SlotsDispatched', leases: [aLease(0)], at: Date.now() });
    await say('slots', exhausted('slots', project));
    const closes = async (id: string) =>
      (await harness.log.readAggregate('pool', id)).filter(({ events }) =>
        events.some(({ type }) => type === 'PoolCloseRequested'),
      );
    await eventually(async () => (await closes(held)).length > 0);
    expect(await closes(held)).toMatchObject([{ meta: { reason: 'a budget of its project is used up' } }]);
    expect(await closes(idle)).toEqual([]);
    await say('slots', released('slots', project));
  }, 60_000);

  it('is stopped once by several processes, and by one that comes after', async () => {
    const project = await aProject();
    const twin = await harness.twin();
    try {
      const ids: string[] = [];
      for (let count = 0; count < 6; count += 1) ids.push(await runs(project));
      for (const id of ids.slice(3)) stands.set(id, { status: 'open', triggeredAt: Date.now() + 60_000 });
      await say('twice', exhausted('twice', project));
      for (const id of ids.slice(0, 3)) await untilCancelled(id);
      await harness.restart();
      answerOn(harness.test.app.get<Nats>(NATS));
      for (const id of ids.slice(3)) stands.set(id, { status: 'over' });
      const ended = { type: 'SnapshotFailed', taskId: ids[5] ?? '', reason: 'test', at: Date.now() } as const;
      await harness.log.append('snapshot', `snap_${ids[5]}`, aCommit(randomUUID(), [ended]), 0);
      for (const id of ids) await untilCancelled(id);
      for (const id of ids) expect(await cancels(id)).toHaveLength(1);
      // What they asked for names one and the same snapshot.
      const stops = asked.flatMap(({ taskIds, stop }) =>
        taskIds.includes(ids[5] ?? '') ? [JSON.stringify(stop)] : [],
      );
      expect(new Set(stops).size).toBe(1);
    } finally {
      await twin.close();
    }
  }, 90_000);

  it('is not stopped once the time of its budget is over, though nobody says so', async () => {
    const project = await aProject();
    await say('over', exhausted('over', project, { until: Date.now() + 1_500 }));
    await eventually(
      async () => (await harness.call('POST', '/tasks', { ...task, projectUuid: project })).status === 402,
    );
    await eventually(
      async () => (await harness.call('POST', '/tasks', { ...task, projectUuid: project })).status === 200,
    );
    const id = await runs(project);
    await say('nudge', exhausted('nudge', await aProject()), released('nudge', 'x'));
    expect(await cancels(id)).toEqual([]);
  }, 60_000);
});

const task = {
  name: 't',
  profile: 'docker-batch',
  instanceCount: 1,
  constants: [{ key: 'DOCKER_CMD', value: 'true' }],
};
const pool = { name: 'pool', profile: 'docker-batch', instanceCount: 1 };
