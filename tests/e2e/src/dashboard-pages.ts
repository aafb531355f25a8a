import { createServer } from 'node:http';
import { once } from 'node:events';
import { expect } from '@jest/globals';
import type { FornaxClient } from '@fornax/client';
import { eventually } from '@fornax/testing';
import type { Page } from 'playwright-core';
import { violationsOn } from './browser.js';

/** Somebody who is signed in, the same one's client, and how a page of the dashboard is opened. */
export interface Visit {
  readonly page: Page;
  readonly api: FornaxClient;
  readonly open: (path: string) => Promise<void>;
}

const confirm = (page: Page, name: string) =>
  page.getByRole('dialog').getByRole('button', { name, exact: true }).last().click();
const tab = (page: Page, name: string) => page.getByRole('tab', { name }).click();

/** What failed, by its cause, leads to the tasks that did; what is looked for by its name is found with the keyboard alone. */
export const visitOverview = async ({ page, api, open }: Visit, name: string): Promise<void> => {
  const constants = [{ key: 'DOCKER_CMD', value: 'false' }];
  const id = await api.submitTask({ name, profile: 'docker-batch', instanceCount: 1, constants });
  await api.waitForTask(id);
  await open('/overview');
  await page.getByText('An hour, by the last day').waitFor();
  await page.getByText('Read models behind the log').waitFor();
  await page.getByRole('region', { name: 'What failed' }).getByRole('link').first().click();
  await page.getByText('of them are shown', { exact: false }).waitFor();
  await page.getByRole('link', { name, exact: true }).waitFor();
  await page.getByRole('button', { name: 'Show all' }).click();
  await page.keyboard.press('Control+k');
  const asked = page.getByRole('textbox', { name: 'A page, or', exact: false });
  await asked.fill(name.slice(0, 12));
  await page.getByRole('option', { name, exact: false }).first().waitFor();
  await page.waitForFunction('document.getAnimations().length === 0');
  expect(await violationsOn(page)).toEqual([]);
  await asked.press('Enter');
  await page.getByRole('heading', { name }).waitFor();
};

/** What is in the page once the map is painted, in milliseconds after its tab was chosen. */
const PAINTED = `new Promise((done) => {
  const from = performance.now();
  const tab = [...document.querySelectorAll('[role=tab]')].find((one) => one.textContent === 'Instances');
  const look = () => {
    const map = document.querySelector('canvas[role=img]');
    if (map && map.getContext('2d').getImageData(0, 0, 1, 1).data[3] > 0) done(performance.now() - from);
    else requestAnimationFrame(look);
  };
  tab.click();
  look();
})`;

/** The map of instances: by exit code, a part of it chosen with the mouse and by a text, and one of 100,000. @returns milliseconds to its first paint */
export const visitInstances = async ({ page, api, open }: Visit, name: string): Promise<number> => {
  const taskOf = (instanceCount: number, command: string) =>
    api.submitTask({
      name,
      profile: 'docker-batch',
      instanceCount,
      constants: [{ key: 'DOCKER_CMD', value: command }],
    });
  const few = await taskOf(6, `sh -c 'exit $((INSTANCE_ID % 3))'`);
  await api.waitForTask(few);
  await open(`/tasks/${few}?tab=instances`);
  await page.getByRole('combobox', { name: 'Colored by' }).click();
  await page.getByRole('option', { name: 'exit code' }).click();
  const map = page.getByRole('img', { name: 'Map of 6 instances by exit code', exact: false });
  await page.getByRole('img', { name: '2 0, 2 1, 2 2 to 125', exact: false }).waitFor();
  const box = await map.boundingBox();
  if (box === null) throw new Error('the map is nowhere');
  await page.mouse.move(box.x + 30, box.y + 10);
  await page.mouse.down();
  await page.mouse.move(box.x + 80, box.y + 10);
  await page.mouse.up();
  expect(await page.getByLabel('Chosen').inputValue()).toBe('1-3');
  await page.getByRole('row').nth(3).waitFor();
  expect(await page.getByRole('row').count()).toBe(4);
  await page.getByLabel('Chosen').fill('0,5');
  await page.waitForURL(/chosen=/);
  await page.getByRole('button', { name: 'Output of instance 5' }).waitFor();
  const many = await taskOf(100_000, 'sleep 600');
  const times: number[] = [];
  for (const _ of [1, 2, 3]) {
    await open(`/tasks/${many}`);
    times.push(await page.evaluate<number>(PAINTED));
  }
  await api.deleteTask(many);
  // What else this machine does is no part of it.
  return Math.min(...times);
};

