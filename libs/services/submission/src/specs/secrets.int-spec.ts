import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@fornax/testing';
import { secretsIn } from './secrets.fixture.js';
import { minimal, readFrom, startHarness, submitTo, type Answer, type Harness } from './submission.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());

const { call, made, read, rows } = secretsIn(() => harness);
const create = (key: string, value: unknown): Promise<Answer> => call('PUT', key, value);
const search = async (prefix: string, token?: string) => {
  const answer = await harness.call('GET', `/secrets-manager/search/${prefix}`, undefined, token ? { token } : {});
  return answer.status === 200 ? answer.json()['keys'] : answer.status;
};

describe('the secrets manager', () => {
  it('creates, reads, changes and deletes, with 404 and 409', async () => {
    const missing = { status: 404 };
    for (const [method, value] of [['GET'], ['PATCH', 'x'], ['DELETE']] as const)
      expect(await call(method, 'life/a', value)).toMatchObject(missing);
    expect(await create('life/a', 'one')).toMatchObject({ status: 200, text: '' });
    expect(await create('life/a', 'two')).toMatchObject({ status: 409 });
    expect(await read('life/a')).toEqual({ value: 'one' });
    expect(await call('PATCH', 'life/a', 'two')).toMatchObject({ status: 200, text: '' });
    expect(await read('life/a')).toEqual({ value: 'two' });
    expect(await call('DELETE', 'life/a')).toMatchObject({ status: 200, text: '' });
    expect(await call('GET', 'life/a')).toMatchObject(missing);
    expect(await call('DELETE', 'life/a')).toMatchObject(missing);
    expect(await create('life/a', 'three')).toMatchObject({ status: 200 });
    expect(await read('life/a')).toEqual({ value: 'three' });
  });

  it('shows values to nobody else, and lets nobody keep them', async () => {
    await made('mine/a', 'x');
    const other = await harness.addAccount();
    expect(await call('GET', 'mine/a', undefined, other)).toMatchObject({ status: 404 });
    expect(await call('PUT', 'mine/a', 'y', other)).toMatchObject({ status: 200 });
    expect(await call('DELETE', 'mine/a', undefined, other)).toMatchObject({ status: 200 });
    const shown = await call('GET', 'mine/a');
    expect(shown.json()).toEqual({ value: 'x' });
    expect(shown.headers.get('cache-control')).toBe('no-store');
    expect(await search('mine', other)).toBe(404);
    // Not even to an operator who reads as another account.
    const readAs = await harness.call('GET', '/secrets-manager/data/mine/a', undefined, {
      headers: { QarnotReadOnlyRequestForAccount: harness.email },
    });
    expect(readAs).toMatchObject({ status: 403 });
  });

  it('is reached under every spelling that clients use of its paths', async () => {
    await made('Way/To It', 'x');
    const paths = ['/v1/secrets-manager/data/Way/To%20It', '//Secrets-Manager/DATA/Way%2FTo%20It'];
    for (const path of paths) expect((await harness.call('GET', path)).json()).toEqual({ value: 'x' });
    const body = (name: string) => ({ [name]: 'y' });
    for (const name of ['value', 'Value', 'VALUE'])
      expect(await harness.call('PATCH', '/secrets-manager/data/Way/To%20It', body(name))).toMatchObject({
        status: 200,
      });
    // As of a key that JSON has twice: what comes last, and null is nothing.
    const both = '{"value":"first","Value":"last","VALUE":null}';
    expect(await harness.call('PATCH', '/secrets-manager/data/Way/To%20It', both)).toMatchObject({ status: 200 });
    expect(await read('Way/To It')).toEqual({ value: 'last' });
  });

  it('lists one level, with names relative to the prefix and a slash behind folders', async () => {
    const token = await harness.addAccount();
    expect(await search('', token)).toEqual([]);
    for (const key of ['b', 'a', 'f/x', 'f/g/y', 'ff'])
      expect(await call('PUT', key, 'v', token)).toMatchObject({ status: 200 });
    expect(await search('', token)).toEqual(['a', 'b', 'f/', 'ff']);
    expect(await search('f', token)).toEqual(['g/', 'x']);
    expect(await search('/f/', token)).toEqual(['g/', 'x']);
    expect(await search('f/g', token)).toEqual(['y']);
    expect(await search('nothing', token)).toBe(404);
    expect(await harness.call('GET', '/secrets-manager/search', undefined, { token })).toMatchObject({ status: 200 });
    await call('DELETE', 'f/g/y', undefined, token);
    expect(await search('f', token)).toEqual(['x']);
  });

  it.each([
    ['empty', ''],
    ['with NUL', 'a\0b'],
    ['with line breaks', 'a\r\nb\n'],
    [
      'of every plane',
      Array.from({ length: 17 }, (_, plane) => String.fromCodePoint(plane * 0x1_00_00 + 0xff_f0)).join(''),
    ],
    ['of 64 KiB that JSON writes long', '\u0001'.repeat(65_536)],
    ['like a mask', '[SECRET]'],
  ])('keeps a value %s', async (name, value) => {
    await made(`values/${name}`, value);
    expect(await read(`values/${name}`)).toEqual({ value });
  });

  it('keeps a value under a key of 1,024 characters of four bytes', async () => {
    const key = Array.from({ length: 8 }, () => '🔑'.repeat(63)).join('/');
    await made(`${key}/${'k'.repeat(1_024 - key.length - 1)}`, 'deep');
    expect(await read(`${key}/${'k'.repeat(1_024 - key.length - 1)}`)).toEqual({ value: 'deep' });
  });

  it.each([
    ['a//b', 'key'],
    ['a/', 'key'],
    ['a%2F..%2Fb', 'key'],
    ['..%2Fa', 'key'],
    ['a%00b', 'key'],
    // Of a client that does not encode its keys: `a` was meant by nobody.
    ['a?b', 'key'],
    ['k'.repeat(256), 'key'],
    [`${'k/'.repeat(512)}kk`, 'key'],
  ])('refuses the key %s', async (path, field) => {
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      const body = method === 'GET' || method === 'DELETE' ? undefined : { Value: 'x' };
      const answer = await harness.call(method, `/secrets-manager/data/${path}`, body);
      expect([answer.status, Object.keys(answer.json()['errors'] ?? {})]).toEqual([400, [field]]);
    }
  });

  it.each([[{}], [{ Value: null }], [{ Value: 7 }], [{ Value: 'x'.repeat(65_537) }], ['{"Value":"\\ud800"}'], [[]]])(
    'refuses a body (%#) and shows nothing of it',
    async (body) => {
      const answer = await harness.call('PUT', '/secrets-manager/data/refused', body);
      expect(answer.status).toBe(400);
      expect(answer.text).not.toContain('xxxx');
      expect(await call('GET', 'refused')).toMatchObject({ status: 404 });
    },
  );

  it('settles by the log who creates a key first', async () => {
    const statuses = (await Promise.all(Array.from({ length: 8 }, (_, one) => create('race', `v${one}`)))).map(
      ({ status }) => status,
    );
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 409)).toHaveLength(7);
    // Of those that lost, no data key is left.
    const [{ keys, secrets } = { keys: 0, secrets: -1 }] = (await rows(
      'SELECT (SELECT count(*)::int FROM data_key) AS keys, (SELECT count(*)::int FROM secret WHERE key_id IS NOT NULL) AS secrets',
    )) as { keys: number; secrets: number }[];
    expect(keys).toBe(secrets);
  });
});

