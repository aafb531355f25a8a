import { beforeAll, describe, expect, it } from '@jest/globals';
import { readPage, readSummary, readTask } from '../clients/strict-reader.js';
import { cliStyle, csharpStyle, everyStyle, nodeStyle, styles, type StyledClient } from '../clients/styles.js';
import { aTask, submit, unique, untilOver } from '../clients/tasks.js';

/** Five tasks of this file alone: `a0` to `a4`, under two tags each. */
const group = unique('group');
const even = unique('even');
const odd = unique('odd');
const ids: string[] = [];
const nameOf = (n: number): string => `${group}-a${n}`;

beforeAll(async () => {
  for (let n = 0; n < 5; n += 1) {
    const tags = [group, n % 2 === 0 ? even : odd];
    ids.push(await submit(csharpStyle, aTask({ name: nameOf(n), instanceCount: n + 1, tags })));
  }
  await Promise.all(ids.map((id) => untilOver(csharpStyle, id)));
});

type Named = { readonly name: string; readonly uuid: string };
const names = (items: unknown): string[] => (items as Named[]).map(({ name }) => name).sort();
const all = [0, 1, 2, 3, 4].map(nameOf);

const search = async (client: StyledClient, filter: object, more: object = {}): Promise<string[]> => {
  const answer = await client.send('POST', '/tasks/search', { body: { filter, ...more } });
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.text}`);
  return names(answer.json());
};

/** What a filter finds among this file's tasks, asked in the way that this client asks: search, or pages. */
const find = async (client: StyledClient, filter: object): Promise<string[]> => {
  const mine = client.node('And', [client.leaf('Tags', 'Equal', group), filter]);
  if (client.style === 'csharp') return search(client, mine);
  const body = client.page({ filter: mine, maximumResults: 50 });
  const answer = await client.send('POST', '/tasks/paginate', { body });
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.text}`);
  return names(readPage(answer.json(), 'page').data);
};

/** All pages of two, following tokens as this client does. */
const pages = async (client: StyledClient, path: string, filter: object): Promise<unknown[][]> => {
  const found: unknown[][] = [];
  let token: string | null = null;
  for (;;) {
    const body = client.page({ token, filter, maximumResults: 2 });
    const page = readPage((await client.send('POST', path, { body })).json(), 'page');
    expect(page.count).toBe(page.data.length);
    expect(page.isTruncated).toBe(page.nextToken !== null);
    found.push([...page.data]);
    if (!page.isTruncated) return found;
    token = page.nextToken;
  }
};

