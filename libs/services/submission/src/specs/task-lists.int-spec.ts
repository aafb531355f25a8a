import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { taskSchema, taskSummarySchema, type WireTaskSummary } from '@fornax/contracts';
import { aLease, anEnd, aRef, concluded, dispatched, exited, started } from '@fornax/testing';
import { ProjectionHost } from '@fornax/service-kit';
import { selectedTaskSchema } from '@fornax/tasks/specs';
import { minimal, startHarness, submitTo, type Harness } from './submission.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 60_000);
afterAll(async () => harness.close());

interface Page {
  readonly data: readonly WireTaskSummary[];
  readonly token: string | null;
  readonly nextToken: string | null;
  readonly isTruncated: boolean;
  readonly count: number;
  readonly total: number;
}
const pageAfter = async (request: object, path = '/tasks/summaries/paginate'): Promise<Page> =>
  (await harness.call('POST', path, request)).json() as unknown as Page;

/** All pages; `between` happens after each. */
const walk = async (request: object, between: () => Promise<unknown> = async () => undefined): Promise<string[]> => {
  const seen: string[] = [];
  for (let token: string | null = null; ;) {
    const page: Page = await pageAfter({ ...request, token });
    expect(page.count).toBe(page.data.length);
    expect(page.isTruncated).toBe(page.nextToken !== null);
    seen.push(...page.data.map(({ uuid }) => taskSummarySchema.shape.uuid.parse(uuid)));
    if (page.nextToken === null) return seen;
    token = page.nextToken;
    await between();
  }
};
const tagged = (tag: string) => ({ operator: 'Equal', field: 'Tags', value: tag });

describe('pages', () => {
  const uuids: string[] = [];
  beforeAll(async () => {
    for (let index = 0; index < 7; index += 1)
      uuids.push(await submitTo(harness, { name: ['b', 'a', 'C', 'a', 'é', 'b', 'a'][index], tags: ['paged'] }));
    const [first = '', second = ''] = uuids;
    for (const [uuid, ms] of [
      [first, 3_000],
      [second, 1_000],
    ] as const) {
      const end = anEnd(0, { endedAt: 1_000 + ms });
      await harness.happen(uuid, dispatched(aLease(0)), started(aRef(0)), exited(aRef(0)), concluded(end));
    }
  });

  const keyOf: Readonly<Record<string, (task: WireTaskSummary) => string>> = {
    creationDate: ({ creationDate }) => creationDate,
    NAME: ({ name }) => name,
    executionTime: ({ executionTime }) => executionTime,
    state: ({ state }) => state,
  };
  it.each(Object.keys(keyOf).flatMap((orderBy) => ['ASC', 'desc'].map((orderType) => [orderBy, orderType] as const)))(
    'go by %s %s, each task once, while others come',
    async (orderBy, orderType) => {
      const request = { filter: tagged('paged'), maximumResults: 2, orderBy, orderType };
      const seen = await walk(request, () => submitTo(harness, { name: 'b', tags: ['other'] }));
      expect([...seen].sort()).toEqual([...uuids].sort());
      const { data } = await pageAfter({ ...request, maximumResults: 1_000 });
      expect(data.map(({ uuid }) => uuid)).toEqual(seen);
      const keys = data.map((task) => keyOf[orderBy]?.(task) ?? '');
      const sorted = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(keys).toEqual(orderType === 'ASC' ? sorted : sorted.reverse());
    },
  );

  it('begin with the newest, fifty or as many as are wanted, and never fewer than one', async () => {
    const whole = await pageAfter({ Filter: tagged('paged'), MaximumResults: null, Token: null });
    expect(whole).toMatchObject({ count: 7, total: 7, isTruncated: false, nextToken: null, token: null });
    expect(whole.data.map(({ uuid }) => uuid)).toEqual([...uuids].reverse());
    expect(await pageAfter({ filter: tagged('paged'), maximumResults: 0 })).toMatchObject({ count: 1, total: 7 });
    expect(await pageAfter({ filter: tagged('paged'), maximumResults: 1e9 })).toMatchObject({ count: 7 });
  });

  it('go on after a restart, where they were', async () => {
    const request = { filter: tagged('paged'), maximumResults: 3 };
    const first = await pageAfter(request);
    await harness.restart();
    const second = await pageAfter({ ...request, token: first.nextToken });
    expect([...first.data, ...second.data].map(({ uuid }) => uuid)).toEqual([...uuids].reverse().slice(0, 6));
    expect(second).toMatchObject({ token: first.nextToken, total: 7 });
  }, 60_000);

  it.each([
    ['a token that is none', { token: 'nonsense' }],
    ['a token of another order', { token: Buffer.from('["owner",0,"a","b"]').toString('base64url') }],
    ['a token with a date that is none', { token: Buffer.from('["creationdate",0,"a","b"]').toString('base64url') }],
    ['an order that is none', { orderBy: 'owner' }],
    ['a direction that is none', { orderType: 'sideways' }],
    ['an unknown field', { filter: { operator: 'Equal', field: 'Owner', value: 'a' } }],
  ])('refuse %s', async (_, request) => {
    for (const path of ['/tasks/paginate', '/tasks/summaries/paginate'])
      expect(await harness.call('POST', path, request)).toMatchObject({ status: 400 });
  });

  it('tell how many tasks there are, as they come and go', async () => {
    const token = await harness.addAccount();
    const total = async () =>
      Number((await harness.call('POST', '/tasks/summaries/paginate', {}, { token })).json()['total']);
    const counted = () =>
      harness.query('SELECT owner, tasks FROM task_count EXCEPT SELECT owner, count(*) FROM task GROUP BY owner');
    expect(await total()).toBe(0);
    const answers = await harness.call('POST', '/tasks', [minimal, minimal, minimal], { token });
    expect(await total()).toBe(3);
    const [first] = answers.json() as unknown as { uuid: string }[];
    await harness.call('PUT', `/tasks/${first?.uuid}`, { tags: ['x'] }, { token });
    expect(await total()).toBe(3);
    await harness.call('DELETE', `/tasks/${first?.uuid}`, undefined, { token });
    expect(await total()).toBe(2);
    expect(await counted()).toEqual([]);
    const rebuilt = await harness.test.app.get(ProjectionHost).runner('status').rebuild({ verify: true });
    expect(rebuilt.differences.filter(({ onlyLive, onlyRebuilt }) => onlyLive + onlyRebuilt > 0)).toEqual([]);
  });

  it('show a task in short exactly as a whole', async () => {
    const [short] = (await pageAfter({ filter: tagged('paged'), orderBy: 'executionTime', orderType: 'DESC' })).data;
    const whole = taskSchema.parse((await harness.call('GET', `/tasks/${short?.uuid}`)).json());
    const { wallTime: _, ...stable } = taskSummarySchema.parse(short);
    expect(whole).toMatchObject(stable);
  });
});