describe('requests for one key at a time', () => {
  const statusesOf = async (calls: readonly Promise<Answer>[]) =>
    (await Promise.all(calls)).map(({ status }) => status);

  it('delete it once: whoever comes later finds nothing', async () => {
    await made('race/deleted', 'x');
    const statuses = await statusesOf(Array.from({ length: 6 }, () => call('DELETE', 'race/deleted')));
    expect(statuses.sort()).toEqual([200, 404, 404, 404, 404, 404]);
    expect(await create('race/deleted', 'y')).toMatchObject({ status: 200 });
  });

  it('change, create and delete it in some order, and say how that went', async () => {
    await made('race/mixed', 'x');
    const [, created, deleted] = await Promise.all(
      [
        ['PATCH', 404],
        ['PUT', 409],
        ['DELETE', 404],
      ].map(async ([method, refusal]) => {
        const value = method === 'DELETE' ? undefined : `of ${method}`;
        const statuses = await statusesOf(Array.from({ length: 4 }, () => call(String(method), 'race/mixed', value)));
        expect(statuses.filter((status) => status !== 200 && status !== refusal)).toEqual([]);
        return statuses.filter((status) => status === 200).length;
      }),
    );
    // It was there at first, and each time that it is created again it was deleted before.
    const times = 1 + (created ?? 0) - (deleted ?? 0);
    expect([0, 1]).toContain(times);
    const answer = await call('GET', 'race/mixed');
    expect(answer.status).toBe(times === 1 ? 200 : 404);
    if (times === 1 && created !== 0) expect(answer.json()).toEqual({ value: expect.stringMatching(/^of P/) });
  });
});

