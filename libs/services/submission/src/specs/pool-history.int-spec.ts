import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { poolSchema } from '@fornax/contracts';
import { eventually } from '@fornax/testing';
import { ended, leased, opened, ready } from './slots.fixture.js';
import { followSse } from './sse-reader.fixture.js';
import { startHarness, type Harness } from './submission.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());

const create = async (body: object = {}, headers: Record<string, string> = {}): Promise<string> => {
  const pool = { name: 'a pool', profile: 'docker-batch', instanceCount: 1, ...body };
  const answer = await harness.call('POST', '/pools', pool, { headers });
  if (answer.status !== 200) throw new Error(answer.text);
  return String(answer.json()['uuid']);
};
const at = (): number => Date.now();
interface Told {
  readonly id: string;
  readonly type: string;
  readonly sequence: number;
  readonly actor: string;
  readonly taskId: string | null;
  readonly aggregateId: string;
  readonly reason: string | null;
  readonly data: { readonly attempts?: readonly { readonly startedAt: number; readonly endedAt: number }[] };
}
const history = async (id: string, query = ''): Promise<{ events: readonly Told[]; next: number | null }> =>
  (await harness.call('GET', `/fornax/v1/pools/${id}/events${query}`)).json() as never;

describe('the history of a pool', () => {
  it('tells everything in order, in pages, with who and why, also of one that was deleted', async () => {
    const secret = { key: 'QARNOT_SECRET_X', value: 'hidden-value' };
    const id = await create({ shortname: 'kitchen', constants: [secret] });
    await harness.happenToPool(id, opened('0'), leased(0));
    await harness.happenToPool(id, ready(0));
    await harness.call('POST', `/pools/${id}/close`, undefined, { headers: { 'fornax-reason': 'holidays' } });
    await harness.happenToPool(id, ended(0), { type: 'PoolClosed', at: at() });
    const { events, next } = await history('kitchen');
    const types = ['PoolCreated', 'PoolResized', 'SlotsDispatched', 'SlotsReady', 'PoolCloseRequested', 'SlotsEnded'];
    expect(events.map(({ type }) => type)).toEqual([...types, 'PoolClosed']);
    expect(next).toBeNull();
    expect(JSON.stringify(events)).not.toMatch(/hidden-value|wrappedKey/);
    expect(events[4]).toMatchObject({ reason: 'holidays', taskId: null, aggregate: 'pool', aggregateId: id });
    // From ready to closed: what bills go by.
    expect(events[5]?.data.attempts?.[0]).toMatchObject({ startedAt: expect.any(Number), endedAt: expect.any(Number) });
    const page = await history(id, '?limit=2');
    expect([page.events.map(({ type }) => type), page.next]).toEqual([types.slice(0, 3), page.events[2]?.sequence]);
    expect((await history(id, `?after=${page.next}&limit=1`)).events[0]?.type).toBe('SlotsReady');
    await harness.call('DELETE', `/pools/${id}`);
    await eventually(async () => (await history(id)).events.at(-1)?.type === 'PoolDeleted');
    const stranger = { token: await harness.addAccount() };
    for (const path of [`/fornax/v1/pools/${id}/events`, `/fornax/v1/pools/${id}?asOf=1`])
      expect(await harness.call('GET', path, undefined, stranger)).toMatchObject({ status: 404 });
  });

  it('ends with its deletion once its time to live is over', async () => {
    const [soon, never] = [await create({ completionTimeToLive: '00:00:01' }), await create()];
    for (const id of [soon, never]) {
      await harness.call('POST', `/pools/${id}/close`);
      await harness.happenToPool(id, { type: 'PoolClosed', at: at() });
    }
    await eventually(async () => (await history(soon)).events.at(-1)?.type === 'PoolDeleted', { timeoutMs: 30_000 });
    // The rows follow the log.
    await eventually(async () => (await harness.call('GET', `/pools/${soon}`)).status === 404);
    expect((await harness.call('GET', `/pools/${never}`)).json()).toMatchObject({ state: 'Closed' });
  });

  it('has the demand in it that a scaling is tried on', async () => {
    const poolUuid = await create({ shortname: 'tried' });
    const from = new Date(Math.floor(Date.now() / 1_000) * 1_000).toISOString();
    const task = { name: 'a task', instanceCount: 3, poolUuid };
    const { uuid } = (await harness.call('POST', '/tasks', task)).json();
    await harness.happen(String(uuid), { type: 'WaitingInstancesCancelled', instances: '1-2', at: at() });
    const elasticProperty = { isElastic: true, minTotalSlots: 1, maxTotalSlots: 4, resizeFactor: 1 };
    const asked = { from, durationSeconds: 3_600, elasticProperty };
    const simulate = (body: object, token?: string) =>
      harness.call('POST', '/fornax/v1/pools/scaling/simulate', { ...asked, ...body }, token ? { token } : {});
    const { points } = (await simulate({ demandOf: 'tried' })).json() as unknown as {
      readonly points: readonly { readonly demand: number }[];
    };
    // In an instant, or one after the other.
    expect(
      points
        .map(({ demand }) => demand)
        .filter((demand) => demand !== 0 && demand !== 3)
        .at(-1),
    ).toBe(1);
    expect(points.at(-1)?.demand).toBe(1);
    expect((await simulate({ demandOf: 'tried' }, await harness.addAccount())).status).toBe(404);
    for (const body of [{}, { demand: [], demandOf: 'tried' }])
      expect(await simulate(body)).toMatchObject({ status: 400 });
  });

  it('is read as of any moment as it was shown then', async () => {
    const id = await create();
    const read = async (query: string) => harness.call('GET', `/fornax/v1/pools/${id}${query}`);
    const before = (await history(id)).events[0]?.sequence ?? 0;
    const first = poolSchema.parse((await harness.call('GET', `/pools/${id}`)).json());
    await harness.happenToPool(id, opened('0'), leased(0));
    await harness.happenToPool(id, ready(0));
    expect((await read('')).json()['state']).toBe('FullyExecuting');
    const then = await read(`?asOf=${before}`);
    const { wallTime: _wall, status: _status, ...shown } = first;
    expect(poolSchema.parse(then.json())).toMatchObject(shown);
    expect(then.headers.get('fornax-sequence')).toBe(String(before));
    expect((await read(`?asOf=${before + 1}`)).json()['state']).toBe('FullyDispatched');
    const early = await read(`?asOf=${before - 1}`);
    expect([early.status, early.text]).toEqual([404, expect.stringContaining('did not exist yet')]);
    expect((await read('?asOf=999999999')).status).toBe(400);
    expect((await read('?asOf=soon')).status).toBe(400);
  });

  it('is told live and by webhooks, under the names of its events, and of this pool alone where it is named', async () => {
    const [id, other] = [await create({ shortname: 'live' }), await create()];
    const url = `${harness.test.url}/fornax/v1/events`;
    const headers = { authorization: harness.token };
    const stream = await followSse(`${url}?pool=live&snapshot=false`, headers);
    await harness.happenToPool(other, opened('0'), leased(0));
    await harness.happenToPool(id, opened('0'), leased(0));
    await eventually(() => stream.messages.some(({ event }) => event === 'SlotsDispatched'));
    expect(stream.messages.map(({ event }) => event)).toEqual(['PoolResized', 'SlotsDispatched']);
    expect(JSON.parse(stream.messages[0]?.data ?? '{}')).toMatchObject({ taskId: null, aggregateId: id });
    stream.close();
    // Who comes again goes on behind the last one.
    await harness.happenToPool(id, ready(0));
    const again = await followSse(`${url}?pool=${id}&types=SlotsReady`, { ...headers, 'last-event-id': stream.lastId });
    await eventually(() => again.messages.some(({ event }) => event === 'SlotsReady'));
    again.close();
    expect((await harness.call('GET', '/fornax/v1/events?pool=nobody')).status).toBe(404);
    const webhook = { url: 'https://example.org/hook', types: ['PoolClosed', 'SlotsReady'] };
    expect((await harness.call('POST', '/fornax/v1/webhooks', webhook)).status).not.toBe(400);
    const probe = await harness.call('GET', '/fornax/v1/events?types=LogProbed');
    expect(probe.status).toBe(400);
  });
});

describe('a pool that is asked for twice', () => {
  it('is made once under one key, and read at once', async () => {
    const key = { 'idempotency-key': 'pool-key' };
    const [first, again] = [await create({}, key), await create({}, key)];
    expect(again).toBe(first);
    expect((await harness.call('GET', `/pools/${first}`)).status).toBe(200);
    const close = () => harness.call('POST', `/pools/${first}/close`, undefined, { headers: key });
    await harness.happenToPool(first, opened('0'), leased(0));
    expect([(await close()).status, (await close()).status]).toEqual([200, 200]);
    const closes = (await history(first)).events.filter(({ type }) => type === 'PoolCloseRequested');
    expect(closes).toHaveLength(1);
    const other = await harness.call(
      'POST',
      '/pools',
      { name: 'another', profile: 'docker-batch', instanceCount: 1 },
      {
        headers: key,
      },
    );
    expect(other.status).toBeGreaterThanOrEqual(400);
  });
});
