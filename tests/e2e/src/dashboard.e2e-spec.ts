import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FornaxClient } from '@fornax/client';
import { startPlatform, workspaceRoot, type RunningPlatform } from '@fornax/testing';
import { OPEN_ID_CLIENT, startRealProvider, type RealProvider } from '@fornax/testing/open-id';
import type { Browser, Page } from 'playwright-core';
import { hasBrowser, openBrowser, signedInPages, violationsOn, watchedPage } from './browser.js';
import { clientsOf } from './clients.js';
import {
  visitBilling,
  visitInstances,
  visitJobs,
  visitOverview,
  visitPeople,
  visitPlatform,
  visitPools,
  visitSecrets,
  visitWebhooks,
  type Visit,
} from './dashboard-pages.js';
import { OWNER, visitAs, visitShared } from './dashboard-shared.js';
import { visitAttempts, visitManyAttempts, visitSubmit, visitViews } from './dashboard-work-pages.js';

const FIRST_VIEW_BYTES = 350_000;
const MAP_MS = 500;
/** Ten frames a second are no stall, also on a busy machine. */
const FRAME_MS = 100;
const HTML = `<img src=x onerror="document.title='run'"><b>bold</b>`;

let platform: RunningPlatform;
let provider: RealProvider;
let api: FornaxClient;
let browser: Browser;

const suite = hasBrowser() ? describe : describe.skip;

const { signedIn, opened } = signedInPages(() => [browser, platform]);

/** The client of a new user. */
const newUser = async (email: string, of: { readonly organization?: string } = {}): Promise<FornaxClient> => {
  await api.people.createUser(email, of);
  const { token } = await api.people.createToken({ name: 'browser' }, email);
  return clientsOf({ ...platform, token }).api;
};

const submit = (client: FornaxClient, name: string, command = 'echo done', tags: string[] = []): Promise<string> =>
  client.submitTask({
    name,
    profile: 'docker-batch',
    instanceCount: 1,
    tags,
    constants: [{ key: 'DOCKER_CMD', value: command }],
  });

/** Every page, with that of a task. */
const pagesWith = (task: string): readonly string[] => [
  '/overview',
  '/tasks',
  '/submit',
  '/nodes',
  '/buckets',
  ...['/jobs', '/pools', '/secrets', '/webhooks'],
  ...['spend', 'budgets', 'prices'].map((tab) => `/billing?tab=${tab}`),
  ...['me', 'users', 'organizations'].map((tab) => `/people?tab=${tab}`),
  ...['services', 'projections', 'log', 'scheduling'].map((tab) => `/platform?tab=${tab}`),
  ...['about', 'instances', 'attempts', 'output', 'files', 'history', 'bill', 'code'].map(
    (tab) => `/tasks/${task}?tab=${tab}`,
  ),
];