describe('rights to secrets', () => {
  it.each([
    [{ bySecret: [{ key: 'a' }, { key: 'a//b' }] }, 'secretsAccessRights.bySecret[1].key'],
    [{ bySecret: [{ key: '' }] }, 'secretsAccessRights.bySecret[0].key'],
    [{ bySecret: [{ key: '../a' }] }, 'secretsAccessRights.bySecret[0].key'],
    [{ byPrefix: [{ prefix: '/' }] }, 'secretsAccessRights.byPrefix[0].prefix'],
    [{ byPrefix: [{ prefix: 'ok/' }, { prefix: 'a/../' }] }, 'secretsAccessRights.byPrefix[1].prefix'],
  ])('that are malformed are refused with their field: %j', async (secretsAccessRights, field) => {
    for (const path of ['/tasks', '/pools']) {
      const refused = await harness.call('POST', path, { ...minimal, instanceCount: 1, secretsAccessRights });
      expect([refused.status, Object.keys(refused.json()['errors'] ?? {})]).toEqual([400, [field]]);
    }
  });

  it('come back as they were given, and a task in a pool has those of its pool', async () => {
    const secretsAccessRights = { bySecret: [{ key: 'a/b' }], byPrefix: [{ prefix: 'c/' }] };
    const alone = await submitTo(harness, { secretsAccessRights });
    expect(await readFrom(harness, alone)).toMatchObject({ secretsAccessRights });
    const pool = { name: 'p', profile: 'docker-batch', instanceCount: 1, secretsAccessRights };
    const poolUuid = String((await harness.call('POST', '/pools', pool)).json()['uuid']);
    const inPool = await submitTo(harness, { profile: '', poolUuid });
    for (const task of [alone, inPool]) {
      const [commit] = await harness.log.readAggregate('task', task);
      expect(commit?.events).toMatchObject([{ spec: { secretRights: { keys: ['a/b'], prefixes: ['c/'] } } }]);
    }
    const own = { ...minimal, profile: '', poolUuid, secretsAccessRights };
    expect(await harness.call('POST', '/tasks', own)).toMatchObject({ status: 400 });
  });
});

describe('versions of a secret', () => {
  const version = async (key: string, number?: number) =>
    (await harness.call('GET', `/fornax/v1/secrets/data/${key}${number ? `?version=${number}` : ''}`)).json();
  const restore = (key: string, number: number) =>
    harness.call('POST', `/fornax/v1/secrets/restore/${key}`, { version: number });

  it('are kept, can be read, and come back as new ones', async () => {
    await made('versions/a', 'one');
    await call('PATCH', 'versions/a', 'two');
    expect(await version('versions/a')).toEqual({ key: 'versions/a', version: 2, value: 'two' });
    expect(await version('versions/a', 1)).toEqual({ key: 'versions/a', version: 1, value: 'one' });
    expect(await restore('versions/a', 1)).toMatchObject({ status: 200 });
    expect(await read('versions/a')).toEqual({ value: 'one' });
    expect((await harness.call('GET', '/fornax/v1/secrets/versions/versions/a')).json()).toEqual({
      key: 'versions/a',
      versions: [
        { version: 3, createdAt: expect.any(String), restoredFrom: 1 },
        { version: 2, createdAt: expect.any(String), restoredFrom: null },
        { version: 1, createdAt: expect.any(String), restoredFrom: null },
      ],
    });
    expect(await restore('versions/a', 9)).toMatchObject({ status: 404 });
    expect(await restore('versions/none', 1)).toMatchObject({ status: 404 });
  });

  it('of a deleted secret are gone for the one that is created after it', async () => {
    await made('versions/b', 'one');
    await call('DELETE', 'versions/b');
    await made('versions/b', 'two');
    expect(await version('versions/b')).toMatchObject({ version: 2, value: 'two' });
    expect(await harness.call('GET', '/fornax/v1/secrets/data/versions/b?version=1')).toMatchObject({ status: 404 });
  });

  it('beyond the hundredth newest cannot be read any more', async () => {
    await made('versions/c', 'v1');
    for (let one = 2; one <= 101; one += 1) await call('PATCH', 'versions/c', `v${one}`);
    expect(await version('versions/c', 2)).toMatchObject({ value: 'v2' });
    expect(await harness.call('GET', '/fornax/v1/secrets/data/versions/c?version=1')).toMatchObject({ status: 404 });
  });
});

