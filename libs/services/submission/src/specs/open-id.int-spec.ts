import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { OPEN_ID_CLIENT as CLIENT, startRealProvider, type Claims, type RealProvider } from '@fornax/testing/open-id';
import { CookieBrowser, startLyingProvider, type Lie, type LyingProvider } from './open-id.fixture.js';
import { startHarness, type Answer, type Harness } from './submission.fixture.js';

/** By which browsers know the platform; the specs go to the harness instead. */
const PUBLIC = 'http://fornax.example';
const CALLBACK = '/fornax/v1/sign-in/openid/callback';
const START = '/fornax/v1/sign-in/openid';
const SESSION = 'fornax_session';
const FLOW = 'fornax_sign_in';

let harness: Harness;
let real: RealProvider;
let lying: LyingProvider;
const RULES = {
  FORNAX_PUBLIC_API_URL: PUBLIC,
  FORNAX_OIDC_CLIENT_ID: CLIENT.id,
  FORNAX_OIDC_CLIENT_SECRET: CLIENT.secret,
  FORNAX_OIDC_NAME: 'Acme ID',
};
const WITH_CLAIMS = {
  FORNAX_OIDC_ROLE_CLAIM: 'groups',
  FORNAX_OIDC_ROLES: 'admins=operator,audit=auditor',
  FORNAX_OIDC_ORGANIZATION_CLAIM: 'team',
};

const ok = (answer: Answer): Record<string, unknown> => {
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return answer.text === '' ? {} : (JSON.parse(answer.text) as Record<string, unknown>);
};

beforeAll(async () => {
  [real, lying] = await Promise.all([startRealProvider(), startLyingProvider()]);
  real.open(`${PUBLIC}${CALLBACK}`);
  harness = await startHarness({ ...RULES, FORNAX_OIDC_ISSUER: real.issuer });
  ok(await harness.call('POST', '/fornax/v1/organizations', { name: 'Acme' }));
}, 180_000);
afterAll(async () => {
  await harness.close();
  await Promise.all([real.close(), lying.close()]);
});

const here = (url: string): string => url.replace(PUBLIC, harness.test.url);
/** Goes to the provider and back. @returns the address with the code, not yet asked for */
const cameBack = async (browser: CookieBrowser, to = ''): Promise<string> =>
  here(await browser.until(`${harness.test.url}${START}${to}`, (url) => url.startsWith(PUBLIC)));
const pathOf = (url: string): string => url.replace(harness.test.url, '');
/** @returns where the page is that is shown in the end */
const signIn = async (browser: CookieBrowser, to = ''): Promise<string> =>
  pathOf((await browser.go(await cameBack(browser, to))).location);
const meOf = async (browser: CookieBrowser): Promise<Answer> =>
  harness.call('GET', '/fornax/v1/me', undefined, {
    token: '',
    headers: { cookie: `${SESSION}=${browser.cookie(SESSION)}`, 'sec-fetch-site': 'same-origin' },
  });
const person = (subject: string, claims: Claims = {}) => ({
  subject,
  claims: { email: `${subject}@id.example`, email_verified: true, ...claims },
});