/** A job of two tasks that wait for each other: its list, its graph with live states, its table; then it is ended. */
export const visitJobs = async ({ page, api, open }: Visit, name: string): Promise<void> => {
  await api.jobs.submit({
    name,
    tasks: [
      { name: 'first', command: 'sleep 1' },
      { name: 'second', command: 'true', after: ['first'] },
    ],
  });
  await open('/jobs');
  await page.getByRole('link', { name, exact: true }).click();
  const graph = page.getByRole('region', { name: 'Graph of 2 tasks', exact: false });
  await graph.getByRole('link', { name: 'second' }).waitFor();
  await graph.getByText('Success').nth(1).waitFor({ timeout: 60_000 });
  await page.getByText('Table', { exact: true }).click();
  await page.getByRole('cell', { name: 'first (success)' }).waitFor();
  expect(new URL(page.url()).searchParams.get('view')).toBe('table');
  await page.getByRole('button', { name: 'End', exact: true }).click();
  await confirm(page, 'End');
  await page.getByText('Completed', { exact: true }).waitFor();
};

/** A pool that opens a slot: what decided so, and the slot; then it is closed. */
export const visitPools = async ({ page, api, open }: Visit, name: string): Promise<void> => {
  const elasticProperty = { isElastic: true, minTotalSlots: 1, maxTotalSlots: 1 };
  await api.pools.create({ name, profile: 'docker-batch', elasticProperty });
  await open('/pools');
  await page.getByRole('link', { name, exact: true }).click();
  await page.getByRole('table', { name: 'Slots' }).getByRole('row').nth(1).waitFor({ timeout: 60_000 });
  await tab(page, 'Size');
  await page.getByRole('cell', { name: 'opens 1 slot (0)' }).waitFor();
  await page.getByRole('figure', { name: 'at last 1 ready of 1', exact: false }).waitFor();
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  await confirm(page, 'Close');
  await page.getByText('Closed', { exact: true }).waitFor({ timeout: 60_000 });
};

/** A secret is kept, gets another value, and is deleted; no value of it is in the page. */
export const visitSecrets = async ({ page, api, open }: Visit, name: string): Promise<void> => {
  await open('/secrets');
  const keep = async (key: string, value: string): Promise<void> => {
    await page.getByRole('textbox', { name: 'Key' }).fill(key);
    await page.getByRole('textbox', { name: 'Value' }).fill(value);
    await page.getByRole('button', { name: 'Keep it' }).click();
    await eventually(async () => (await page.getByRole('textbox', { name: 'Value' }).inputValue()) === '');
  };
  await keep(`team/${name}`, 'a-first-value');
  await page.getByRole('link', { name: 'team/', exact: true }).click();
  await keep(name, 'another-value');
  expect(await api.secrets.get(`team/${name}`)).toBe('another-value');
  await page.getByRole('link', { name, exact: true }).click();
  await page.getByRole('table', { name: 'Versions' }).getByRole('row').nth(2).waitFor();
  expect(await page.content()).not.toMatch(/a-first-value|another-value/);
  await page.getByRole('button', { name: `Delete: ${name}` }).click();
  await confirm(page, 'Delete');
  await page.getByText('There are no secrets here').waitFor();
};

