import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { newId } from '@fornax/base';
import type { WireBucketLinks } from '@fornax/contracts';
import type { AccountRole } from '@fornax/domain';
import { presignedUrl, type QueryPairs } from '@fornax/s3';
import { LOGGER } from '@fornax/service-kit';
import { eventually } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { send, StorageUnderTest, type Answer, type TestUser } from '../storage.fixture.js';

let storage: StorageUnderTest;
let people: Readonly<Record<'grace' | 'mate' | 'auditor' | 'coordinator' | 'stranger' | 'abroad' | 'root', TestUser>>;
const quotas = { maxInstances: 1, maxCores: 1 };

const organization = async (name: string): Promise<string> => {
  const id = newId();
  await storage.happen(id, { type: 'OrganisationCreated', organisationId: id, name, quotas, at: Date.now() });
  return id;
};
const person = async (name: string, role: AccountRole, organisationId: string | null): Promise<TestUser> => {
  const user = await storage.user(`${name}@example.org`);
  const { account: accountId } = user;
  await storage.happen(accountId, { type: 'OrganisationChanged', accountId, organisationId, at: Date.now() });
  await storage.happen(accountId, { type: 'RoleChanged', accountId, role, at: Date.now() });
  return user;
};

interface Asked {
  readonly by?: TestUser;
  readonly as?: TestUser;
  readonly bucket?: string;
}

const ask = async (query: string, { by = people.auditor, as = people.grace, bucket = 'graces' }: Asked = {}) => {
  const answer = await fetch(`${storage.app.url}/fornax/v1/buckets/${bucket}/links?${query}`, {
    headers: { authorization: by.token, QarnotReadOnlyRequestForAccount: as.account },
  });
  return { status: answer.status, body: (await answer.json()) as WireBucketLinks & { readonly message?: string } };
};
const linkTo = async (query: string, asked?: Asked): Promise<string> => (await ask(query, asked)).body.urls[0] ?? '';
const follow = (link: string, method = 'GET', body?: string): Promise<Answer> => {
  const { pathname, search, host } = new URL(link);
  const options = { method, path: `${pathname}${search}`, headers: { host } };
  return send(storage.port, body === undefined || !['PUT', 'POST'].includes(method) ? options : { ...options, body });
};
/** What somebody signs with keys of their own, who knows how links are made. */
const forged = (
  by: TestUser,
  as: TestUser,
  path: string,
  { method = 'GET', query = [] as QueryPairs, expiresInS = 60 } = {},
): string =>
  presignedUrl(
    { accessKey: by.email, secretKey: by.token },
    {
      method,
      endpoint: `http://127.0.0.1:${storage.port}`,
      path,
      query: [...query, ['x-fornax-read-as', as.account]],
      at: Date.now(),
      expiresInS,
    },
  );

beforeAll(async () => {
  storage = await StorageUnderTest.start();
  const [acme, globex] = [await organization('Acme'), await organization('Globex')];
  people = {
    grace: await person('grace', 'user', acme),
    mate: await person('mate', 'user', acme),
    auditor: await person('auditor', 'auditor', acme),
    coordinator: await person('coordinator', 'coordinator', acme),
    stranger: await person('stranger', 'auditor', globex),
    abroad: await person('abroad', 'user', globex),
    root: await person('root', 'operator', null),
  };
  for (const [owner, Bucket] of [
    [people.grace, 'graces'],
    [people.abroad, 'abroads'],
  ] as const) {
    await storage.s3(owner).send(new CreateBucketCommand({ Bucket }));
    await storage.s3(owner).send(new PutObjectCommand({ Bucket, Key: 'in/a b', Body: 'text' }));
  }
  const grantee = `${storage.app.url}/fornax/v1/buckets/abroads/grants/user/grace@example.org`;
  const headers = { authorization: people.abroad.token, 'content-type': 'application/json' };
  const granted = await fetch(grantee, { method: 'PUT', headers, body: JSON.stringify({ access: 'write' }) });
  expect(granted.status).toBe(200);
}, 180_000);
afterAll(async () => storage.stop());