const isShown = async (page: Page, path: string): Promise<void> => {
  await page.goto(`${platform.apiUrl}/ui${path}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.getByLabel('Loading', { exact: true }).first().waitFor({ state: 'hidden' });
};

beforeAll(async () => {
  provider = await startRealProvider();
  platform = await startPlatform({
    env: {
      FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: '127.0.0.1:*',
      FORNAX_OIDC_ISSUER: provider.issuer,
      FORNAX_OIDC_CLIENT_ID: OPEN_ID_CLIENT.id,
      FORNAX_OIDC_CLIENT_SECRET: OPEN_ID_CLIENT.secret,
      FORNAX_OIDC_NAME: 'Acme ID',
    },
  });
  provider.open(`${platform.apiUrl}/fornax/v1/sign-in/openid/callback`);
  ({ api } = clientsOf(platform));
});
afterAll(async () => {
  await platform?.stop();
  await provider?.close();
});

describe('the types of its client', () => {
  it('are those of the document that the platform serves', async () => {
    const script = join(workspaceRoot, 'apps/dashboard/generate-api.mjs');
    await promisify(execFile)(process.execPath, [script, platform.apiUrl, '--check']);
  });
});

suite('the dashboard', () => {
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());

  it('lets people in by their identity provider, back to where they were, with their own tasks, and out again', async () => {
    const email = 'grace@id.example';
    await api.people.createUser(email, {});
    await api.people.changeUser(email, { openIdSubject: 'grace' });
    const { token } = await api.people.createToken({ name: 'program' }, email);
    await submit(clientsOf({ ...platform, token }).api, 'of grace');
    provider.askWith(new Map([['grace', { email, email_verified: true }]]));
    const context = await browser.newContext();
    const { page, troubles } = await watchedPage(context, [platform.apiUrl, provider.issuer]);
    await page.goto(`${platform.apiUrl}/ui/tasks?state=success`);
    expect(await violationsOn(page)).toEqual([]);
    await page.getByRole('link', { name: 'Sign in with Acme ID' }).click();
    await page.getByLabel('Name').fill('grace');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Tasks' }).waitFor();
    expect(page.url()).toBe(`${platform.apiUrl}/ui/tasks?state=success`);
    await page.goto(`${platform.apiUrl}/ui/tasks`);
    await page.getByRole('link', { name: 'of grace' }).waitFor();
    const cookies = await context.cookies(platform.apiUrl);
    expect(cookies.find(({ name }) => name === 'fornax_session')).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
    await page.getByRole('button', { name: email }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('link', { name: 'Sign in with Acme ID' }).waitFor();
    await page.goto(`${platform.apiUrl}/ui/tasks`);
    await page.getByRole('heading', { name: 'Sign in to Fornax' }).waitFor();
    // Who is known to the provider, and not here, is told why it stays out.
    await context.clearCookies();
    await page.getByRole('link', { name: 'Sign in with Acme ID' }).click();
    await page.getByLabel('Name').fill('nobody');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').waitFor();
    expect(troubles).toEqual([]);
    await context.close();
  });

  it('is where a browser that opens the API is led, and asks for a token', async () => {
    const context = await browser.newContext();
    const { page } = await watchedPage(context, [platform.apiUrl]);
    await page.goto(platform.apiUrl);
    expect(new URL(page.url()).pathname).toBe('/ui/');
    await page.getByLabel('Token').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('This token opens nothing here.').waitFor();
    await page.getByLabel('Token').fill(platform.token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Tasks' }).waitFor();
    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ name: 'fornax_session', httpOnly: true, sameSite: 'Strict' });
    await context.close();
  });

  it('signs in by a link once, which no server is told and no history keeps', async () => {
    const { path } = await api.people.signInLink();
    const link = new URL(path, platform.apiUrl).href;
    const urls: string[] = [];
    const pageOf = async (): Promise<Page> => {
      const page = await (await browser.newContext()).newPage();
      page.on('request', (request) => urls.push(request.url()));
      await page.goto(link);
      return page;
    };
    const first = await pageOf();
    await first.getByRole('heading', { name: 'Tasks' }).waitFor();
    expect(first.url()).not.toContain('fxl_');
    const second = await pageOf();
    await second.getByText('This link was used already or has expired', { exact: false }).waitFor();
    expect(urls.filter((url) => url.replace(/#.*/, '').includes('fxl_'))).toEqual([]);
  });

  it('asks who is signed in already before a link takes the place of that session', async () => {
    const page = await signedIn(api);
    const other = await newUser('link@example.org');
    const openLink = async (): Promise<void> => {
      const { path } = await other.people.signInLink();
      // Only the part behind the `#` is new: without a reload it would be the same page.
      await page.goto('about:blank');
      await page.goto(new URL(path, platform.apiUrl).href);
      await page.getByRole('heading', { name: 'Sign in by this link?' }).waitFor();
    };
    await openLink();
    await page.getByRole('button', { name: 'Stay as', exact: false }).click();
    await page.getByRole('heading', { name: 'Tasks' }).waitFor();
    expect(await page.getByRole('button', { name: 'link@example.org' }).count()).toBe(0);
    await openLink();
    await page.getByRole('button', { name: 'Sign in by the link' }).click();
    await page.getByRole('button', { name: 'link@example.org' }).waitFor();
    // A link is of who is signed in, also where the page reads as somebody else, or as nobody who may be read as.
    for (const account of ['link@example.org', 'nobody@example.org']) {
      const reader = await signedIn(api);
      const link = new URL((await other.people.signInLink()).path, platform.apiUrl);
      link.searchParams.set('as', account);
      await reader.goto('about:blank');
      await reader.goto(link.href);
      await reader.getByRole('heading', { name: 'Sign in by this link?' }).waitFor();
      expect(await reader.getByText(`You are signed in as ${account}`, { exact: false }).count()).toBe(0);
      await reader.context().close();
    }
  });

  it('submits a task, watches it, and shows its output, history and bill; HTML in names and output is text', async () => {
    const page = await signedIn(api);
    await page.getByRole('link', { name: 'Submit', exact: true }).click();
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill(HTML);
    await page.getByLabel('Instances').fill('4');
    await page.getByLabel('DOCKER_CMD').fill(`sh -c "echo '<b>bold</b>'; echo seen \${INSTANCE_ID}"`);
    await page.getByRole('button', { name: 'Submit', exact: true }).click();
    await page.getByRole('heading', { name: HTML }).waitFor();
    await page.getByText('Success', { exact: true }).waitFor({ timeout: 60_000 });
    await page.getByRole('tab', { name: 'Instances' }).click();
    await page.getByRole('img', { name: '4 succeeded', exact: false }).waitFor();
    await page.getByRole('tab', { name: 'Output' }).click();
    await page.getByText('that is all', { exact: false }).waitFor();
    await page.getByLabel('Lines with').fill('seen 3');
    await page.getByText('1 line of 8', { exact: false }).waitFor();
    await page.getByText('3> seen 3').waitFor();
    await page.getByLabel('Lines with').fill('bold');
    await page.getByText('0> <b>bold</b>').waitFor();
    expect(page.url()).toContain('find=bold');
    await page.getByRole('tab', { name: 'History' }).click();
    await page.getByRole('button', { name: 'Show the task as of', exact: false }).first().click();
    await page.getByText('This is how the task stood', { exact: false }).waitFor();
    await page.getByText('Waiting', { exact: true }).first().waitFor();
    await page.getByRole('button', { name: 'Show it as it is now' }).click();
    await page.getByRole('tab', { name: 'Bill' }).click();
    await page.getByText('€', { exact: false }).first().waitFor();
    const lines = page.getByRole('table', { name: 'Lines of the bill' });
    await lines.getByRole('row').nth(4).waitFor({ timeout: 60_000 });
    await lines.getByRole('button', { name: 'when instance 3 was billed', exact: false }).click();
    await page.getByText('This is how the task stood', { exact: false }).waitFor();
    const slider = page.getByRole('slider', { name: 'The moment that is shown' });
    await slider.press('Home');
    await page.getByText('As it stood: TaskSubmitted', { exact: false }).waitFor();
    await page.getByText('Waiting', { exact: true }).first().waitFor();
    await slider.press('End');
    await page.getByText('As it stood: now').waitFor();
    await page.getByText('Success', { exact: true }).waitFor();
    const { status, headers } = await fetch(
      `${platform.apiUrl}/tasks/${new URL(page.url()).pathname.split('/').at(-1)}/stdout`,
      {
        headers: { authorization: platform.token },
      },
    );
    expect([status, headers.get('x-content-type-options')]).toEqual([200, 'nosniff']);
    expect(await page.title()).toBe('Fornax');
  });

  it('makes its form of a profile that somebody published: lists, what no task may set, and HTML as text', async () => {
    const constants = [
      { name: 'WHO', description: HTML },
      { name: 'WORD', default: 'hello', allowed: ['hello', 'good day'] },
      { name: 'FIXED', default: 'as it is', access: 'readOnly' },
    ];
    const document = { name: 'greeting', image: 'host', script: 'echo "$WORD, $WHO, $FIXED"', constants };
    await api.publishedProfiles.publish(document);
    const page = await signedIn(api);
    await page.getByRole('link', { name: 'Submit', exact: true }).click();
    await page.getByLabel('Profile').first().click();
    await page.getByRole('option', { name: 'greeting' }).click();
    await page.getByText(HTML).waitFor();
    expect(await page.getByLabel('FIXED').isDisabled()).toBe(true);
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('greet');
    await page.getByLabel('WHO').fill('Ada');
    await page.getByLabel('WORD').first().click();
    await page.getByRole('option', { name: 'good day' }).click();
    await page.getByRole('button', { name: 'Submit', exact: true }).click();
    await page.getByRole('heading', { name: 'greet' }).waitFor();
    await page.getByText('Success', { exact: true }).waitFor({ timeout: 60_000 });
    await page.getByRole('tab', { name: 'Output' }).click();
    await page.getByText('good day, Ada, as it is').waitFor();
  });

  it('shows what others submit as it happens, finds it by tag, and aborts many with a list of what failed', async () => {
    const page = await signedIn(api);
    const ids = await Promise.all([1, 2, 3].map((n) => submit(api, `many ${n}`, 'sleep 600', ['many'])));
    await page.getByRole('link', { name: 'many 3' }).waitFor();
    await page.getByLabel('Tag').fill('many');
    // Where this is all that there is, as many tasks were shown before.
    await page.waitForURL(/tag=many/);
    await page.getByText('3 tasks').waitFor();
    await api.abortTask(String(ids[0]));
    await page.getByText('Cancelled').first().waitFor();
    await page.getByLabel('Choose all that are loaded').check();
    await page.getByRole('button', { name: 'Abort' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Abort' }).click();
    await page.getByText('Abort: 3 of 3').waitFor();
    await page.getByText('1 could not be done').waitFor();
    await page.getByRole('button', { name: 'Close' }).last().click();
    await page.getByText('Cancelled').nth(2).waitFor({ timeout: 60_000 });
  });

  describe('shows what else there is, with names that would run as text', () => {
    let visit: Visit;
    beforeAll(async () => {
      const page = await signedIn(api);
      visit = { page, api, open: (path) => isShown(page, path) };
    });
    afterAll(() => expect(visit.page.title()).resolves.toBe('Fornax'));

    it('what failed, by its cause, and a palette that finds it', () => visitOverview(visit, HTML));
    it('instances by what they came to, and 100,000 of them within half a second', async () => {
      const ms = await visitInstances(visit, HTML);
      process.stderr.write(`map of 100,000 instances: ${ms.toFixed(0)} ms to its first paint\n`);
      expect(ms).toBeLessThan(MAP_MS);
    });
    it('attempts over time, as a drawing and as a table', () => visitAttempts(visit, HTML));
    it('10,000 attempts within half a second, and scrolls through them', async () => {
      const [painted = NaN, frame = NaN, longest = NaN] = await visitManyAttempts(visit, HTML);
      const figures = [painted, frame, longest].map((ms) => `${ms.toFixed(0)} ms`);
      process.stderr.write(`10,000 attempts: painted, a frame of scrolling, the longest: ${figures.join(', ')}\n`);
      expect(painted).toBeLessThan(MAP_MS);
      expect(frame).toBeLessThan(FRAME_MS);
    });
    it('how many nodes fit a task that is only thought of, and what it would cost', () => visitSubmit(visit));
    it('tasks by conditions that are put together, and views of them', () => visitViews(visit, HTML));
    it('jobs, their graph and table', () => visitJobs(visit, HTML));
    it('pools, their slots and what decided about them', () => visitPools(visit, HTML));
    it('spend, budgets, and prices that are only thought of', () => visitBilling(visit, HTML));
    it('secrets, but not their values', () => visitSecrets(visit, '<b>key<b>'));
    it('people and their quotas', () => visitPeople(visit));
    it('webhooks, and how their deliveries go', () => visitWebhooks(visit, HTML));
    it('the platform itself', () => visitPlatform(visit));
  });

  it('shows nobody what others have, and an auditor nothing that writes', async () => {
    const id = await submit(api, 'the first one');
    const other = await signedIn(await newUser('other@example.org'));
    await other.getByText('There are no tasks yet').waitFor();
    await other.goto(`${platform.apiUrl}/ui/tasks/${id}`);
    await other.getByRole('heading', { name: 'There is no such thing, or none that you may see', level: 1 }).waitFor();
    const auditor = await newUser('auditor@example.org');
    const page = await signedIn(auditor);
    await api.people.changeUser('auditor@example.org', { role: 'auditor' });
    await page.reload();
    await page.getByRole('heading', { name: 'Tasks' }).waitFor();
    expect(await page.getByText('Submit', { exact: false }).count()).toBe(0);
    await page.goto(`${platform.apiUrl}/ui/tasks`);
    expect(await page.getByRole('checkbox').count()).toBe(0);
    expect(await page.getByRole('link', { name: 'Platform' }).count()).toBe(0);
    await isShown(page, '/platform');
    await page.getByText('Only operators see this').waitFor();
    for (const path of ['/secrets', '/webhooks', '/jobs', '/pools']) {
      await isShown(page, path);
      expect(await page.getByRole('main').getByRole('button').count()).toBe(0);
    }
    await isShown(page, '/nodes');
    await page.getByRole('region', { name: 'node-1' }).waitFor();
  });

  it('shows members of a project whose a task, job or pool is, and only what they may do with it; an auditor all that a colleague sees', async () => {
    await api.people.createOrganization('Acme');
    const inAcme = (name: string): Promise<FornaxClient> => newUser(`${name}@acme.example`, { organization: 'Acme' });
    const visitOf = async (name: string): Promise<Omit<Visit, 'api'>> => {
      const page = await signedIn(await inAcme(name));
      return { page, open: (path) => isShown(page, path) };
    };
    const owner = await inAcme('owner');
    const [viewer, maintainer, auditor] = [
      await visitOf('viewer'),
      await visitOf('maintainer'),
      await visitOf('auditor'),
    ];
    await api.people.changeUser('auditor@acme.example', { role: 'auditor' });
    const { token } = await api.people.createToken({ name: 'files' }, OWNER);
    const { s3: files } = clientsOf({ ...platform, token, clientEnv: { AWS_ACCESS_KEY_ID: OWNER } });
    const shared = { api, owner, files, viewer, maintainer, auditor, pagesWith };
    await visitShared(shared);
    const { email: stranger } = await api.people.createUser('stranger@example.org');
    await visitAs(shared, stranger);
  });

  it('ends a session at once: by its owner, and with its account', async () => {
    const user = await newUser('leaving@example.org');
    const [first, second] = [await signedIn(user), await signedIn(user)];
    expect((await user.people.tokens()).filter(({ name }) => name === 'session of a browser')).toHaveLength(2);
    await first.getByRole('button', { name: 'leaving@example.org' }).click();
    await first.getByRole('menuitem', { name: 'Sign out' }).click();
    await first.getByRole('heading', { name: 'Sign in to Fornax' }).waitFor();
    expect((await user.people.tokens()).filter(({ name }) => name === 'session of a browser')).toHaveLength(1);
    await api.people.changeUser('leaving@example.org', { disabled: true });
    await second.reload();
    await second.getByRole('heading', { name: 'Sign in to Fornax' }).waitFor();
  });

  it.each(['light', 'dark'] as const)(
    'has nothing that axe-core finds against WCAG 2.2 AA (%s)',
    async (colorScheme) => {
      const id = await submit(api, 'looked at', 'echo one');
      const page = await signedIn(api, { colorScheme });
      const found: Record<string, readonly string[]> = {};
      const look = async (path: string): Promise<void> => {
        await isShown(page, path);
        found[path] = await violationsOn(page);
      };
      for (const path of pagesWith(id)) await look(path);
      await page.context().clearCookies();
      await look('/');
      expect(Object.fromEntries(Object.entries(found).filter(([, violations]) => violations.length > 0))).toEqual({});
    },
  );

  it('fits a telephone of 390 pixels: what is wider is scrolled in its own place, also by the keyboard', async () => {
    const tag = 'a-long-tag-of-a-single-word-that-is-wider-than-a-telephone-is';
    const id = await submit(api, 'looked at on a telephone', 'echo one', [tag]);
    const page = await signedIn(api, { viewport: { width: 390, height: 844 } });
    const wider: Record<string, number> = {};
    const found: string[] = [];
    for (const path of pagesWith(id)) {
      await isShown(page, path);
      const width = await page.evaluate<number>('document.documentElement.scrollWidth');
      if (width > 390) wider[path] = width;
      found.push(...(await violationsOn(page)).map((violation) => `${path} ${violation}`));
    }
    expect(wider).toEqual({});
    expect(found).toEqual([]);
    // What an address cannot be is not there for its page, and breaks none.
    await isShown(page, `/tasks/${id}?tab=instances&color=none&chosen={"a":1}`);
    await page.getByRole('img', { name: /^Map of 1 / }).waitFor();
    expect(page.url()).toBe(`${platform.apiUrl}/ui/tasks/${id}?tab=instances`);
    await page.getByRole('button', { name: 'Navigation' }).click();
    await page.getByRole('link', { name: 'Buckets' }).click();
    await page.getByRole('heading', { name: 'Buckets' }).waitFor();
  });

  it('says over a page at rest that the platform is stuck, and asks for what it shows anew when that is over', async () => {
    const page = await signedIn(api);
    await isShown(page, '/buckets');
    const bar = page.getByText('The platform does not answer.', { exact: false });
    const pid = (await platform.parts())['platform'] ?? Number.NaN;
    process.kill(pid, 'SIGSTOP');
    try {
      await bar.waitFor({ timeout: 40_000 });
      expect(await violationsOn(page)).toEqual([]);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await page.waitForResponse((response) => response.url().endsWith('/fornax/v1/buckets') && response.ok());
    await bar.waitFor({ state: 'hidden' });
  });

  it('loads less script for its first view than is promised', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const scripts = new Map<string, Promise<Buffer>>();
    page.on('response', (response) => {
      if (response.request().resourceType() === 'script') scripts.set(response.url(), response.body());
    });
    const { path } = await api.people.signInLink();
    await page.goto(new URL(path, platform.apiUrl).href);
    await page.getByRole('table', { name: 'Tasks' }).waitFor();
    const bytes = (await Promise.all(scripts.values())).reduce((sum, body) => sum + gzipSync(body).length, 0);
    process.stderr.write(`first view: ${bytes} bytes of script, compressed\n`);
    expect(bytes).toBeGreaterThan(50_000);
    expect(bytes).toBeLessThan(FIRST_VIEW_BYTES);
  });

  it('asks nobody but the platform, and runs nothing that its policy refuses', () => {
    expect(opened.length).toBeGreaterThan(3);
    expect(opened.flatMap(({ troubles }) => troubles)).toEqual([]);
  });
});
