import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { WireBucketLinks } from '@fornax/contracts';
import { AccountDirectory, hashToken, Sealer } from '@fornax/identity';
import { newId } from '@fornax/base';
import { eventually } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { send, StorageUnderTest, type Answer, type TestUser } from '../storage.fixture.js';

const Bucket = 'adas-files';
const PART = 'a'.repeat(5 * 1024 * 1024);

let storage: StorageUnderTest;
let ada: TestUser;
let eve: TestUser;

interface Asked {
  readonly by?: TestUser;
  readonly token?: string;
  /** As the dashboard asks. */
  readonly isPage?: boolean;
}

const ask = async (query: string, { by = ada, token = by.token, isPage = false }: Asked = {}, bucket = Bucket) => {
  const answer = await fetch(`${storage.app.url}/fornax/v1/buckets/${bucket}/links?${query}`, {
    headers: { authorization: token, ...(isPage ? { 'fornax-session': '1' } : {}) },
  });
  return { status: answer.status, body: (await answer.json()) as WireBucketLinks & { readonly message?: string } };
};
const linkTo = async (query: string, asked?: Asked): Promise<string> => {
  const { status, body } = await ask(query, asked);
  if (status !== 200) throw new Error(`${query}: ${status} ${JSON.stringify(body)}`);
  return body.urls[0] ?? '';
};
const follow = (link: string, method = 'GET', headers: Record<string, string> = {}, body?: string): Promise<Answer> => {
  const { pathname, search, host } = new URL(link);
  const options = { method, path: `${pathname}${search}`, headers: { host, ...headers } };
  return send(storage.port, body === undefined ? options : { ...options, body });
};
const page = (): string => new URL(storage.app.url).origin;

/** Another token of somebody, as a session is one. */
const anotherToken = async ({ account, email }: TestUser, expiresAt?: number) => {
  const [tokenId, text] = [newId(), `another-${newId()}`];
  const sealedSecret = storage.app.app.get(Sealer).sealWithMaster(text);
  const facts = { accountId: account, email, role: 'user' as const, tokenId, name: 'session', at: Date.now() };
  const until = expiresAt === undefined ? {} : { expiresAt };
  await storage.happen(account, { type: 'TokenIssued', ...facts, hash: hashToken(text), sealedSecret, ...until });
  return { tokenId, text };
};

beforeAll(async () => {
  storage = await StorageUnderTest.start();
  [ada, eve] = [await storage.user('ada@example.org'), await storage.user('eve@example.org')];
  await storage.s3(ada).send(new CreateBucketCommand({ Bucket }));
  await storage.s3(ada).send(new PutObjectCommand({ Bucket, Key: 'in/a b+ü.html', Body: '<script>1</script>' }));
}, 180_000);
afterAll(async () => storage.stop());

