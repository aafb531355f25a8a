import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FornaxClient } from '@fornax/client';
import { startPlatform, workspaceRoot, type RunningPlatform } from '@fornax/testing';
import { OPEN_ID_CLIENT, startRealProvider, type RealProvider } from '@fornax/testing/open-id';
import { clientsOf } from './clients.js';
import { examplesOf } from './guide/page.js';
import { runPage } from './guide/run-page.js';

const PAGE = readFileSync(join(workspaceRoot, 'docs/how-to/sign-in-with-openid.md'), 'utf8');
/** Settings as the page writes them: a name and a value, on a line of its own in a block. */
const SETTINGS = new Map(
  [...PAGE.matchAll(/^(FORNAX_\w+)=('[^']*'|\S+)(?: \\)?$/gm)].map(([, name = '', value = '']) => [
    name,
    value.replaceAll("'", ''),
  ]),
);
/** Where somebody of the page was signed in; the name of what opens it over TLS begins so. */
const SESSION = /^(__Host-)?fornax_session=./;

let folder: string;
let provider: RealProvider;
let platform: RunningPlatform;
let api: FornaxClient;
/** The platform has no other address in front of it here: what the page calls it is this one. */
let publicUrl: string;

/** A browser, as it looks to the platform behind a proxy that ends TLS. */
class ProxiedBrowser {
  private readonly jars = new Map<string, Map<string, string>>();

  /** Follows what it is sent to, until a page of the dashboard. @returns the address of that, without the host */
  async go(path: string): Promise<string> {
    let url = new URL(path, publicUrl);
    for (let step = 0; step < 12; step += 1) {
      if (url.origin === publicUrl && url.pathname.startsWith('/ui')) return url.href.slice(publicUrl.length);
      const answer = await this.ask(url);
      const to = answer.headers.get('location');
      if (to === null) throw new Error(`${url.href}: ${answer.status}`);
      url = new URL(to, url);
    }
    throw new Error(`${path} leads nowhere`);
  }

  async ask(url: URL): Promise<Response> {
    const jar = this.jars.get(url.origin) ?? new Map<string, string>();
    this.jars.set(url.origin, jar);
    const isOurs = url.origin === publicUrl;
    const answer = await fetch(url, {
      redirect: 'manual',
      headers: {
        cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
        'sec-fetch-site': 'same-origin',
        ...(isOurs ? { 'x-forwarded-proto': 'https' } : {}),
      },
    });
    for (const cookie of answer.headers.getSetCookie()) {
      const [pair = '', ...rest] = cookie.split('; ');
      const at = pair.indexOf('=');
      jar.set(pair.slice(0, at), pair.slice(at + 1));
      if (isOurs && SESSION.test(pair))
        expect([pair.startsWith('__Host-'), rest]).toEqual([true, expect.arrayContaining(['Secure', 'HttpOnly'])]);
    }
    return answer;
  }

  signIn(): Promise<string> {
    return this.go('/fornax/v1/sign-in/openid');
  }

  async me(): Promise<number> {
    return (await this.ask(new URL('/fornax/v1/me', publicUrl))).status;
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-openid-'));
  provider = await startRealProvider();
  const secret = join(folder, 'openid-secret');
  await writeFile(secret, `${OPEN_ID_CLIENT.secret}\n`, { mode: 0o600 });
  // As the page says, but for where the provider and the file of this test are.
  const own = { FORNAX_OIDC_ISSUER: provider.issuer, FORNAX_OIDC_CLIENT_SECRET_FILE: secret };
  const { FORNAX_PUBLIC_API_URL: named = '', ...settings } = Object.fromEntries(SETTINGS);
  platform = await startPlatform({ env: { ...settings, ...own } });
  publicUrl = platform.apiUrl;
  provider.open(/```text\n(\S+)\n```/.exec(PAGE)?.[1]?.replace(named, publicUrl) ?? '');
  ({ api } = clientsOf(platform));
});
afterAll(async () => {
  await platform?.stop();
  await provider?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('the how-to about signing in with an OpenID provider', () => {
  it('has settings that the platform knows, and shows the button of the page', async () => {
    expect([...SETTINGS.keys()]).toEqual([
      'FORNAX_PUBLIC_API_URL',
      ...[
        'ISSUER',
        'CLIENT_ID',
        'CLIENT_SECRET_FILE',
        'NAME',
        'NEW_ACCOUNTS',
        'ROLE_CLAIM',
        'ROLES',
        'ORGANIZATION_CLAIM',
      ].map((name) => `FORNAX_OIDC_${name}`),
    ]);
    const ways: unknown = await (await fetch(`${platform.apiUrl}/fornax/v1/sign-in`)).json();
    expect(ways).toMatchObject({ openId: { name: /button \*Sign in with ([^*]+)\*/.exec(PAGE)?.[1] } });
  });

  it('is true: its commands make accounts, the provider decides on roles and organizations, and who leaves is out', async () => {
    const [made, , disabled] = examplesOf(PAGE);
    const run = {
      env: platform.clientEnv,
      programs: { fornax: [process.execPath, join(workspaceRoot, 'apps/cli/bin/fornax.mjs')] },
      timeoutMs: 60_000,
    };
    if (made === undefined || disabled === undefined) throw new Error('the page has no such commands');
    const subject = '248289761001';
    const claims = { email: 'grace@example.org', email_verified: true, groups: ['fornax-audit'], department: 'Acme' };
    const browser = new ProxiedBrowser();

    provider.next = { subject, claims };
    expect(await browser.signIn()).toBe('/ui/#sign-in-trouble=organization-unknown');
    await runPage([made], { ...run, folder: join(folder, 'made') });
    expect(await browser.signIn()).toBe('/ui/');
    expect(await browser.me()).toBe(200);
    const account = async () => (await api.people.users()).find(({ email }) => email === 'grace@example.org');
    expect(await account()).toMatchObject({ role: 'auditor', organization: { name: 'Acme' } });

    // Who is in none of the groups is a user from the next sign-in on.
    provider.next = { subject, claims: { ...claims, groups: ['others'] } };
    expect(await new ProxiedBrowser().signIn()).toBe('/ui/');
    expect(await account()).toMatchObject({ role: 'user' });
    provider.next = { subject, claims: { ...claims, groups: undefined } };
    expect(await new ProxiedBrowser().signIn()).toBe('/ui/#sign-in-trouble=claim-missing');
    provider.next = { subject: 'nobody', claims: { ...claims, email: 'nobody@example.org' } };
    expect(await new ProxiedBrowser().signIn()).toBe('/ui/#sign-in-trouble=no-account');

    provider.next = { subject, claims };
    await runPage([disabled], { ...run, folder: join(folder, 'disabled') });
    expect(await browser.me()).toBe(401);
    expect(await new ProxiedBrowser().signIn()).toBe('/ui/#sign-in-trouble=account-disabled');
  });

  it('quotes what the page where one signs in says', () => {
    const texts = readFileSync(join(workspaceRoot, 'apps/dashboard/src/known/sign-in-troubles.ts'), 'utf8');
    const quoted = [...PAGE.matchAll(/^\| ([A-Z][^|]*\.) \|/gm)].map(([, text = '']) => text);
    expect(quoted).toHaveLength(3);
    expect(quoted.filter((text) => !texts.includes(text))).toEqual([]);
  });
});
