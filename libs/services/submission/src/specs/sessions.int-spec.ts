import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startHarness, type Harness } from './submission.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());

const SESSION = '/fornax/v1/session';
const PAGE = { 'fornax-session': '1', 'sec-fetch-site': 'same-origin' };

/** Opens a session. @returns the cookie as a browser sends it back */
const open = async (token = harness.token): Promise<{ readonly status: number; readonly cookie: string }> => {
  const { status, headers } = await harness.call('POST', SESSION, undefined, { token });
  return { status, cookie: (headers.get('set-cookie') ?? '').split(';', 1)[0] ?? '' };
};
const as = (cookie: string, method: string, path: string, body?: unknown, headers = {}) =>
  harness.call(method, path, body, { token: '', headers: { cookie, ...PAGE, ...headers } });
const link = async (): Promise<string> => String((await harness.call('POST', `${SESSION}/links`)).json()['code']);

describe('a session of a browser', () => {
  it('is opened with a token, acts as its account, and is listed and revoked as a token', async () => {
    const { cookie } = await open();
    const me = (await as(cookie, 'GET', '/fornax/v1/me')).json();
    expect(me['email']).toBe(harness.email);
    expect((await as(cookie, 'POST', '/tasks/paginate', {})).status).toBe(200);
    const tokens = (await harness.call('GET', '/fornax/v1/me/tokens')).json() as unknown as {
      id: string;
      name: string;
    }[];
    expect(tokens).toContainEqual(expect.objectContaining({ id: me['token'], name: 'session of a browser' }));
    expect((await harness.call('DELETE', `/fornax/v1/me/tokens/${String(me['token'])}`)).status).toBe(200);
    expect((await as(cookie, 'GET', '/fornax/v1/me')).status).toBe(401);
  });

  it('changes nothing for another page, and nothing without the header of ours', async () => {
    const { cookie } = await open();
    const refused = [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': '', origin: 'https://evil.example' }];
    for (const headers of refused) expect((await as(cookie, 'POST', '/tasks/paginate', {}, headers)).status).toBe(401);
    const bare = { token: '', headers: { cookie } };
    expect((await harness.call('POST', '/tasks/paginate', {}, bare)).status).toBe(401);
    expect((await harness.call('GET', '/info', undefined, bare)).status).toBe(200);
  });

  it('is over once it is signed out, and leaves the token that opened it', async () => {
    const { cookie } = await open();
    const { status, headers } = await as(cookie, 'DELETE', SESSION);
    expect([status, headers.get('set-cookie')]).toEqual([200, expect.stringContaining('Max-Age=0')]);
    expect((await as(cookie, 'GET', '/info')).status).toBe(401);
    expect((await harness.call('DELETE', SESSION)).status).toBe(200);
    expect((await harness.call('GET', '/info')).status).toBe(200);
  });

  it('ends no later than the token that opened it', async () => {
    const expirationDate = new Date(Date.now() + 3_600_000).toISOString();
    const made = (await harness.call('POST', '/fornax/v1/me/tokens', { name: 'short', expirationDate })).json();
    const session = (await harness.call('POST', SESSION, undefined, { token: String(made['token']) })).json();
    expect(Date.parse(String(session['expirationDate']))).toBeLessThanOrEqual(Date.parse(expirationDate) + 1_000);
  });

  it('of a link ends no later than the token that made the link, which opens nothing once that is revoked', async () => {
    const expirationDate = new Date(Date.now() + 3_600_000).toISOString();
    const made = (await harness.call('POST', '/fornax/v1/me/tokens', { name: 'short', expirationDate })).json();
    const byShort = { token: String(made['token']) };
    const newCode = async (): Promise<string> =>
      String((await harness.call('POST', `${SESSION}/links`, undefined, byShort)).json()['code']);
    const session = (await harness.call('POST', SESSION, undefined, { token: await newCode() })).json();
    expect(Date.parse(String(session['expirationDate']))).toBeLessThanOrEqual(Date.parse(expirationDate) + 1_000);
    const code = await newCode();
    await harness.call('DELETE', `/fornax/v1/me/tokens/${String(made['id'])}`);
    expect((await open(code)).status).toBe(401);
  });

  it('takes the place of the oldest one where there are many: nobody is kept out by them', async () => {
    const first = await open();
    const cookies: string[] = [];
    for (let count = 0; count < 20; count += 1) cookies.push((await open()).cookie);
    expect((await as(first.cookie, 'GET', '/info')).status).toBe(401);
    for (const cookie of [cookies[0], cookies.at(-1)])
      expect((await as(cookie ?? '', 'GET', '/info')).status).toBe(200);
    for (let count = 0; count < 22; count += 1) await link();
    expect((await open(await link())).status).toBe(200);
    expect((await harness.call('POST', '/fornax/v1/me/tokens', { name: 'by hand' })).status).toBe(200);
  });

  it('is opened by a link once, of all who try at the same time; a link is no token', async () => {
    const code = await link();
    expect((await harness.call('GET', '/info', undefined, { token: code })).status).toBe(401);
    const tries = await Promise.all([open(code), open(code), open(code)]);
    expect(tries.map(({ status }) => status).sort()).toEqual([200, 401, 401]);
    expect((await open(code)).status).toBe(401);
    const cookie = tries.find(({ status }) => status === 200)?.cookie ?? '';
    expect((await as(cookie, 'GET', '/info')).status).toBe(200);
  });

  it('is opened by a link that an auditor made for itself, and by none of who reads as somebody else', async () => {
    const email = 'auditor@example.org';
    const { uuid } = (await harness.call('POST', '/fornax/v1/users', { email, role: 'auditor' })).json();
    const made = (await harness.call('POST', `/fornax/v1/users/${String(uuid)}/tokens`, { name: 'cli' })).json();
    const auditor = { token: String(made['token']) };
    const { status, json } = await harness.call('POST', `${SESSION}/links`, undefined, auditor);
    expect(status).toBe(200);
    const { cookie } = await open(String(json()['code']));
    expect((await as(cookie, 'GET', '/fornax/v1/me')).json()).toMatchObject({ email, role: 'auditor' });
    const headers = { QarnotReadOnlyRequestForAccount: harness.email };
    for (const token of [auditor.token, harness.token])
      expect((await harness.call('POST', `${SESSION}/links`, undefined, { token, headers })).status).toBe(403);
    expect((await harness.call('POST', '/fornax/v1/me/tokens', { name: 'more' }, auditor)).status).toBe(403);
  });

  it('needs something to be opened with', async () => {
    expect((await open('')).status).toBe(401);
    expect((await open('fxl_made-up')).status).toBe(401);
  });

  it('says nothing of itself in the log', async () => {
    const [{ cookie }, code] = [await open(), await link()];
    const texts: string[] = [];
    for await (const batch of harness.log.read({ from: 1, to: (await harness.log.head()).sequence }))
      texts.push(JSON.stringify(batch));
    const all = texts.join('');
    expect(all).toContain('session of a browser');
    for (const secret of [cookie.split('=')[1] ?? '', code]) expect(all).not.toContain(secret);
  });
});