describe('links of who reads as another account', () => {
  it.each(['auditor', 'coordinator', 'root'] as const)('list and read, for minutes, as %s', async (name) => {
    const by = people[name];
    const listed = await follow(await linkTo('operation=list&prefix=in/&delimiter=/', { by }));
    expect(listed).toMatchObject({ status: 200 });
    expect(listed.body).toContain('in/a%20b');
    const { body } = await ask('operation=read&key=in/a%20b&minutes=10080', { by });
    expect(Date.parse(body.expirationDate)).toBeLessThanOrEqual(Date.now() + 15 * 60_000);
    const link = body.urls[0] ?? '';
    expect(link).toContain(encodeURIComponent(by.email));
    expect(await follow(link)).toMatchObject({ status: 200, body: 'text' });
  });

  it('are given to nobody who may not read as that account', async () => {
    const refusals = await Promise.all(
      [people.mate, people.stranger, people.abroad].map((by) => ask('operation=read&key=in/a%20b', { by })),
    );
    expect(refusals.map(({ status }) => status)).toEqual([403, 403, 403]);
    expect(new Set(refusals.map(({ body }) => body.message)).size).toBe(1);
    expect((await ask('operation=list', { as: people.abroad, bucket: 'abroads' })).status).toBe(403);
  });

  it('are no links when somebody makes them who may not read as that account', async () => {
    for (const by of [people.mate, people.stranger, people.abroad])
      for (const path of ['/graces/in/a b', '/graces'])
        expect(await follow(forged(by, people.grace, path))).toMatchObject({ status: 403 });
    expect((await follow(forged(people.auditor, people.grace, '/graces/in/a b'))).status).toBe(200);
    // Nor for longer than those that are given.
    const long = forged(people.auditor, people.grace, '/graces/in/a b', { expiresInS: 3_600 });
    expect((await follow(long)).body).toContain('15 minutes at most');
  });

  it('write nothing, whatever is asked for and however it is signed', async () => {
    for (const query of ['make', 'store&key=x', 'remove&key=in/a%20b', 'begin&key=x', 'complete&key=x&upload=u'])
      for (const by of [people.auditor, people.coordinator, people.root])
        expect([query, (await ask(`operation=${query}`, { by })).status]).toEqual([query, 403]);
    const link = await linkTo('operation=read&key=in/a%20b');
    for (const method of ['PUT', 'DELETE', 'POST']) expect((await follow(link, method, 'x')).status).toBe(403);
    for (const by of [people.auditor, people.coordinator, people.root])
      for (const [method, path, query] of [
        ['PUT', '/graces/new', []],
        ['DELETE', '/graces/in/a b', []],
        ['DELETE', '/graces', []],
        ['PUT', '/new-of-grace', []],
        ['POST', '/graces', [['delete', '']]],
        ['POST', '/graces/new', [['uploads', '']]],
        ['PUT', '/graces/new', [['x-amz-copy-source', '/graces/in/a b']]],
      ] as const)
        expect((await follow(forged(by, people.grace, path, { method, query }), method, 'x')).status).toBe(403);
    expect((await follow(await linkTo('operation=list'))).body).toContain('<KeyCount>1</KeyCount>');
  });

  it('ask for nothing but lists and objects', async () => {
    for (const [method, path, query] of [
      ['GET', '/', []],
      ['HEAD', '/graces', []],
      ['GET', '/graces', [['acl', '']]],
      ['GET', '/graces', [['location', '']]],
      ['GET', '/graces', [['versions', '']]],
      ['GET', '/graces', [['uploads', '']]],
      ['GET', '/graces/in/a b', [['acl', '']]],
      ['GET', '/graces/in/a b', [['attributes', '']]],
      ['GET', '/graces/in/a b', [['tagging', '']]],
      ['GET', '/graces/in/a b', [['uploadId', 'u']]],
    ] as const)
      expect([
        path,
        query,
        (await follow(forged(people.root, people.grace, path, { method, query }), method)).status,
      ]).toEqual([path, query, 403]);
    expect((await ask('operation=uploads')).status).toBe(403);
    const head = forged(people.auditor, people.grace, '/graces/in/a b', { method: 'HEAD' });
    expect((await follow(head, 'HEAD')).status).toBe(200);
  });

  it('are of one reader, one account and one object: nothing in them can be changed', async () => {
    const link = await linkTo('operation=read&key=in/a%20b');
    const { account: other } = people.abroad;
    for (const changed of [
      link.replace(people.grace.account, other),
      `${link}&x-fornax-read-as=${other}`,
      link.replace('in/a%20b?', 'in/other?'),
      link.replace(/x-fornax-read-as=[^&]+&?/, ''),
      link.replace(/X-Amz-Expires=\d+/, 'X-Amz-Expires=604800'),
      link.replace(encodeURIComponent(people.auditor.email), encodeURIComponent(people.root.email)),
    ]) {
      expect(changed).not.toBe(link);
      expect(await follow(changed)).toMatchObject({ status: 403 });
    }
    const own = await storage.signed(people.auditor, { path: `/graces?x-fornax-read-as=${people.grace.account}` });
    expect(own.body).toContain('Only a link reads as another account');
  });

  it('do not reach what another organization shares with that account, but for operators', async () => {
    const refused = await ask('operation=list', { bucket: 'abroads' });
    expect([refused.status, refused.body.message]).toEqual([
      403,
      'This bucket is of somebody outside of your organization, and shared with that account alone',
    ]);
    for (const path of ['/abroads', '/abroads/in/a b'])
      for (const by of [people.auditor, people.coordinator])
        expect((await follow(forged(by, people.grace, path))).status).toBe(403);
    expect((await follow(await linkTo('operation=list', { by: people.root, bucket: 'abroads' }))).status).toBe(200);
  });
});