describe.each(everyStyle)('pages and filters, by $style', (client) => {
  it(`[row 20 ${client.style}] pages through whole tasks without a gap or a double`, async () => {
    const found = await pages(client, '/tasks/paginate', client.leaf('Tags', 'Equal', group));
    expect(found.map((page) => page.length)).toEqual([2, 2, 1]);
    expect(names(found.flat())).toEqual(all);
    found.flat().forEach((task, at) => readTask(task, `data[${at}]`));
    const body = client.page({ maximumResults: 1 });
    expect((await client.send('POST', '/tasks/paginate', { body })).json()).toMatchObject({
      count: 1,
      isTruncated: true,
    });
  });

  it(`[row 23 ${client.style}] understands every operator`, async () => {
    const { leaf, node } = client;
    const cases: readonly (readonly [object, readonly number[]])[] = [
      [leaf('Name', 'Equal', nameOf(1)), [1]],
      [leaf('Name', 'NotEqual', nameOf(1)), [0, 2, 3, 4]],
      [leaf('Name', 'In', [nameOf(1), nameOf(3), 'none']), [1, 3]],
      [leaf('Name', 'NotIn', [nameOf(1), nameOf(3)]), [0, 2, 4]],
      [leaf('InstanceCount', 'LessThan', 3), [0, 1]],
      [leaf('InstanceCount', 'LessThanOrEqual', 3), [0, 1, 2]],
      [leaf('InstanceCount', 'GreaterThan', 3), [3, 4]],
      [leaf('InstanceCount', 'GreaterThanOrEqual', 3), [2, 3, 4]],
      [leaf('Name', 'Like', '-a[12]$'), [1, 2]],
      [leaf('State', 'Equal', 'Success'), [0, 1, 2, 3, 4]],
      [leaf('Uuid', 'Equal', ids[2]), [2]],
      [leaf('Shortname', 'In', [ids[0], ids[4]]), [0, 4]],
      [leaf('Profile', 'NotEqual', 'docker-batch'), []],
      [leaf('PoolUuid', 'Equal', null), [0, 1, 2, 3, 4]],
      [leaf('ResultsCount', 'Equal', 0), [0, 1, 2, 3, 4]],
      [leaf('CreationDate', 'GreaterThan', '2020-01-01T00:00:00Z'), [0, 1, 2, 3, 4]],
      [node('Or', [leaf('Name', 'Equal', nameOf(0)), leaf('Name', 'Equal', nameOf(4))]), [0, 4]],
      [node('And', [node('Or', [leaf('Tags', 'Equal', even)]), leaf('InstanceCount', 'GreaterThan', 1)]), [2, 4]],
    ];
    for (const [filter, expected] of cases) {
      const found = await find(client, filter);
      expect([filter, found]).toEqual([filter, expected.map(nameOf)]);
    }
  });

  it(`[row 23 ${client.style}] names the field that it does not know, and refuses what is no filter`, async () => {
    const { leaf, node } = client;
    const unknown = await client.send('POST', '/tasks/search', { body: { filter: leaf('NoSuchField', 'Equal', 1) } });
    expect(unknown.status).toBe(400);
    expect(unknown.text).toContain('NoSuchField');
    for (const filter of [leaf('Name', 'Resembles', 'x'), node('And', [leaf('InstanceCount', 'LessThan', 'many')])]) {
      expect((await client.send('POST', '/tasks/search', { body: { filter } })).status).toBe(400);
    }
  });
});

describe.each(styles('node', 'csharp'))('summaries, by $style', (client) => {
  it(`[row 19 ${client.style}] lists summaries by tags, joined with commas or repeated`, async () => {
    const query = client.style === 'csharp' ? `tag=${even},${odd}` : `tag=${even}&tag=${odd}`;
    const list = (await client.send('GET', `/tasks/summaries?${query}`)).json() as unknown[];
    expect(names(list)).toEqual(all);
    list.forEach((item, at) => readSummary(item, `[${at}]`));
    expect(names((await client.send('GET', `/tasks/summaries?tag=${odd}`)).json())).toEqual([nameOf(1), nameOf(3)]);
  });

  it(`[row 21 ${client.style}] pages through summaries`, async () => {
    const found = await pages(client, '/tasks/summaries/paginate', client.leaf('Tags', 'Equal', group));
    expect(names(found.flat())).toEqual(all);
    found.flat().forEach((item, at) => readSummary(item, `data[${at}]`));
  });
});

describe('what the Node client lists', () => {
  it('[row 18 node] lists whole tasks, by tags', async () => {
    const list = (await nodeStyle.send('GET', `/tasks?tag=${odd}`)).json() as unknown[];
    expect(names(list)).toEqual([nameOf(1), nameOf(3)]);
    list.forEach((item, at) => readTask(item, `[${at}]`));
    expect(names((await nodeStyle.send('GET', '/tasks')).json())).toEqual(expect.arrayContaining(all));
    expect((await nodeStyle.send('GET', '/tasks?tag=no-such-tag')).json()).toEqual([]);
  });

  it('[row 20 node] orders pages by name, both ways', async () => {
    const ordered = async (orderBy: string, orderType: 'ASC' | 'DESC') => {
      const filter = nodeStyle.leaf('Tags', 'Equal', group);
      const body = nodeStyle.page({ filter, orderBy, orderType, maximumResults: 20 });
      const { data } = readPage((await nodeStyle.send('POST', '/tasks/paginate', { body })).json(), 'page');
      return (data as Named[]).map(({ name }) => name);
    };
    expect(await ordered('Name', 'ASC')).toEqual(all);
    expect(await ordered('name', 'DESC')).toEqual([...all].reverse());
    expect(await ordered('creationDate', 'ASC')).toEqual(all);
  });
});

