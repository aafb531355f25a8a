import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { TaskEvent } from '@fornax/domain';
import { aLease, aRef, dispatched, eventually, exited, leaveAtOnce, requestHead, started } from '@fornax/testing';
import { startHarness, submitTo, type Harness } from './submission.fixture.js';
import { followSse, type SseReader } from './sse-reader.fixture.js';

let harness: Harness;
const readers: SseReader[] = [];
beforeAll(async () => {
  harness = await startHarness({ FORNAX_EVENTS_HEARTBEAT_MS: '50' });
}, 120_000);
afterEach(() => readers.splice(0).forEach((reader) => reader.close()));
afterAll(() => harness.close());

interface Options {
  readonly token?: string;
  readonly after?: string;
}
const follow = async (query = '', { token = harness.token, after }: Options = {}): Promise<SseReader> => {
  const headers = { authorization: token, ...(after === undefined ? {} : { 'last-event-id': after }) };
  const reader = await followSse(`${harness.test.url}/fornax/v1/events${query}`, headers);
  readers.push(reader);
  return reader;
};

interface Event {
  readonly id: string;
  readonly sequence: number;
  readonly taskId: string;
  readonly type: string;
}
interface SnapshotTask {
  readonly uuid: string;
  readonly state: string;
  readonly sequence: number;
}
const isSpecial = (event: string): boolean => event === 'snapshot' || event === 'reset';
const eventsOf = ({ messages }: SseReader): readonly Event[] =>
  messages.filter(({ event }) => !isSpecial(event)).map(({ data }) => JSON.parse(data) as Event);
const idsOf = (reader: SseReader): readonly string[] => eventsOf(reader).map(({ id }) => id);
const typesOf = (reader: SseReader): readonly string[] => reader.messages.map(({ event }) => event);
const snapshotOf = ({ messages }: SseReader): readonly SnapshotTask[] =>
  messages
    .filter(({ event }) => event === 'snapshot')
    .flatMap(({ data }) => (JSON.parse(data) as { tasks: SnapshotTask[] }).tasks);
const hasSnapshot = (reader: SseReader): Promise<true> =>
  eventually(
    () => reader.messages.some(({ event, data }) => event === 'snapshot' && data.includes('"isLast":true')) as true,
  );

/** The ids of all events about these tasks, in the order of the log. */
const inLog = async (...tasks: readonly string[]): Promise<readonly string[]> => {
  const commits = (await Promise.all(tasks.map((id) => harness.log.readAggregate('task', id)))).flat();
  return commits
    .toSorted((a, b) => a.sequence - b.sequence)
    .flatMap(({ sequence, events }) => events.map((_, index) => `${sequence}.${index}`));
};
const tag = (n: number): TaskEvent => ({ type: 'TaskUpdated', tags: [`${n}`], at: n });

