import { RPC } from '@fornax/contracts';
import { NATS } from '@fornax/service-kit';
import type { Nats } from '@fornax/event-store';
import { aLease, aRef, anEnd, concluded, dispatched, started } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startObjectStorage, type ObjectStorage } from '@fornax/service-kit/storage-specs';
import { startHarness, type Harness } from './submission.fixture.js';

const MASTER_KEY = Buffer.alloc(32, 5);

let storage: ObjectStorage;
let harness: Harness;
beforeAll(async () => {
  storage = await startObjectStorage(MASTER_KEY);
  harness = await startHarness({
    FORNAX_MASTER_KEY: MASTER_KEY.toString('base64'),
    FORNAX_STORAGE_URL: storage.url,
  });
}, 180_000);
afterAll(async () => {
  await harness.close();
  await storage.close();
});

const body = (each: string, more: object = {}) => ({
  name: 'each',
  profile: 'docker-batch',
  constants: [{ key: 'DOCKER_CMD', value: 'echo ${PART}' }],
  fornax: { each },
  ...more,
});
const submit = (each: string, more: object = {}) => harness.call('POST', '/tasks', body(each, more));
const idOf = (answer: { readonly json: () => Record<string, never> }): string => String(answer.json()['uuid']);
const rowsOf = async (id: string, query = ''): Promise<readonly unknown[]> => {
  const page: Readonly<Record<string, unknown>> = (
    await harness.call('GET', `/fornax/v1/tasks/${id}/instances${query}`)
  ).json();
  return (page['data'] as readonly { readonly row: unknown }[]).map(({ row }) => row);
};
/** As the scheduler asks. */
const rowFor = async (taskId: string, instance: number): Promise<unknown> => {
  const [submitted] = (await harness.log.readAggregate('task', taskId)).flatMap(({ events }) => events);
  const digest = submitted?.type === 'TaskSubmitted' ? submitted.spec.table?.digest : undefined;
  const request = JSON.stringify({ taskId, digest, instance });
  return (await harness.test.app.get<Nats>(NATS).request(RPC.taskRow, request)).json();
};

const THREE = 'PART,SIZE\na,1\n"b, c",2\nd,3\n';

describe('a task with a table of parameters', () => {
  it('has an instance for each row, and each its row', async () => {
    const answer = await submit(THREE);
    expect(answer.status).toBe(200);
    const id = idOf(answer);
    const task = (await harness.call('GET', `/tasks/${id}`)).json();
    expect(task).toMatchObject({ instanceCount: 3, fornax: { table: { columns: ['PART', 'SIZE'], rows: 3 } } });
    expect(await rowsOf(id)).toEqual([
      { PART: 'a', SIZE: '1' },
      { PART: 'b, c', SIZE: '2' },
      { PART: 'd', SIZE: '3' },
    ]);
    expect(await rowFor(id, 2)).toEqual({ ok: { row: { PART: 'd', SIZE: '3' } } });
    expect(await rowFor(id, 3)).toEqual({ ok: { row: null } });
  });

  it('has some of them by their numbers', async () => {
    const id = idOf(await submit(THREE, { advancedRanges: '0,2' }));
    expect(await rowsOf(id)).toEqual([
      { PART: 'a', SIZE: '1' },
      { PART: 'd', SIZE: '3' },
    ]);
  });

  it('has ten thousand in an event of a few hundred bytes', async () => {
    const rows = Array.from({ length: 10_000 }, (_, at) => `part-${at},some text that tells what part ${at} is\n`);
    const id = idOf(await submit(`PART,TEXT\n${rows.join('')}`));
    const [first] = await harness.log.readAggregate('task', id);
    expect(JSON.stringify(first?.events).length).toBeLessThan(5_000);
    expect(await rowsOf(id, '?after=9998')).toEqual([
      { PART: 'part-9999', TEXT: 'some text that tells what part 9999 is' },
    ]);
  });

  it.each([
    [
      'a count of instances that contradicts it',
      THREE,
      { instanceCount: 2 },
      'instanceCount: The table has 3 rows, one for each instance: leave the number of instances out.',
    ],
    [
      'an instance that it has no row for',
      THREE,
      { advancedRanges: '1-3' },
      'advancedRanges: The table has 3 rows, so there is none for instance 3.',
    ],
    [
      'rows of other lengths',
      'A,B\n1,2\n3\n',
      {},
      'fornax.each: Line 3: the row has 1 field, and the table 2 columns.',
    ],
    [
      'a column that is a constant too',
      'A,DOCKER_CMD\n1,2\n',
      {},
      'fornax.each: Line 1: the column DOCKER_CMD is a constant of the task as well.',
    ],
    [
      'a value that the profile does not take',
      'MAX_EXECUTION_SECONDS\n1\n\nsoon\n',
      {},
      'fornax.each: Line 4: The constant MAX_EXECUTION_SECONDS must be a whole number.',
    ],
  ])('is refused with %s', async (_what, each, more, message) => {
    const answer = await submit(each, more);
    expect([answer.status, answer.json()['message']]).toEqual([400, message]);
  });

  it('is not submitted while its table cannot be stored', async () => {
    storage.setThere(false);
    try {
      const answer = await submit(THREE, { shortname: 'not-stored' });
      expect(answer.status).toBe(503);
      expect(answer.json()['message']).toContain('Tables of parameters cannot be reached');
    } finally {
      storage.setThere(true);
    }
    expect((await harness.call('GET', '/tasks/not-stored')).status).toBe(404);
    expect((await submit(THREE, { shortname: 'not-stored' })).status).toBe(200);
  });

  it('is copied with its rows, which stay with the numbers of the instances', async () => {
    const origin = idOf(await submit(THREE));
    const leases = [0, 1, 2].map((instance) => aLease(instance));
    const refs = [0, 1, 2].map((instance) => aRef(instance));
    await harness.happen(
      origin,
      dispatched(...leases),
      started(...refs),
      concluded(anEnd(0), anEnd(1, { outcome: 'failure', cause: 'user' }), anEnd(2)),
    );
    const retried = idOf(await harness.call('POST', `/tasks/${origin}/retry`, {}));
    expect(await rowsOf(retried)).toEqual([{ PART: 'b, c', SIZE: '2' }]);
    const cloned = idOf(await harness.call('POST', `/tasks/${origin}/clone`, {}));
    expect(await rowsOf(cloned)).toHaveLength(3);
    const other = idOf(await harness.call('POST', `/tasks/${origin}/clone`, { fornax: { each: 'PART\nz\n' } }));
    expect(await rowsOf(other)).toEqual([{ PART: 'z' }]);
    const refused = await harness.call('POST', `/tasks/${origin}/clone`, { instanceCount: 7 });
    expect([refused.status, refused.json()['message']]).toEqual([400, expect.stringContaining('has 3 rows')]);
    // Its own object each: the copies are there when the origin is gone.
    expect([...storage.objects.keys()].filter((key) => key.startsWith(`${cloned}/`))).toHaveLength(1);
  });

  it('keeps its columns from being constants later', async () => {
    const id = idOf(await submit(THREE));
    const changed = await harness.call('PUT', `/tasks/${id}`, { constants: [{ key: 'SIZE', value: '9' }] });
    expect([changed.status, changed.json()['message']]).toEqual([400, expect.stringContaining('SIZE is a column')]);
  });
});
