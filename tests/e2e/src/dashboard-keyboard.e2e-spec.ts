import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FornaxClient } from '@fornax/client';
import { startPlatform, type RunningPlatform } from '@fornax/testing';
import type { Browser, Page } from 'playwright-core';
import { hasBrowser, openBrowser, signedInPages, watchedPage } from './browser.js';
import { clientsOf } from './clients.js';
import { stopOf, stopsOf, tabTo } from './keyboard.js';
import { redPoint } from './red-point.js';

const COMMAND = `sh -c "cp red.png picture-\${INSTANCE_ID}.png; echo made \${INSTANCE_ID}"`;

let platform: RunningPlatform;
let api: FornaxClient;
let browser: Browser;
let page: Page;

const suite = hasBrowser() ? describe : describe.skip;
const { signedIn, opened } = signedInPages(() => [browser, platform]);

const press = async (...keys: readonly string[]): Promise<void> => {
  for (const key of keys) await page.keyboard.press(key);
};
const type = (text: string): Promise<void> => page.keyboard.type(text);
/** To a tab of the page of a task: the arrows choose among tabs. */
const toTab = async (name: string, key: 'Tab' | 'Shift+Tab' = 'Shift+Tab'): Promise<void> => {
  const names = /^(About|Instances|Attempts|Output|Files|History|Bill|As code)$/;
  while ((await tabTo(page, names, key)).role !== 'tab') continue;
  for (let step = 0; step < 8 && (await stopOf(page)).name !== name; step += 1) await press('ArrowRight');
  expect(await stopOf(page)).toMatchObject({ name, role: 'tab' });
};
/** By the palette. */
const goTo = async (name: string, letters = name): Promise<void> => {
  await press('Control+K');
  await page.getByRole('dialog', { name: 'Go to' }).waitFor();
  await type(letters);
  await page.getByRole('option', { name, exact: false }).first().waitFor();
  await press('Enter');
  await page.getByRole('heading', { level: 1, name }).waitFor();
};