it('leaves a line in the log for each use of such a link, once it is answered: who, whom, what, and whether', async () => {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const logger = storage.app.app.get<{ info(fields: object, message: string): void }>(LOGGER);
  const told = jest.spyOn(logger, 'info').mockImplementation((fields, message) => {
    if (message === 'files are read as another account') lines.push({ ...fields });
  });
  try {
    await follow(forged(people.auditor, people.grace, '/graces/in/a b'));
    await follow(forged(people.auditor, people.grace, '/graces', { query: [['prefix', 'in/']] }));
    await follow(forged(people.auditor, people.grace, '/graces/in/none'));
    await follow(forged(people.auditor, people.grace, '/abroads/in/a b'));
    await eventually(() => lines.length >= 4);
  } finally {
    told.mockRestore();
  }
  const of = { reader: people.auditor.account, account: people.grace.account };
  const [read, listed] = [{ operation: 'getObject' }, { operation: 'listObjects' }];
  expect(lines).toEqual([
    { ...of, ...read, bucket: 'graces', key: 'in/a b', status: 200, isWhole: true },
    { ...of, ...listed, bucket: 'graces', prefix: 'in/', status: 200, isWhole: true },
    { ...of, ...read, bucket: 'graces', key: 'in/none', status: 404, isWhole: true },
    { ...of, ...read, bucket: 'abroads', key: 'in/a b', status: 403, isWhole: true },
  ]);
});

describe('a link of who reads as another account ends', () => {
  const at = (): number => Date.now();
  const working = async (by: TestUser, as = people.grace): Promise<string> => {
    const link = await linkTo('operation=read&key=in/a%20b', { by, as });
    expect((await follow(link)).status).toBe(200);
    return link;
  };
  const fresh = (role: AccountRole): Promise<TestUser> => person(newId(), role, organizationOfGrace());
  const organizationOfGrace = (): string => storage.organizationOf(people.grace);

  it('when who reads is disabled', async () => {
    const reader = await fresh('auditor');
    const link = await working(reader);
    const { account: accountId } = reader;
    await storage.happen(accountId, { type: 'AccountDisabled', accountId, at: at() });
    expect((await follow(link)).status).toBe(403);
  });

  it('when who reads loses the role, or leaves the organization', async () => {
    const [first, second] = [await fresh('auditor'), await fresh('coordinator')];
    const links = [await working(first), await working(second)];
    await storage.happen(first.account, { type: 'RoleChanged', accountId: first.account, role: 'user', at: at() });
    const left = { accountId: second.account, organisationId: null, at: at() };
    await storage.happen(second.account, { type: 'OrganisationChanged', ...left });
    for (const link of links) expect((await follow(link)).status).toBe(403);
  });

  it('when the account that is read leaves the organization', async () => {
    const { account: accountId } = people.grace;
    const [link, organisationId] = [await working(people.auditor), organizationOfGrace()];
    await storage.happen(accountId, { type: 'OrganisationChanged', accountId, organisationId: null, at: at() });
    expect((await follow(link)).status).toBe(403);
    await storage.happen(accountId, { type: 'OrganisationChanged', accountId, organisationId, at: at() });
    expect((await follow(link)).status).toBe(200);
  });

  it('with its time', async () => {
    const past = presignedUrl(
      { accessKey: people.auditor.email, secretKey: people.auditor.token },
      {
        method: 'GET',
        endpoint: `http://127.0.0.1:${storage.port}`,
        path: '/graces/in/a b',
        query: [['x-fornax-read-as', people.grace.account]],
        at: Date.now() - 61_000,
        expiresInS: 60,
      },
    );
    expect((await follow(past)).body).toContain('Request has expired');
  });
});