describe('the live stream of events', () => {
  it('begins with the tasks as they stand and goes on with everything that happens to them', async () => {
    const before = await submitTo(harness, { constants: [{ key: 'QARNOT_SECRET_X', value: 'hush' }] });
    const reader = await follow();
    await hasSnapshot(reader);
    expect(snapshotOf(reader)).toContainEqual(expect.objectContaining({ uuid: before, state: 'Submitted' }));
    await harness.happen(before, dispatched(aLease(0)), started(aRef(0)));
    const later = await submitTo(harness, { constants: [{ key: 'QARNOT_SECRET_X', value: 'hush' }] });
    await eventually(() => eventsOf(reader).length === 3);
    expect(eventsOf(reader).map(({ taskId, type }) => [taskId, type])).toEqual([
      [before, 'InstancesDispatched'],
      [before, 'InstancesStarted'],
      [later, 'TaskSubmitted'],
    ]);
    expect(typesOf(reader)).toEqual(['snapshot', 'InstancesDispatched', 'InstancesStarted', 'TaskSubmitted']);
    expect(JSON.stringify(reader.messages)).not.toMatch(/hush|sealed|wrappedKey/);
  });

  it("tells nobody of somebody else's tasks, and an operator of all on demand", async () => {
    const other = await harness.addAccount();
    const [theirs, mine, all] = await Promise.all([
      follow('', { token: other }),
      follow(),
      follow('?all=true&snapshot=false'),
    ]);
    await Promise.all([hasSnapshot(theirs), hasSnapshot(mine)]);
    await eventually(() => all.comments.length > 0);
    const body = { name: 'x', instanceCount: 1, profile: 'docker-batch' };
    const id = String((await harness.call('POST', '/tasks', body, { token: other })).json()['uuid']);
    const own = await submitTo(harness);
    await eventually(() => eventsOf(all).length >= 2);
    await eventually(() => eventsOf(mine).length >= 1 && eventsOf(theirs).length >= 1);
    expect(eventsOf(all).map(({ taskId }) => taskId)).toEqual([id, own]);
    expect(eventsOf(mine).map(({ taskId }) => taskId)).toEqual([own]);
    expect(eventsOf(theirs).map(({ taskId }) => taskId)).toEqual([id]);
    expect(snapshotOf(theirs)).toEqual([]);
    expect((await follow('?all=true', { token: other })).status).toBe(403);
    expect((await follow(`?task=${own}`, { token: other })).status).toBe(404);
    expect((await follow('', { token: '' })).status).toBe(401);
  });

  it('filters by task and by type', async () => {
    const [a, b] = [await submitTo(harness, { shortname: 'only-me' }), await submitTo(harness)];
    const reader = await follow('?task=only-me&types=TaskUpdated,InstancesExited');
    await hasSnapshot(reader);
    expect(snapshotOf(reader).map(({ uuid }) => uuid)).toEqual([a]);
    await harness.happen(b, tag(1));
    await harness.happen(a, dispatched(aLease(0)), started(aRef(0)), exited(aRef(0)));
    await harness.happen(a, tag(2));
    await eventually(() => eventsOf(reader).length === 2);
    expect(eventsOf(reader).map(({ type }) => type)).toEqual(['InstancesExited', 'TaskUpdated']);
  });

  it('refuses what it cannot understand', async () => {
    for (const query of ['?types=Nonsense', '?snapshot=maybe', '?all=x'])
      expect((await follow(query)).status).toBe(400);
    expect((await follow('', { after: 'yesterday' })).status).toBe(400);
    expect((await follow('?task=nobody')).status).toBe(404);
  });

  it('goes on after any message, also in the middle of a commit, with no gap and no doubles', async () => {
    const id = await submitTo(harness);
    for (let n = 0; n < 4; n += 1) await harness.happen(id, tag(n), tag(n + 10), tag(n + 20));
    const expected = await inLog(id);
    const first = await follow(`?task=${id}`, { after: '0' });
    await eventually(() => eventsOf(first).length === expected.length);
    expect(idsOf(first)).toEqual(expected);
    for (const [index, { id: last }] of first.messages.entries()) {
      const reader = await follow(`?task=${id}`, { after: last });
      await eventually(() => eventsOf(reader).length >= expected.length - index - 1);
      await eventually(() => reader.comments.includes('heartbeat'));
      expect(idsOf(reader)).toEqual(expected.slice(index + 1));
      expect(typesOf(reader)).not.toContain('snapshot');
      reader.close();
    }
  }, 60_000);

  it('moves the place to come back to along although nothing concerns the reader', async () => {
    const reader = await follow('?types=InstancesExited');
    await hasSnapshot(reader);
    await submitTo(harness);
    const { sequence } = await harness.log.head();
    await eventually(() => Number(reader.lastId.split('@')[0]) >= sequence);
    expect(eventsOf(reader)).toEqual([]);
  });

  it('says when the place is gone, and begins anew', async () => {
    const id = await submitTo(harness);
    for (const after of ['999999', '5@0badc0de', '5.0@0badc0de']) {
      const reader = await follow(`?task=${id}`, { after });
      await hasSnapshot(reader);
      expect(typesOf(reader)).toEqual(['reset', 'snapshot']);
      expect(snapshotOf(reader).map(({ uuid }) => uuid)).toEqual([id]);
      await harness.happen(id, tag(Number(after.length)));
      await eventually(() => eventsOf(reader).length === 1);
    }
  });

  it('has no gap and no doubles between the snapshot and what follows, while everything changes', async () => {
    const tasks = await Promise.all(Array.from({ length: 8 }, () => submitTo(harness, { tags: ['seam'] })));
    let isOver = false;
    const writing = Promise.all(
      tasks.map(async (id) => {
        for (let n = 0; !isOver; n += 1) await harness.happen(id, tag(n));
      }),
    );
    const names = tasks.join(',');
    const followers: SseReader[] = [];
    for (let n = 0; n < 10; n += 1) followers.push(await follow(`?task=${names}`));
    await Promise.all(followers.map(hasSnapshot));
    isOver = true;
    await writing;
    const all = await inLog(...tasks);
    for (const reader of followers) {
      await eventually(() => idsOf(reader).at(-1) === all.at(-1));
      for (const { uuid, sequence } of snapshotOf(reader)) {
        const told = eventsOf(reader).filter(({ taskId }) => taskId === uuid);
        const happened = (await inLog(uuid)).filter((id) => Number(id.split('.')[0]) > sequence);
        expect(told.map(({ id }) => id)).toEqual(happened);
      }
    }
  }, 60_000);

  it('loses nothing and repeats nothing when the server is started again in the middle', async () => {
    const id = await submitTo(harness);
    let reader = await follow(`?task=${id}`, { after: '0' });
    const got: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      for (let n = 0; n < 5; n += 1) await harness.happen(id, tag(n));
      await eventually(() => eventsOf(reader).length >= 2);
      await harness.restart();
      await eventually(() => reader.isOver);
      got.push(...idsOf(reader));
      await harness.happen(id, tag(round));
      reader = await follow(`?task=${id}`, { after: reader.lastId });
    }
    const expected = await inLog(id);
    await eventually(() => got.length + eventsOf(reader).length >= expected.length);
    expect([...got, ...idsOf(reader)]).toEqual(expected);
  }, 60_000);

  it('waits for a slow reader without holding what it has not taken', async () => {
    const id = await submitTo(harness);
    const stop = new AbortController();
    const response = await fetch(`${harness.test.url}/fornax/v1/events?task=${id}`, {
      headers: { authorization: harness.token, 'last-event-id': '0' },
      signal: stop.signal,
    });
    const large = 'x'.repeat(100_000);
    for (let n = 0; n < 40; n += 1)
      await harness.happen(id, { type: 'WaitingReasonChanged', reason: `${n}`, detail: large, at: n });
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (text.includes('"reason":"39"')) break;
    }
    const reasons = [...text.matchAll(/"reason":"(\d+)"/g)].map(([, reason]) => Number(reason));
    expect(reasons).toEqual(Array.from({ length: 40 }, (_, n) => n));
    stop.abort();
  }, 60_000);

  it('counts nobody whose connection is closed before it begins', async () => {
    const task = await submitTo(harness);
    // Each name is looked up, and meanwhile the connection is closed.
    const names = Array.from({ length: 50 }, () => task).join(',');
    const head = requestHead('GET', `/fornax/v1/events?task=${names}`, { authorization: harness.token });
    for (let times = 0; times < 100; times += 1) await leaveAtOnce(harness.test.url, head);
    await eventually(async () => (await follow(`?task=${task}`)).status === 200);
  });

  it('is described as a stream', async () => {
    const document = JSON.stringify((await harness.call('GET', '/openapi.json')).json());
    expect(document).toContain('"/fornax/v1/events"');
    expect(document).toContain('text/event-stream');
  });
});