suite('the dashboard, by the keyboard alone', () => {
  beforeAll(async () => {
    platform = await startPlatform();
    ({ api } = clientsOf(platform));
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await platform?.stop();
  });

  it('signs in with a token, and submits a task with a file', async () => {
    const context = await browser.newContext({ viewport: { width: 1200, height: 800 } });
    ({ page } = await watchedPage(context, [platform.apiUrl, platform.storageUrl]));
    await page.goto(`${platform.apiUrl}/ui/`);
    await page.getByRole('heading', { name: 'Sign in to Fornax' }).waitFor();
    await tabTo(page, 'Token');
    await type(platform.token);
    await press('Enter');
    await page.getByRole('heading', { name: 'Tasks' }).waitFor();
    await tabTo(page, 'Submit');
    await press('Enter');
    await page.getByRole('heading', { name: 'Submit a task' }).waitFor();
    await tabTo(page, 'Name');
    await type('by keyboard');
    await tabTo(page, 'Instances');
    await press('Control+A');
    await type('4');
    await tabTo(page, /^DOCKER_CMD/);
    await type(COMMAND);
    await tabTo(page, 'Choose files');
    const chooser = page.waitForEvent('filechooser');
    await press('Enter');
    await (await chooser).setFiles({ name: 'red.png', mimeType: 'image/png', buffer: redPoint() });
    await page.getByText('red.png, ', { exact: false }).waitFor();
    await tabTo(page, 'Bucket for results');
    await type('by-keyboard');
    await tabTo(page, 'Submit');
    await press('Enter');
    await page.getByRole('heading', { name: 'by keyboard' }).waitFor();
    await page.getByText('Success', { exact: true }).waitFor({ timeout: 60_000 });
  });

  it('chooses instances, searches the output, goes to a line, and downloads a result', async () => {
    await toTab('Instances', 'Tab');
    await page.getByRole('img', { name: '4 succeeded', exact: false }).waitFor();
    await tabTo(page, 'Chosen');
    await type('1-2');
    await page.getByRole('button', { name: 'Output of instance 3' }).waitFor({ state: 'detached' });
    await tabTo(page, 'Output of instance 2');
    await press('Enter');
    await page.getByText('made 2').waitFor();
    await toTab('Output', 'Tab');
    await tabTo(page, 'Lines with');
    await type('made 2');
    await page.getByText('1 line of 1', { exact: false }).waitFor();
    await tabTo(page, 'Go to line');
    await type('1');
    await press('Enter');
    expect(await stopOf(page)).toMatchObject({ name: 'Output', role: 'log' });
    await toTab('Files');
    await tabTo(page, 'picture-3.png');
    await press('Enter');
    await page.getByRole('dialog').getByRole('img', { name: 'picture-3.png' }).waitFor();
    await tabTo(page, 'Download');
    const download = page.waitForEvent('download');
    await press('Enter');
    expect((await readFile(await (await download).path())).equals(redPoint())).toBe(true);
    await press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect((await stopOf(page)).name).toBe('picture-3.png');
  });

  it('sees the bill and the history, and moves through time', async () => {
    await toTab('Bill');
    await page.getByText('So far').waitFor();
    await toTab('History');
    await tabTo(page, /^Show the task as of/);
    await press('Enter');
    await page.getByText('This is how the task stood', { exact: false }).waitFor();
    await tabTo(page, 'The moment that is shown', 'Shift+Tab');
    await press('Home');
    await page.getByText('As it stood: TaskSubmitted', { exact: false }).waitFor();
    await press('ArrowRight');
    await page.getByText('As it stood: TaskSubmitted', { exact: false }).waitFor({ state: 'detached' });
    await press('End');
    await page.getByText('As it stood: now').waitFor();
  });

  it('finds pages, tasks and what else there is by letters, and gives the focus back', async () => {
    await goTo('Tasks');
    await goTo('by keyboard', 'by key');
    await tabTo(page, 'Go to', 'Shift+Tab');
    await press('Enter');
    await page.getByRole('dialog', { name: 'Go to' }).waitFor();
    // It keeps the keyboard while it is there.
    await press('Tab', 'Tab', 'Tab');
    expect(await page.evaluate<boolean>(`document.activeElement.closest('[role=dialog]') !== null`)).toBe(true);
    await press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect((await stopOf(page)).name).toBe('Go to');
    const { name } = await tabTo(page, /@|^first|^operator|^admin/i);
    await press('Enter');
    await page.getByRole('menuitem', { name: 'Sign out' }).waitFor();
    await press('ArrowDown', 'ArrowDown');
    expect((await stopOf(page)).role).toBe('menuitem');
    await press('Escape');
    await page.getByRole('menu').waitFor({ state: 'detached' });
    expect((await stopOf(page)).name).toBe(name);
  });

  it('chooses tasks and aborts many', async () => {
    for (const number of [1, 2, 3])
      await api.submitTask({
        name: `many ${number}`,
        profile: 'docker-batch',
        instanceCount: 1,
        tags: ['many'],
        constants: [{ key: 'DOCKER_CMD', value: 'sleep 600' }],
      });
    await goTo('Tasks');
    await tabTo(page, 'Tag');
    await type('many');
    await page.getByText('3 tasks').waitFor();
    await tabTo(page, 'Choose all that are loaded');
    await press('Space');
    await tabTo(page, 'Choose many 1');
    await press('Space');
    await tabTo(page, /^Abort/, 'Shift+Tab');
    await press('Enter');
    await page.getByRole('dialog').waitFor();
    await tabTo(page, 'Abort');
    await press('Enter');
    await page.getByText('Abort: 2 of 2').waitFor();
    await press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByRole('table', { name: 'Tasks' }).getByText('Cancelled').nth(1).waitFor({ timeout: 60_000 });
    await tabTo(page, 'many 1');
  });

  it('follows a job through its graph', async () => {
    const tasks = [
      { name: 'first', command: 'true' },
      { name: 'second', command: 'true' },
    ];
    await api.jobs.submit({ name: 'steps', tasks });
    await goTo('Jobs');
    await tabTo(page, 'steps');
    await press('Enter');
    await page.getByRole('heading', { level: 1, name: 'steps' }).waitFor();
    await tabTo(page, 'second');
    await press('Enter');
    await page.getByRole('heading', { level: 1, name: 'second' }).waitFor();
  });

  it('comes round every page, and sees where it is', async () => {
    page = await signedIn(api);
    const id = (await api.listTasks())[0]?.uuid ?? '';
    const unseen: Record<string, readonly string[]> = {};
    for (const path of [
      ...[
        'overview',
        'tasks',
        'submit',
        'nodes',
        'buckets',
        'jobs',
        'pools',
        'billing',
        'secrets',
        'people',
        'webhooks',
        'platform',
      ],
      ...['instances', 'attempts', 'output', 'files', 'history', 'bill', 'code'].map((tab) => `tasks/${id}?tab=${tab}`),
    ]) {
      await page.goto(`${platform.apiUrl}/ui/${path}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.getByLabel('Loading', { exact: true }).first().waitFor({ state: 'hidden' });
      const stops = await stopsOf(page);
      expect(stops.length).toBeGreaterThan(10);
      const bad = stops.filter(({ isSeen, name }) => !isSeen || name === '');
      if (bad.length > 0) unseen[path] = bad.map(({ role, name }) => `${role} ${name}`);
    }
    expect(unseen).toEqual({});
  });

  it('asks nobody but the platform, and runs nothing that its policy refuses', () => {
    expect(opened.flatMap(({ troubles }) => troubles)).toEqual([]);
  });
});
