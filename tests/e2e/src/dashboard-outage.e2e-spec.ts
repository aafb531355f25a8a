import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from '@jest/globals';
import type { FornaxClient } from '@fornax/client';
import { eventually, startFaultProxy, startPlatform, type FaultProxy, type RunningPlatform } from '@fornax/testing';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { hasBrowser, openBrowser } from './browser.js';
import { clientsOf } from './clients.js';

/** A browser has so many connections to a host over HTTP/1.1. */
const MOST_CONNECTIONS = 6;
/** Once the network is back, a page is by then as it was: a question is given up after 6 s, and asked again after 3. */
const BACK_MS = 20_000;

let platform: RunningPlatform;
let network: FaultProxy;
let api: FornaxClient;
let browser: Browser;
let context: BrowserContext;

const suite = hasBrowser() ? describe : describe.skip;

const urlOf = (path: string): string => `http://127.0.0.1:${network.port}${path}`;

/** A page of the one browser, whose connections all go through the network that is to fail. */
const open = async (path: string): Promise<Page> => {
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  await page.goto(urlOf(`/ui${path}`));
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.getByLabel('Loading', { exact: true }).first().waitFor({ state: 'hidden' });
  return page;
};

const barOf = (page: Page) => page.getByText('The platform does not answer.', { exact: false });

const printedOn = (page: Page) => page.getByRole('log', { name: 'Output' }).getByText('tick').first();

/** Has the network gone until every page says so and every connection is dead, then has it back. */
const loseNetwork = async (pages: readonly Page[]): Promise<void> => {
  network.swallow();
  await Promise.all(pages.map((page) => barOf(page).waitFor({ timeout: 60_000 })));
  await eventually(() => network.swallowed() === MOST_CONNECTIONS, { timeoutMs: 60_000 });
  network.comeBack();
};

const isBack = async (pages: readonly Page[], route: RegExp): Promise<void> => {
  const since = performance.now();
  await Promise.all(
    pages.flatMap((page) => [
      page.waitForResponse((response) => route.test(new URL(response.url()).pathname) && response.ok(), {
        timeout: BACK_MS,
      }),
      barOf(page).waitFor({ state: 'hidden', timeout: BACK_MS }),
    ]),
  );
  process.stderr.write(`back after ${Math.round(performance.now() - since)} ms\n`);
};

suite('the dashboard behind a network that swallows everything', () => {
  beforeAll(async () => {
    platform = await startPlatform();
    ({ api } = clientsOf(platform));
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await platform?.stop();
  });
  beforeEach(async () => {
    network = await startFaultProxy(Number(new URL(platform.apiUrl).port));
    context = await browser.newContext();
    const { path } = await api.people.signInLink();
    const page = await context.newPage();
    await page.goto(urlOf(path));
    await page.getByRole('heading', { name: 'Tasks' }).waitFor();
    await page.close();
  });
  afterEach(async () => {
    await context.close();
    await network.close();
  });

  it('comes back by itself where all that it asked for are lists, which are read by POST', async () => {
    const page = await open('/overview');
    await loseNetwork([page]);
    await isBack([page], /^\/tasks\/summaries\/paginate$/);
  });

  it('comes back by itself where all that it asked for is read by GET, in three tabs of one browser', async () => {
    const pages = [await open('/platform?tab=services'), await open('/platform?tab=log'), await open('/nodes')];
    await loseNetwork(pages);
    await isBack(pages, /^\/fornax\/v1\/(projections|log\/state|nodes)$/);
  });

  it('reads on in each of three tabs that show what a task prints', async () => {
    const id = await api.submitTask({
      name: 'prints on',
      profile: 'docker-batch',
      instanceCount: 1,
      constants: [{ key: 'DOCKER_CMD', value: `sh -c "while :; do echo tick; sleep 1; done"` }],
    });
    const pages: Page[] = [];
    for (let tab = 0; tab < 3; tab += 1) {
      const page = await open(`/tasks/${id}?tab=output`);
      await printedOn(page).waitFor({ timeout: 60_000 });
      pages.push(page);
    }
    // Each has its stream, and what else it asks for is answered.
    for (const page of pages) {
      await page.getByRole('tab', { name: 'History' }).click();
      await page.getByText('TaskSubmitted').first().waitFor();
      await page.getByRole('tab', { name: 'Output' }).click();
      await printedOn(page).waitFor();
    }
    for (const page of pages)
      await page.waitForResponse((response) => new URL(response.url()).pathname === `/tasks/${id}` && response.ok());
    await api.abortTask(id);
    for (const page of pages) await page.getByText('Cancelled').first().waitFor();
  });
});