describe('links to a bucket', () => {
  it('list, read, store and remove without anything but the link', async () => {
    const listed = await follow(await linkTo('operation=list&prefix=in/&delimiter=/'));
    expect(listed).toMatchObject({ status: 200 });
    expect(listed.body).toContain('in/a%20b%2B%C3%BC.html');
    const read = await follow(await linkTo(`operation=read&key=${encodeURIComponent('in/a b+ü.html')}`));
    expect(read).toMatchObject({ status: 200, body: '<script>1</script>' });
    expect(read.headers['content-disposition']).toBe("attachment; filename*=UTF-8''a%20b%2B%C3%BC.html");
    expect((await follow(await linkTo('operation=store&key=new'), 'PUT', {}, 'text')).status).toBe(200);
    const shown = await follow(await linkTo('operation=read&key=new&type=text/plain'));
    expect(shown).toMatchObject({ status: 200, body: 'text', headers: { 'content-type': 'text/plain' } });
    expect((await follow(await linkTo('operation=remove&key=new'), 'DELETE')).status).toBe(204);
    expect((await follow(await linkTo('operation=read&key=new'))).status).toBe(404);
  });

  it('make a bucket, which is then of who asked', async () => {
    const link = (await ask('operation=make', { by: eve }, 'eves-own')).body.urls[0] ?? '';
    expect((await follow(link, 'PUT')).status).toBe(200);
    expect((await ask('operation=store&key=k', { by: eve }, 'eves-own')).status).toBe(200);
    const taken = (await ask('operation=make', { by: eve })).body.urls[0] ?? '';
    expect((await follow(taken, 'PUT')).status).toBe(409);
  });

  it('store an object in parts', async () => {
    const begun = await follow(await linkTo('operation=begin&key=large'), 'POST');
    const upload = /<UploadId>([^<]+)/.exec(begun.body)?.[1] ?? '';
    const of = `key=large&upload=${encodeURIComponent(upload)}`;
    const { body: parts } = await ask(`operation=part&from=1&to=2&${of}`);
    expect(parts.urls).toHaveLength(2);
    const etags: string[] = [];
    for (const [at, link] of parts.urls.entries())
      etags.push((await follow(link, 'PUT', {}, at === 0 ? PART : 'end')).headers.etag ?? '');
    const list = etags.map((etag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${etag}</ETag></Part>`);
    const whole = `<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`;
    expect((await follow(await linkTo(`operation=complete&${of}`), 'POST', {}, whole)).status).toBe(200);
    const { headers } = await follow(await linkTo('operation=read&key=large'));
    expect(headers['content-length']).toBe(String(PART.length + 3));
  });

  it('find an upload again that did not end, with the parts that came, and give it up', async () => {
    const key = encodeURIComponent('in/broken b+ü');
    const begun = await follow(await linkTo(`operation=begin&key=${key}`), 'POST');
    const upload = /<UploadId>([^<]+)/.exec(begun.body)?.[1] ?? '';
    const of = `key=${key}&upload=${encodeURIComponent(upload)}`;
    const { etag } = (await follow(await linkTo(`operation=part&from=2&${of}`), 'PUT', {}, PART)).headers;
    const listed = await follow(await linkTo('operation=uploads&prefix=in/'));
    expect(listed.body).toContain('<Key>in/broken%20b%2B%C3%BC</Key>');
    expect(listed.body).toContain(`<UploadId>${upload}</UploadId>`);
    expect((await follow(await linkTo('operation=uploads&prefix=out/'))).body).not.toContain('<Upload>');
    const parts = await follow(await linkTo(`operation=parts&${of}`));
    expect(parts.body).toContain('<PartNumber>2</PartNumber>');
    expect(parts.body.replaceAll('&quot;', '"')).toContain(`<ETag>${etag}</ETag>`);
    expect((await follow(await linkTo(`operation=parts&from=3&${of}`))).body).not.toContain('<Part>');
    for (const query of [`operation=uploads`, `operation=parts&${of}`])
      expect((await ask(query, { by: eve })).status).toBe(404);
    expect((await follow(await linkTo(`operation=cancel&${of}`), 'DELETE')).status).toBe(204);
    expect((await follow(await linkTo('operation=uploads'))).body).not.toContain(upload);
  });

  it('are for one method and one object: nothing in them can be changed', async () => {
    const link = await linkTo('operation=read&key=k');
    expect((await follow(link, 'DELETE')).status).toBe(403);
    expect((await follow(link.replace('/k?', '/large?'))).status).toBe(403);
    expect((await follow(`${link}&x-fornax-origin=http://evil.example`)).status).toBe(403);
    const shown = await linkTo('operation=read&key=k&type=text/plain');
    expect((await follow(shown.replace('text%2Fplain', 'text%2Fhtml'))).status).toBe(403);
  });

  it('are refused where they ask for nonsense', async () => {
    for (const query of [
      '',
      'operation=acl',
      'operation=read',
      'operation=part&key=k',
      'operation=part&key=k&upload=u&from=1&to=101',
      'operation=read&key=k&type=text/html',
      'operation=read&key=k&minutes=0',
      'operation=read&key=k&minutes=10081',
    ])
      expect([query, (await ask(query)).status]).toEqual([query, 400]);
  });
});

describe('whose links they are', () => {
  it("nobody gets one to somebody else's bucket, nor learns that it is there", async () => {
    const theirs = await ask('operation=list', { by: eve });
    const none = await ask('operation=list', { by: eve }, 'no-such-bucket');
    expect([theirs.status, none.status]).toEqual([404, 404]);
    expect(theirs.body.message?.replace(Bucket, 'no-such-bucket')).toBe(none.body.message);
    for (const area of ['.snapshots', 'fornax-output', '.log'])
      expect((await ask('operation=list', { by: eve }, area)).status).toBe(404);
    const { body } = await ask(`operation=read&key=${newId()}/s/0/b/k`, { by: eve }, '.snapshots');
    expect((await follow(body.urls[0] ?? '')).status).toBe(403);
  });

  it('who may read only gets none that writes, and loses theirs with the grant', async () => {
    const grants = `${storage.app.url}/fornax/v1/buckets/${Bucket}/grants/user/eve@example.org`;
    const headers = { authorization: ada.token, 'content-type': 'application/json' };
    await fetch(grants, { method: 'PUT', headers, body: JSON.stringify({ access: 'read' }) });
    const link = await linkTo('operation=read&key=large', { by: eve });
    expect((await follow(link)).status).toBe(200);
    for (const query of ['store&key=x', 'remove&key=large', 'begin&key=x', 'complete&key=x&upload=u', 'uploads'])
      expect((await ask(`operation=${query}`, { by: eve })).body.message).toBe('You may only read here');
    await fetch(grants, { method: 'DELETE', headers: { authorization: ada.token } });
    expect((await follow(link)).status).toBe(403);
  });

  it('an auditor gets none that writes, and what an auditor got before changes nothing any more', async () => {
    const zoe = await storage.user('zoe@example.org');
    await storage.s3(zoe).send(new CreateBucketCommand({ Bucket: 'zoes' }));
    const before = await ask('operation=store&key=x', { by: zoe }, 'zoes');
    await storage.happen(zoe.account, { type: 'RoleChanged', accountId: zoe.account, role: 'auditor', at: Date.now() });
    expect((await follow(before.body.urls[0] ?? '', 'PUT', {}, 'x')).status).toBe(403);
    for (const query of ['operation=store&key=x', 'operation=make'])
      expect((await ask(query, { by: zoe }, 'zoes')).status).toBe(403);
    expect((await ask('operation=list', { by: zoe }, 'zoes')).status).toBe(200);
  });

  it('end with the session that asked, when it is revoked and when it expires', async () => {
    const session = await anotherToken(ada);
    const link = await linkTo('operation=read&key=large', { token: session.text });
    expect((await follow(link)).status).toBe(200);
    const revoked = { type: 'TokenRevoked' as const, accountId: ada.account, tokenId: session.tokenId, at: Date.now() };
    await storage.happen(ada.account, revoked);
    expect((await follow(link)).status).toBe(403);
    const expiresAt = Date.now() + 2_000;
    const short = await anotherToken(ada, expiresAt);
    const { body } = await ask('operation=read&key=large&minutes=60', { token: short.text });
    expect(Date.parse(body.expirationDate)).toBeLessThanOrEqual(expiresAt);
    expect((await follow(body.urls[0] ?? '')).status).toBe(200);
    await eventually(async () => storage.app.app.get(AccountDirectory).byToken(short.text) === undefined);
    expect((await follow(body.urls[0] ?? '')).status).toBe(403);
    expect((await ask('operation=list', { token: short.text })).status).toBe(401);
  });
});

describe('who may read the answers in a browser', () => {
  const asPage = { isPage: true };
  const preflight = (link: string, origin: string, method: string): Promise<Answer> =>
    follow(link, 'OPTIONS', { origin, 'access-control-request-method': method });

  it('is the page that asked for the link', async () => {
    const read = await follow(await linkTo('operation=read&key=large', asPage), 'GET', { origin: page() });
    expect(read.headers).toMatchObject({ 'access-control-allow-origin': page(), vary: 'Origin' });
    expect(read.headers['access-control-allow-credentials']).toBeUndefined();
    const store = await linkTo('operation=store&key=by-page', asPage);
    const asked = await preflight(store, page(), 'PUT');
    expect(asked).toMatchObject({ status: 204, headers: { 'access-control-allow-methods': 'PUT' } });
    expect((await follow(store, 'PUT', { origin: page() }, 'x')).headers.etag).toBeDefined();
  });

  it('is no other page, and none where a program asked', async () => {
    const link = await linkTo('operation=store&key=by-page', asPage);
    for (const [asked, origin] of [
      [link, 'http://evil.example'],
      [link, 'null'],
      [await linkTo('operation=store&key=by-page'), page()],
    ] as const) {
      const answers = [await preflight(asked, origin, 'PUT'), await follow(asked, 'PUT', { origin }, 'x')];
      for (const { headers } of answers) expect(headers['access-control-allow-origin']).toBeUndefined();
      expect(answers[0]?.status).toBe(403);
    }
  });

  it('is told nothing about a link that is not signed, or for another method', async () => {
    const link = await linkTo('operation=read&key=large', asPage);
    const forged = link.replace(/X-Amz-Signature=.*/, `X-Amz-Signature=${'0'.repeat(64)}`);
    for (const [asked, method] of [
      [forged, 'GET'],
      [link, 'PUT'],
      [`${link.split('?')[0]}?x-fornax-origin=${encodeURIComponent(page())}`, 'GET'],
    ] as const) {
      const { status, headers } = await preflight(asked, page(), method);
      expect([status, headers['access-control-allow-origin']]).toEqual([403, undefined]);
    }
  });

  it('gets nothing that runs: what is stored is shown without scripts', async () => {
    const key = encodeURIComponent('in/a b+ü.html');
    const { headers } = await follow(await linkTo(`operation=read&key=${key}`, asPage));
    expect(headers['content-security-policy']).toMatch(/^sandbox; default-src 'none'/);
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['content-disposition']).toMatch(/^attachment/);
  });
});