describe('tags', () => {
  it('are found by any of them, however they are written, and by all of them', async () => {
    const both = await submitTo(harness, { tags: ['red', 'big', 'a,b'] });
    const red = await submitTo(harness, { tags: ['red'] });
    const big = await submitTo(harness, { tags: ['big'] });
    const listed = async (path: string) =>
      ((await harness.call('GET', path)).json() as unknown as WireTaskSummary[]).map(({ uuid }) => uuid).sort();
    const all = [both, red, big].sort();
    for (const query of ['tag=red&tag=big', 'tag=red,big', 'Tag=,red,,big'])
      for (const path of ['/tasks', '/tasks/summaries']) expect(await listed(`${path}?${query}`)).toEqual(all);
    expect(await walk({ filter: { operator: 'And', filters: [tagged('red'), tagged('big')] } })).toEqual([both]);
    await harness.call('PUT', `/tasks/${both}`, { tags: ['big', 'blue'] });
    expect(await walk({ filter: tagged('red') })).toEqual([red]);
    expect(await walk({ filter: tagged('blue') })).toEqual([both]);
    await harness.call('DELETE', `/tasks/${both}`);
    expect(await walk({ filter: tagged('blue') })).toEqual([]);
    expect(await harness.query(`SELECT 1 FROM task_tag WHERE task_id = $1`, [both])).toEqual([]);
  });
});

describe('a search', () => {
  it.each([
    ['a list', ['Name', 'tags']],
    ['an object', { fields: ['NAME', 'Tags', 'Status.DownloadProgress', 'nonsense'] }],
  ])('gives the fields selected by %s, and those that no client can miss', async (_, select) => {
    const uuid = await submitTo(harness, { name: 'chosen', tags: ['selected'] });
    const answer = await harness.call('POST', '/tasks/search', {
      Select: select,
      Filter: { operator: 'Equal', field: 'uuid', value: uuid },
    });
    const [task] = answer.json() as unknown as unknown[];
    const read = selectedTaskSchema.parse(task);
    expect(read).toMatchObject({ uuid, name: 'chosen', tags: ['selected'], errors: [], completedInstances: [] });
    expect('profile' in read).toBe(false);
    expect('shortname' in read).toBe(false);
  });

  it('gives whole tasks when nothing is selected, at most as many as are wanted', async () => {
    const answer = await harness.call('POST', '/tasks/search', { select: null, filter: null, maximumResults: 2 });
    const tasks = answer.json() as unknown as unknown[];
    expect(tasks.map((task) => taskSchema.parse(task))).toHaveLength(2);
  });
});