/** What was spent, down to the bill of a task; a budget; and what it would have cost by a list that nobody published. */
export const visitBilling = async ({ page, api, open }: Visit, name: string): Promise<void> => {
  const [project] = (await api.people.me()).projects;
  await api.billing.createBudget({ project: project?.uuid, amount: '500', alias: name });
  await open('/billing?tab=budgets');
  await page.getByRole('heading', { name }).waitFor();
  await page.getByText('0.00 € of 500.00 €').waitFor();
  await tab(page, 'Prices');
  await page.getByRole('combobox', { name: 'By' }).click();
  await page.getByRole('option', { name: 'Another one that I write' }).click();
  const list = page.getByLabel('The other price list');
  await list.fill((await list.inputValue()).replace(/"flex": "[^"]*"/, '"flex": "400"'));
  await page.getByRole('button', { name: 'Rate the period' }).click();
  await page.getByRole('table', { name: 'What it would cost' }).getByRole('row', { name: 'In all' }).waitFor();
  expect(new URL(page.url()).searchParams.get('rating')).toBeTruthy();
  await tab(page, 'Spend');
  const spend = page.getByRole('table', { name: 'Spend' });
  // People read names, not ids or slugs: of the project, and of the tasks in it.
  await spend.getByRole('button', { name: 'Default', exact: true }).first().click();
  await page.getByRole('button', { name: 'Only project Default: show all', exact: true }).waitFor();
  // Every user has a project of this name: the tasks are in the reader's own.
  await open(`/billing?by=task&only=project:${project?.uuid ?? ''}`);
  await spend.getByRole('link', { name, exact: true }).first().waitFor();
  await spend.getByRole('link').first().click();
  await page.getByRole('tab', { name: 'Bill', selected: true }).waitFor();
};

/** A user is made, and gets another role and quota. */
export const visitPeople = async ({ page, api, open }: Visit): Promise<void> => {
  const email = 'made-in-a-browser@example.org';
  await open('/people?tab=users');
  await page.getByLabel('E-mail of a new user').fill(email);
  await page.getByRole('button', { name: 'Make it' }).click();
  await page.getByRole('button', { name: `Change ${email}` }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('combobox', { name: 'Role' }).click();
  await page.getByRole('option', { name: 'auditor' }).click();
  await dialog.getByLabel('Tasks').fill('7');
  await dialog.getByRole('button', { name: 'Change it' }).click();
  await page.getByRole('row', { name: email }).getByRole('cell', { name: 'auditor' }).waitFor();
  const { role, quotas } = await api.people.user(email);
  expect([role, quotas.maxTasks]).toEqual(['auditor', 7]);
};

/** A webhook is registered, tested, sent everything again, and deleted; its secret is shown once. */
export const visitWebhooks = async ({ page, open }: Visit, name: string): Promise<void> => {
  const taken: string[] = [];
  const server = createServer((request, response) => {
    taken.push(String(request.headers['webhook-id']));
    request.resume();
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  try {
    await open('/webhooks');
    await page.getByLabel('URL').fill(`http://127.0.0.1:${port}/told`);
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill(name);
    await page.getByRole('button', { name: 'Register it' }).click();
    await page.getByText('It is not shown again.').waitFor();
    await page.getByRole('button', { name: 'I have it' }).click();
    const hook = page.getByRole('region', { name });
    await hook.getByRole('button', { name: 'Test' }).click();
    await page.getByText('It was taken').waitFor();
    const before = taken.length;
    await hook.getByLabel('Send again from').fill('1');
    await hook.getByRole('button', { name: 'Replay' }).click();
    await eventually(() => taken.length > before, { timeoutMs: 30_000 });
    await hook.getByRole('button', { name: `Delete: ${name}` }).click();
    await confirm(page, 'Delete');
    await page.getByText('Nobody is told of anything yet').waitFor();
  } finally {
    server.close();
    server.closeAllConnections();
  }
};

/** Each tab of the platform: a projection is compared with the log, and the log with its checksums. */
export const visitPlatform = async ({ page, open }: Visit): Promise<void> => {
  await open('/platform');
  await page.getByText('Nothing is wrong.').waitFor();
  await tab(page, 'Projections');
  await page.getByRole('button', { name: 'Compare jobs with the log' }).click();
  await page.getByText('jobs: each row is as the log says', { exact: false }).waitFor({ timeout: 60_000 });
  await tab(page, 'Event log');
  await page.getByText('The log is right').waitFor();
  await page.getByRole('button', { name: 'Verify the log' }).click();
  await page.getByText('each is what was appended', { exact: false }).waitFor();
  await tab(page, 'Scheduling');
  await page.getByRole('table', { name: 'Nodes as the scheduler sees them' }).waitFor();
};
