import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@fornax/testing';
import { ended, leased, opened, ready } from './slots.fixture.js';
import { followSse } from './sse-reader.fixture.js';
import { startHarness, type Harness } from './submission.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());

const create = async (): Promise<string> => {
  const body = { name: 'a pool', profile: 'docker-batch', instanceCount: 2 };
  const answer = await harness.call('POST', '/pools', body);
  if (answer.status !== 200) throw new Error(answer.text);
  return String(answer.json()['uuid']);
};

describe('output of slots', () => {
  it('shows what preparation prints, slot by slot, each fresh byte once, by both names of pools', async () => {
    const id = await create();
    await harness.happenToPool(id, opened('0-1'), leased(0), leased(1));
    await harness.print(id, 0, 'fetching ');
    await harness.print(id, 1, 'one\n');
    await harness.print(id, 0, 'zero\n');
    await harness.print(id, 0, 'oops\n', { stream: 'stderr' });
    const get = async (path: string) => (await harness.call('GET', path)).text;
    expect(await get(`/pools/${id}/stdout`)).toBe('1> one\n0> fetching zero\n');
    expect(await get(`/pool/${id}/stdout/0`)).toBe('fetching zero\n');
    expect(await get(`/pools/${id}/stderr`)).toBe('0> oops\n');
    const post = async (path: string) => (await harness.call('POST', path)).text;
    expect([await post(`/pools/${id}/stdout/0`), await post(`/pool/${id}/stdout/0`)]).toEqual(['fetching zero\n', '']);
    for (const bad of ['2', 'x'])
      expect(await harness.call('GET', `/pools/${id}/stdout/${bad}`)).toMatchObject({ status: 404 });
    const stranger = await harness.addAccount();
    expect(await harness.call('GET', `/pools/${id}/stdout`, undefined, { token: stranger })).toMatchObject({
      status: 404,
    });
    expect(await get(`/fornax/v1/pools/${id}/instances/0/stdout?offset=9`)).toBe('zero\n');
  });

  it('keeps what a closed slot printed until its number is given to another one', async () => {
    const id = await create();
    await harness.happenToPool(id, opened('0'), leased(0));
    await harness.print(id, 0, 'first\n');
    expect((await harness.call('GET', `/pools/${id}/stdout`)).text).toBe('0> first\n');
    await harness.happenToPool(id, ended(0));
    expect((await harness.call('GET', `/pools/${id}/stdout/0`)).text).toBe('first\n');
    await harness.happenToPool(id, opened('0'), leased(0, 2));
    await harness.print(id, 0, 'second\n', { attempt: 2 });
    expect((await harness.call('GET', `/pools/${id}/stdout/0`)).text).toBe('second\n');
  });

  it('takes in what slots print that were opened or closed before it started, and from no other node', async () => {
    const id = await create();
    await harness.happenToPool(id, opened('0-1'), leased(0), leased(1));
    await harness.happenToPool(id, ended(1));
    await harness.restart();
    await harness.print(id, 0, 'open\n');
    await harness.print(id, 1, 'closed\n');
    await harness.print(id, 0, 'made up\n', { node: 'another', offset: 5 });
    expect((await harness.call('GET', `/pools/${id}/stdout`)).text).toBe('0> open\n1> closed\n');
  });

  it('is told as it comes until the pool is over, and goes with it', async () => {
    const id = await create();
    await harness.happenToPool(id, opened('0'), leased(0), ready(0));
    const tail = await followSse(`${harness.test.url}/fornax/v1/pools/${id}/stdout/tail`, {
      authorization: harness.token,
    });
    await harness.print(id, 0, 'ready\n');
    await eventually(() => tail.messages.some(({ data }) => data.includes('ready')));
    await harness.call('POST', `/pools/${id}/close`);
    await harness.happenToPool(id, ended(0), { type: 'PoolClosed', at: Date.now() });
    await eventually(() => tail.messages.some(({ event }) => event === 'end'));
    tail.close();
    expect(await harness.query('SELECT 1 FROM output.log_chunk WHERE task_id = $1', [id])).toHaveLength(1);
    await harness.call('DELETE', `/pools/${id}`);
    expect(await harness.call('GET', `/pools/${id}/stdout`)).toMatchObject({ status: 404 });
    const left = () => harness.query('SELECT 1 FROM output.log_chunk WHERE task_id = $1', [id]);
    await eventually(async () => (await left()).length === 0);
  });
});