describe('what the C# client searches', () => {
  it('[row 22 csharp] gives the selected fields, and what it cannot take null for', async () => {
    const filter = csharpStyle.leaf('Tags', 'Equal', group);
    for (const select of [{ Fields: ['Uuid', 'Name'] }, ['Uuid', 'Name'], null]) {
      const answer = await csharpStyle.send('POST', '/tasks/search', { body: { Select: select, Filter: filter } });
      const found = answer.json() as Named[];
      expect([select, names(found)]).toEqual([select, all]);
      expect(found.map(({ uuid }) => uuid).sort()).toEqual([...ids].sort());
    }
    const limited = await csharpStyle.send('POST', '/tasks/search', { body: { Filter: filter, MaximumResults: 2 } });
    expect(limited.json()).toHaveLength(2);
  });
});

describe.each(styles('csharp', 'cli'))('tags and dates in filters, by $style', (client) => {
  it(`[row 24 ${client.style}] takes Equal on tags as contains, Or as any of, And as all of`, async () => {
    const { leaf, node } = client;
    expect(await find(client, leaf('Tags', 'Equal', odd))).toEqual([nameOf(1), nameOf(3)]);
    expect(await find(client, leaf('Tags', 'NotEqual', odd))).toEqual([0, 2, 4].map(nameOf));
    const both = [leaf('Tags', 'Equal', odd), leaf('Tags', 'Equal', even)];
    expect(await find(client, node('Or', both))).toEqual(all);
    expect(await find(client, node('And', both))).toEqual([]);
    expect(await find(client, node('And', [leaf('Tags', 'Equal', group), leaf('Tags', 'Equal', even)]))).toHaveLength(
      3,
    );
  });

  it(`[row 26 ${client.style}] takes a date without an offset for UTC`, async () => {
    const shifted = (ms: number): string => new Date(Date.now() + ms).toISOString().replace('Z', '');
    const { leaf, node } = client;
    const within = (from: number, to: number): object =>
      node('And', [leaf('CreationDate', 'GreaterThan', shifted(from)), leaf('CreationDate', 'LessThan', shifted(to))]);
    expect(await find(client, within(-600_000, 60_000))).toEqual(all);
    expect(await find(client, within(-7_200_000, -600_000))).toEqual([]);
    expect(await find(client, within(600_000, 7_200_000))).toEqual([]);
    expect(await find(client, leaf('CreationDate', 'LessThan', '2999-12-31T23:59:59.9999999'))).toEqual(all);
  });
});

describe('what the command line asks', () => {
  it('[row 25 cli] takes the pattern between slashes for a beginning of the name', async () => {
    const prefix = (text: string): object => cliStyle.leaf('Name', 'Like', `/^${text}/`);
    expect(await find(cliStyle, prefix(`${group}-a`))).toEqual(all);
    expect(await find(cliStyle, prefix(nameOf(3)))).toEqual([nameOf(3)]);
    expect(await find(cliStyle, prefix('a3'))).toEqual([]);
  });
});

describe.each(everyStyle)('a kept token, by $style', (client) => {
  it(`[row 27 ${client.style}] stays good while tasks are added, on another connection`, async () => {
    const tag = unique('kept');
    for (const n of [0, 1, 2, 3, 4]) await submit(client, aTask({ name: `${n}`, tags: [tag] }));
    const filter = client.leaf('Tags', 'Equal', tag);
    const first = await client.send('POST', '/tasks/paginate', { body: client.page({ filter, maximumResults: 3 }) });
    const { data, nextToken } = readPage(first.json(), 'page');
    // Newer tasks stand before the place that the token names.
    await submit(client, aTask({ name: 'new', tags: [tag] }));
    const kept = JSON.parse(JSON.stringify({ nextToken })) as { nextToken: string };
    const rest = await client.send('POST', '/tasks/paginate', {
      body: client.page({ token: kept.nextToken, filter, maximumResults: 3 }),
      headers: { connection: 'close' },
    });
    const page = readPage(rest.json(), 'page');
    expect(names([...data, ...page.data])).toEqual(['0', '1', '2', '3', '4']);
    expect(page.isTruncated).toBe(false);
  });
});