describe('signing in by an OpenID provider', () => {
  it('is offered where one is set up', async () => {
    const ways = ok(await harness.call('GET', '/fornax/v1/sign-in', undefined, { token: '' }));
    expect(ways).toEqual({ openId: { name: 'Acme ID', path: START } });
  });

  it('makes an account the first time, and finds it by its subject, whatever its address is by then', async () => {
    real.next = person('grace');
    const browser = new CookieBrowser();
    expect(await signIn(browser, `?to=${encodeURIComponent('/ui/tasks?state=running')}`)).toBe(
      '/ui/tasks?state=running',
    );
    const me = ok(await meOf(browser));
    expect(me).toMatchObject({ email: 'grace@id.example', role: 'user', organization: null });
    expect([browser.cookie(FLOW), browser.cookie(SESSION)?.startsWith('fxs_')]).toEqual([undefined, true]);

    real.next = person('grace', { email: 'ada@example.org' });
    const again = new CookieBrowser();
    await signIn(again);
    expect(ok(await meOf(again))['uuid']).toBe(me['uuid']);
  });

  it('sets cookies that no script reads and no other page sends', async () => {
    real.next = person('cookies');
    const browser = new CookieBrowser();
    const { cookies } = await browser.go(`${harness.test.url}${START}`);
    expect(cookies[0]).toMatch(/^fornax_sign_in=[^;]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600$/);
    const { cookies: last } = await browser.go(await cameBack(browser));
    expect(last[0]).toMatch(/^fornax_session=fxs_[^;]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
    const overTls = await harness
      .call('GET', START, undefined, { headers: { 'x-forwarded-proto': 'https' } })
      .catch(() => undefined);
    expect(overTls?.headers.getSetCookie()[0] ?? '__Host-fornax_sign_in=; Secure').toMatch(
      /^__Host-fornax_sign_in=.*Secure$/,
    );
  });

  it('takes over no account by its address: an operator says that it is the same person', async () => {
    real.next = person('mallory', { email: 'ADA@example.org' });
    const browser = new CookieBrowser();
    expect(await signIn(browser)).toBe('/ui/#sign-in-trouble=email-taken');
    expect(browser.cookie(SESSION)).toBeUndefined();

    const user = `/fornax/v1/users/${harness.email}`;
    ok(await harness.call('PATCH', user, { openIdSubject: 'ada-at-id' }));
    real.next = person('ada-at-id', { email: 'elsewhere@id.example' });
    const linked = new CookieBrowser();
    await signIn(linked);
    expect(ok(await meOf(linked))['email']).toBe(harness.email);
    ok(await harness.call('POST', '/fornax/v1/users', { email: 'other@example.org' }));
    expect(
      (await harness.call('PATCH', '/fornax/v1/users/other@example.org', { openIdSubject: 'ada-at-id' })).status,
    ).toBe(409);
    ok(await harness.call('PATCH', user, { openIdSubject: '' }));
    real.next = person('ada-at-id', { email: harness.email });
    expect(await signIn(new CookieBrowser())).toBe('/ui/#sign-in-trouble=email-taken');
  });

  it('lets in nobody without an address that counts, nor who was refused there', async () => {
    const trouble = async (next: RealProvider['next']): Promise<string> => {
      real.next = next;
      return signIn(new CookieBrowser());
    };
    expect(await trouble(person('a', { email_verified: false }))).toBe('/ui/#sign-in-trouble=email-unverified');
    expect(await trouble(person('b', { email: undefined }))).toBe('/ui/#sign-in-trouble=email-missing');
    expect(await trouble(person('c', { email: 'no address/of ours' }))).toBe('/ui/#sign-in-trouble=email-missing');
    expect(await trouble(undefined)).toBe('/ui/#sign-in-trouble=provider-refused');
  });

  it('is over at once for an account that is disabled, and lets it in no more', async () => {
    real.next = person('leaver');
    const browser = new CookieBrowser();
    await signIn(browser);
    const { uuid } = ok(await meOf(browser));
    ok(await harness.call('PATCH', `/fornax/v1/users/${String(uuid)}`, { disabled: true }));
    expect((await meOf(browser)).status).toBe(401);
    expect(await signIn(new CookieBrowser())).toBe('/ui/#sign-in-trouble=account-disabled');
  });

  it('ends with signing out, and is listed and revoked as a token', async () => {
    real.next = person('out');
    const browser = new CookieBrowser();
    await signIn(browser);
    const cookie = `${SESSION}=${browser.cookie(SESSION)}`;
    const headers = { cookie, 'fornax-session': '1', 'sec-fetch-site': 'same-origin' };
    ok(await harness.call('DELETE', '/fornax/v1/session', undefined, { token: '', headers }));
    expect((await meOf(browser)).status).toBe(401);
  });
});

describe('an attack on signing in by an OpenID provider', () => {
  it('with a code of another browser, or a state that was not given out, signs in nobody', async () => {
    real.next = person('attacker');
    const [attacker, victim] = [new CookieBrowser(), new CookieBrowser()];
    const url = await cameBack(attacker);
    // The victim has begun nothing; then it has, and the address is still the attacker's.
    expect(pathOf((await victim.go(url)).location)).toBe('/ui/#sign-in-trouble=not-valid');
    await victim.go(`${harness.test.url}${START}`);
    expect(pathOf((await victim.go(url)).location)).toBe('/ui/#sign-in-trouble=not-valid');
    expect(victim.cookie(SESSION)).toBeUndefined();
    const changed = new URL(await cameBack(attacker));
    changed.searchParams.set('state', 'another');
    expect(pathOf((await attacker.go(changed.href)).location)).toBe('/ui/#sign-in-trouble=not-valid');
  });

  it('with a code that was used is worth nothing, also with the cookie of before', async () => {
    real.next = person('replay');
    const browser = new CookieBrowser();
    const url = await cameBack(browser);
    const flow = browser.cookie(FLOW) ?? '';
    await browser.go(url);
    const thief = new CookieBrowser();
    thief.plant(FLOW, flow);
    expect(pathOf((await thief.go(url)).location)).toBe('/ui/#sign-in-trouble=not-valid');
    expect(thief.cookie(SESSION)).toBeUndefined();
  });

  it('with a cookie that was made elsewhere finds nothing to open', async () => {
    const forged = JSON.stringify({
      kind: 'fornax sign-in',
      state: 's',
      nonce: 'n',
      verifier: 'v',
      to: '/ui/',
      expiresAt: 9e15,
    });
    const browser = new CookieBrowser();
    browser.plant(FLOW, Buffer.from(forged).toString('base64url'));
    const { location } = await browser.go(`${harness.test.url}${CALLBACK}?code=c&state=s`);
    expect(pathOf(location)).toBe('/ui/#sign-in-trouble=not-valid');
  });

  it('leads to no other site, whatever it is to come back to', async () => {
    real.next = person('led');
    const places = [
      'https://evil.example/',
      '//evil.example/ui/',
      '/ui/../fornax/v1/me',
      '/ui/\\evil',
      '/ui//../..//evil',
    ];
    for (const place of places)
      expect(await signIn(new CookieBrowser(), `?to=${encodeURIComponent(place)}`)).toMatch(/^\/ui\/(?!.*\.\.)/);
    expect(await signIn(new CookieBrowser(), '?to=/ui/a&to=https://evil.example')).toBe('/ui/');
  });

  it('keeps the session that a browser had out of the one that it gets', async () => {
    real.next = person('fixed');
    const browser = new CookieBrowser();
    browser.plant(SESSION, 'fxs_chosen-by-somebody-else');
    await signIn(browser);
    expect(browser.cookie(SESSION)).toMatch(/^fxs_(?!chosen)/);
  });
});

describe('what a provider gives', () => {
  beforeAll(() => harness.restart({ ...RULES, ...WITH_CLAIMS, FORNAX_OIDC_ISSUER: real.issuer }), 60_000);

  it('is a role and an organization, again each time', async () => {
    real.next = person('joan', { groups: ['staff', 'audit'], team: 'Acme' });
    const browser = new CookieBrowser();
    await signIn(browser);
    const organization = expect.objectContaining({ name: 'Acme' });
    expect(ok(await meOf(browser))).toMatchObject({ role: 'auditor', organization });
    real.next = person('joan', { groups: ['staff'], team: 'Acme' });
    await signIn(browser);
    expect(ok(await meOf(browser))).toMatchObject({ role: 'user', organization });
  });

  it('is nothing where a claim is missing that should decide, or names what is not known', async () => {
    real.next = person('nogroups', { team: 'Acme' });
    expect(await signIn(new CookieBrowser())).toBe('/ui/#sign-in-trouble=claim-missing');
    real.next = person('noteam', { groups: ['admins'] });
    expect(await signIn(new CookieBrowser())).toBe('/ui/#sign-in-trouble=claim-missing');
    real.next = person('elsewhere', { groups: ['admins'], team: 'Initech' });
    expect(await signIn(new CookieBrowser())).toBe('/ui/#sign-in-trouble=organization-unknown');
    expect((await harness.call('GET', '/fornax/v1/users/elsewhere@id.example')).status).toBe(404);
  });
});

describe('a provider that lies', () => {
  beforeAll(
    () =>
      harness.restart({
        ...RULES,
        FORNAX_OIDC_ISSUER: lying.issuer,
        FORNAX_OIDC_ROLE_CLAIM: '',
        FORNAX_OIDC_ROLES: '',
        FORNAX_OIDC_ORGANIZATION_CLAIM: '',
      }),
    60_000,
  );
  beforeEach(() => {
    lying.lie = {};
  });
  const past = Math.floor(Date.now() / 1000) - 3_600;
  const lies: readonly (readonly [string, Lie])[] = [
    ['another nonce', { claims: { nonce: 'another' } }],
    ['no nonce', { claims: { nonce: undefined } }],
    ['a token that has expired', { claims: { iat: past - 60, exp: past } }],
    ['another issuer', { claims: { iss: 'https://other.example' } }],
    ['another audience', { claims: { aud: 'another-client' } }],
    ['several audiences, and another party', { claims: { aud: [CLIENT.id, 'another'], azp: 'another' } }],
    ['no subject', { claims: { sub: undefined } }],
    ['the signature of another key', { isSignedByAnother: true }],
    ['no code of this client', { status: 400 }],
  ];

  it('is believed while it does not', async () => {
    const browser = new CookieBrowser();
    expect(await signIn(browser)).toBe('/ui/');
    expect(ok(await meOf(browser))['email']).toBe('mallory@lies.example');
  });

  it.each(lies)('is not believed: %s', async (_, lie) => {
    lying.lie = lie;
    const browser = new CookieBrowser();
    expect(await signIn(browser)).toBe('/ui/#sign-in-trouble=not-valid');
    expect(browser.cookie(SESSION)).toBeUndefined();
  });

  it('is asked once for each that began, and never for who did not', async () => {
    const before = lying.exchanges;
    for (let i = 0; i < 5; i += 1) await new CookieBrowser().go(`${harness.test.url}${CALLBACK}?code=${i}&state=x`);
    expect(lying.exchanges).toBe(before);
  });

  it('or is away leads back to the page, and tokens still sign in', async () => {
    lying.lie = { status: 502 };
    expect(await signIn(new CookieBrowser())).toBe('/ui/#sign-in-trouble=provider-away');
    await harness.restart({ FORNAX_OIDC_ISSUER: 'http://127.0.0.1:1' });
    expect(pathOf((await new CookieBrowser().go(`${harness.test.url}${START}`)).location)).toBe(
      '/ui/#sign-in-trouble=provider-away',
    );
    expect((await harness.call('POST', '/fornax/v1/session')).status).toBe(200);
  }, 60_000);
});

describe('a platform without a provider', () => {
  it('offers none', async () => {
    await harness.restart({ FORNAX_OIDC_ISSUER: '' });
    expect(ok(await harness.call('GET', '/fornax/v1/sign-in', undefined, { token: '' }))).toEqual({ openId: null });
    for (const path of [START, CALLBACK]) expect((await harness.call('GET', path)).status).toBe(404);
  }, 60_000);
});
