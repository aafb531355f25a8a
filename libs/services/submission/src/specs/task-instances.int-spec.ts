import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aLease, anEnd, aRef, concluded, dispatched, exited, started } from '@fornax/testing';
import { readFrom, startHarness, submitTo, type Harness } from './submission.fixture.js';
import type { InstancesPage } from '@fornax/tasks/specs';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 60_000);
afterAll(async () => harness.close());

const page = async (id: string, query = ''): Promise<InstancesPage> =>
  (await harness.call('GET', `/fornax/v1/tasks/${id}/instances${query}`)).json() as unknown as InstancesPage;
const numbers = ({ data }: InstancesPage): number[] => data.map(({ instanceId }) => instanceId);

describe('the instances of a task', () => {
  let uuid: string;
  beforeAll(async () => {
    uuid = await submitTo(harness, { shortname: 'wide', instanceCount: undefined, advancedRanges: '0-5,10' });
    await harness.happen(uuid, dispatched(...[0, 1, 2, 3, 4].map((instance) => aLease(instance))));
    await harness.happen(uuid, started(aRef(0), aRef(1), aRef(2), aRef(3)), exited(aRef(2)));
    await harness.happen(
      uuid,
      concluded(
        anEnd(0, { exitCode: 0, startedAt: 2_000, endedAt: 3_500 }),
        anEnd(1, { outcome: 'failure', cause: 'user', exitCode: 3 }),
      ),
    );
  });

  it('are told by number, each with what is known of it', async () => {
    const all = await page('wide');
    expect(numbers(all)).toEqual([0, 1, 2, 3, 4, 5, 10]);
    expect(all).toMatchObject({ total: 7, nextAfter: null });
    expect(all.data.map(({ state }) => state)).toEqual([
      'succeeded',
      'failed',
      'uploading',
      'running',
      'dispatched',
      'waiting',
      'waiting',
    ]);
    expect(all.data[0]).toMatchObject({
      attempt: 1,
      node: 'node-1',
      exitCode: 0,
      startedAt: '1970-01-01T00:00:02Z',
      endedAt: '1970-01-01T00:00:03.500Z',
      executionTimeSec: 1.5,
      error: null,
    });
    expect(all.data[1]).toMatchObject({ exitCode: 3, cause: 'user', error: { code: 'FX-EXIT' } });
    expect(all.data[3]).toMatchObject({ attempt: 1, node: 'node-1', startedAt: '1970-01-01T00:00:01Z', endedAt: null });
    expect(all.data[5]).toMatchObject({ attempt: 0, node: null, startedAt: null });
  });

  it('come in pages, of one state or several', async () => {
    const first = await page(uuid, '?limit=3');
    expect([numbers(first), first.nextAfter, first.total]).toEqual([[0, 1, 2], 2, 7]);
    const second = await page(uuid, '?limit=3&after=2');
    expect([numbers(second), second.nextAfter]).toEqual([[3, 4, 5], 5]);
    const third = await page(uuid, '?limit=3&after=5');
    expect([numbers(third), third.nextAfter]).toEqual([[10], null]);
    expect(numbers(await page(uuid, '?state=completed'))).toEqual([0, 1]);
    expect(numbers(await page(uuid, '?state=waiting,Running'))).toEqual([3, 5, 10]);
    expect(await page(uuid, '?state=cancelled')).toEqual({ data: [], total: 0, nextAfter: null });
  });

  it.each(['?state=asleep', '?limit=0', '?limit=1001', '?after=-1', '?limit=many'])('refuse %s', async (query) => {
    expect(await harness.call('GET', `/fornax/v1/tasks/${uuid}/instances${query}`)).toMatchObject({ status: 400 });
  });

  it('are nobody else’s to see', async () => {
    const token = await harness.addAccount();
    expect(await harness.call('GET', `/fornax/v1/tasks/${uuid}/instances`, undefined, { token })).toMatchObject({
      status: 404,
    });
  });
});

describe('a task of 100,000 instances', () => {
  it('is one commit and one row, and is told in pages', async () => {
    const before = (await harness.log.head()).sequence;
    const uuid = await submitTo(harness, { instanceCount: 100_000, tags: ['wide'] });
    expect((await harness.log.head()).sequence - before).toBe(1);
    const [commit] = await harness.log.readAggregate('task', uuid);
    expect(JSON.stringify(commit).length).toBeLessThan(4_000);
    expect(await harness.query('SELECT 1 FROM task WHERE task_id = $1', [uuid])).toHaveLength(1);
    expect(await harness.query('SELECT 1 FROM completed_instance WHERE task_id = $1', [uuid])).toEqual([]);
    const ends = Array.from({ length: 5_000 }, (_, instance) => 2 * instance);
    await harness.happen(uuid, dispatched(...ends.map((instance) => aLease(instance))));
    await harness.happen(uuid, concluded(...ends.map((instance) => anEnd(instance))));
    const last = await page(uuid, '?state=succeeded&after=9996&limit=1000');
    expect([numbers(last), last.total, last.nextAfter]).toEqual([[9_998], 5_000, null]);
    expect(numbers(await page(uuid, '?after=99997'))).toEqual([99_998, 99_999]);
    const { status } = await readFrom(harness, uuid);
    expect(status?.succeededRange.startsWith('0,2,4,6')).toBe(true);
    expect(status?.succeededRange.split(',')).toHaveLength(5_000);
  }, 60_000);
});