describe('the value of a secret', () => {
  const value = 'Zwiebelkuchen-Rezept-0815';
  const forms = [
    value,
    Buffer.from(value).toString('base64'),
    Buffer.from(value).toString('hex'),
    encodeURIComponent(value),
  ];
  const secretId = async (key: string): Promise<string> => {
    const [row] = (await rows('SELECT secret_id FROM secret WHERE key = $1', key)) as { secret_id: string }[];
    return row?.secret_id ?? '';
  };
  const tables = async (): Promise<string> => {
    const names = (await rows(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()`,
    )) as { name: string }[];
    const all = await Promise.all(names.map(({ name }) => rows(`SELECT * FROM "${name}"`)));
    return JSON.stringify(all);
  };

  it('stands neither in the log nor in a table; who was shown it does', async () => {
    await made('log/a', value);
    await call('PATCH', 'log/a', `${value}!`);
    await read('log/a');
    const commits = await harness.log.readAggregate('secret', await secretId('log/a'));
    expect(commits.flatMap(({ events }) => events.map(({ type }) => type))).toEqual([
      'SecretCreated',
      'SecretChanged',
      'SecretRead',
    ]);
    expect(commits.at(-1)).toMatchObject({
      events: [{ version: 2 }],
      meta: { actor: expect.stringMatching(/^user:/) },
    });
    const everything = JSON.stringify(commits) + (await tables());
    for (const form of forms) expect(everything).not.toContain(form);
  });

  it('is destroyed with it: neither the log, nor Postgres, nor rebuilt rows open any more', async () => {
    await made('log/b', value);
    const id = await secretId('log/b');
    const [{ key_id: keyId } = { key_id: '' }] = (await rows('SELECT key_id FROM secret WHERE secret_id = $1', id)) as {
      key_id: string;
    }[];
    expect(await rows('SELECT 1 FROM data_key WHERE key_id = $1', keyId)).toHaveLength(1);
    await call('DELETE', 'log/b');
    expect(await rows('SELECT 1 FROM data_key WHERE key_id = $1', keyId)).toEqual([]);
    // Everything folded from the log again: the sealed value is gone from the rows, and its key is nowhere.
    expect(await harness.call('POST', '/fornax/v1/projections/secrets/rebuild', {})).toMatchObject({ status: 200 });
    expect(await rows('SELECT 1 FROM secret_version WHERE secret_id = $1', id)).toEqual([]);
    expect(await rows('SELECT 1 FROM data_key WHERE key_id = $1', keyId)).toEqual([]);
    expect(await call('GET', 'log/b')).toMatchObject({ status: 404 });
    const [created] = (await harness.log.readAggregate('secret', id)).flatMap(({ events }) => events);
    expect(created).toMatchObject({ type: 'SecretCreated', keyId, sealed: expect.any(String) });
  });

  it('is destroyed also where the process that deleted it ended before it got to it', async () => {
    await made('log/c', value);
    const id = await secretId('log/c');
    const commits = await harness.log.readAggregate('secret', id);
    const [created] = commits.flatMap(({ events }) => events);
    const keyId = created?.type === 'SecretCreated' ? created.keyId : '';
    await harness.log.append(
      'secret',
      id,
      {
        id: 'deleted-by-a-process-that-ended',
        events: [{ type: 'SecretDeleted', keyId, at: Date.now() }],
        meta: { actor: 'service:test', source: 'test', correlationId: 'test' },
        at: Date.now(),
      },
      commits.at(-1)?.sequence ?? 0,
    );
    await eventually(async () => (await rows('SELECT 1 FROM data_key WHERE key_id = $1', keyId)).length === 0);
    expect(await call('GET', 'log/c')).toMatchObject({ status: 404 });
  });

  it('says so where its data key is lost, and can be given anew after it is deleted', async () => {
    await made('log/d', value);
    await rows('DELETE FROM data_key WHERE key_id = (SELECT key_id FROM secret WHERE key = $1)', 'log/d');
    expect((await call('GET', 'log/d')).status).toBe(409);
    expect((await call('PATCH', 'log/d', 'new')).status).toBe(409);
    await call('DELETE', 'log/d');
    await made('log/d', 'new');
    expect(await read('log/d')).toEqual({ value: 'new' });
  });
});
